import type { StoredArchive } from './client.ts';
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

/** One storage of the fake; one that is not shared has its own files on each node. */
export class FakeStorage {
  readonly storage: string;
  readonly content: readonly string[];
  readonly shared: boolean;
  totalBytes: number;
  usedBytes = 0;
  readonly #archives = new Map<string, Map<string, StoredFile>>();

  constructor({ storage, content, shared = false, totalBytes = 2 ** 40 }: FakeStorageOptions) {
    this.storage = storage;
    this.content = content;
    this.shared = shared;
    this.totalBytes = totalBytes;
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
