import type { StoredArchive, StoredVolume } from './client.ts';
import type { FakeBackup } from './fake-backups.ts';
import { refuse, refuseErrors } from './fake-refuse.ts';

export interface FakeStorageOptions {
  storage: string;
  content: readonly string[];
  shared?: boolean;
  totalBytes?: number;
}

interface StoredFile {
  sizeBytes: number;
  /** Hex. */
  sha256: string;
}

/** A guest's disk besides its root disk. */
export interface FakeVolume {
  volid: string;
  node: string;
  vmid: number;
  bytes: number;
  /** What a guest wrote on it. */
  content: string;
}

/** One storage of the fake; one that is not shared has its own files on each node. */
export class FakeStorage {
  readonly storage: string;
  readonly content: readonly string[];
  readonly shared: boolean;
  totalBytes: number;
  usedBytes = 0;
  /** It cannot be reached from any node. */
  offline = false;
  readonly #volumes = new Map<string, FakeVolume>();
  #disks = 0;
  readonly #archives = new Map<string, Map<string, StoredFile>>();

  constructor({ storage, content, shared = false, totalBytes = 2 ** 40 }: FakeStorageOptions) {
    this.storage = storage;
    this.content = content;
    this.shared = shared;
    this.totalBytes = totalBytes;
  }

  /** The backups on it, by volid. */
  readonly backups = new Map<string, FakeBackup>();

  keepBackup(backup: FakeBackup): void {
    this.backups.set(backup.volid, backup);
    this.usedBytes += backup.sizeBytes;
  }

  backupsOn(node: string, vmid: number | undefined): FakeBackup[] {
    return [...this.backups.values()].filter(
      (backup) => (this.shared || backup.node === node) && (vmid ?? backup.vmid) === backup.vmid,
    );
  }

  /** Success also when it is not there. */
  removeBackup(volid: string): string | undefined {
    const backup = this.backups.get(volid);
    if (backup?.protected) return `cannot remove protected volume '${volid}' on '${this.storage}'`;
    this.usedBytes -= backup?.sizeBytes ?? 0;
    this.backups.delete(volid);
    return undefined;
  }

  /** Refuses what is not to be kept here as an archive. */
  checkTakes(filename: string): void {
    if (!this.content.includes('vztmpl')) refuse(500, `storage '${this.storage}' does not support 'vztmpl' content`);
    if (!/\.tar(\.(gz|xz|zst|bz2))?$/.test(filename)) refuseErrors({ filename: 'wrong file extension' });
  }

  archives(node: string): StoredArchive[] {
    return [...this.#on(node)].map(([name, { sizeBytes }]) => ({ volid: this.volid(name), sizeBytes }));
  }

  archive(node: string, filename: string): StoredFile | undefined {
    return this.#on(node).get(filename);
  }

  /** Takes the place of one with the same name, silently. A text says why it did not. */
  put(node: string, filename: string, { sizeBytes, sha256 }: StoredFile): string | undefined {
    if (!this.hasRoomFor(sizeBytes)) return `write '${filename}' failed: No space left on device`;
    this.remove(node, filename);
    this.#on(node).set(filename, { sizeBytes, sha256 });
    this.usedBytes += sizeBytes;
    return undefined;
  }

  /** Success also when it is not there, as Proxmox has it. */
  remove(node: string, filename: string): undefined {
    this.usedBytes -= this.#on(node).get(filename)?.sizeBytes ?? 0;
    this.#on(node).delete(filename);
    return undefined;
  }

  /** Undefined when it does not fit. */
  allocate(node: string, vmid: number, bytes: number): FakeVolume | undefined {
    if (!this.hasRoomFor(bytes)) return undefined;
    const volume = { volid: this.#freshVolid(vmid), node, vmid, bytes, content: '' };
    this.#volumes.set(volume.volid, volume);
    this.usedBytes += bytes;
    return volume;
  }

  volume(volid: string): FakeVolume | undefined {
    return this.#volumes.get(volid);
  }

  volumes(): Iterable<FakeVolume> {
    return this.#volumes.values();
  }

  volumesOf(node: string, vmid: number): StoredVolume[] {
    return [...this.#volumes.values()]
      .filter((volume) => volume.vmid === vmid && (this.shared || volume.node === node))
      .map(({ volid, bytes }) => ({ volid, sizeBytes: bytes }));
  }

  /** Its new volid cannot be told beforehand. */
  rename(volume: FakeVolume, vmid: number): void {
    this.#volumes.delete(volume.volid);
    volume.vmid = vmid;
    volume.volid = this.#freshVolid(vmid);
    this.#volumes.set(volume.volid, volume);
  }

  grow(volume: FakeVolume, bytes: number): void {
    this.usedBytes += bytes - volume.bytes;
    volume.bytes = bytes;
  }

  free(volid: string): void {
    this.usedBytes -= this.#volumes.get(volid)?.bytes ?? 0;
    this.#volumes.delete(volid);
  }

  #freshVolid(vmid: number): string {
    this.#disks += 1;
    return `${this.storage}:vm-${vmid}-disk-${this.#disks}`;
  }

  hasRoomFor(bytes: number): boolean {
    return this.usedBytes + bytes <= this.totalBytes;
  }

  volid(filename: string): string {
    return `${this.storage}:vztmpl/${filename}`;
  }

  #on(node: string): Map<string, StoredFile> {
    const place = this.shared ? '' : node;
    const files = this.#archives.get(place) ?? new Map<string, StoredFile>();
    this.#archives.set(place, files);
    return files;
  }
}
