import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeFileWhole } from '../write-file-whole.ts';
import type { StorageDefinition } from './storage-definition.ts';
import { parseVolumeName, type VolumeName } from './volume-name.ts';

/** A guest's disk: a folder on this machine that stands for an image file of a fixed size. */
export interface Volume {
  /** As in `local:NAME`, such as `100/vm-100-disk-0.raw`. */
  name: string;
  vmid: number;
  sizeBytes: number;
  /** How much of it is written, as far as that is known. */
  contentBytes: number;
  createdAt: number;
  /** Ports that the image it was unpacked from exposes. */
  exposedPorts: string[];
}

/** A file of a storage that is no disk. */
export interface StorageFile {
  name: string;
  volume: VolumeName;
  path: string;
  sizeBytes: number;
  changedAt: number;
}

/** The disk cannot take that much more. */
export class NoSpace extends Error {}

const KeptVolume = z.object({
  sizeBytes: z.number(),
  contentBytes: z.number(),
  createdAt: z.number(),
  exposedPorts: z.array(z.string()),
});

const folderOf = {
  vztmpl: 'template/cache',
  iso: 'template/iso',
  backup: 'dump',
  snippets: 'snippets',
  import: 'import',
  images: 'images',
} as const;

/** One storage as one node has it (or all nodes, for a shared one): a folder laid out as Proxmox lays out directories. */
export class DirectoryStorage {
  readonly definition: StorageDefinition;
  readonly #root: string;
  readonly #volumes = new Map<string, Volume>();

  constructor(definition: StorageDefinition, root: string) {
    this.definition = definition;
    this.#root = root;
    for (const folder of Object.values(folderOf)) mkdirSync(join(root, folder), { recursive: true });
    this.#loadVolumes();
  }

  /** Where a volume lies on this machine; a disk is a folder. */
  pathOf(name: string): string {
    const volume = parseVolumeName(name);
    if (volume.content !== 'images') return join(this.#root, folderOf[volume.content], volume.file);
    return join(this.#root, 'images', String(volume.owner), volume.file.replace(/\.[a-z0-9]+$/, ''));
  }

  /** Where Proxmox would say that it lies. */
  shownPathOf(name: string): string {
    const volume = parseVolumeName(name);
    const folder = volume.content === 'images' ? `images/${volume.owner}` : folderOf[volume.content];
    return `${this.definition.shownPath}/${folder}/${volume.file}`;
  }

  has(name: string): boolean {
    return parseVolumeName(name).content === 'images' ? this.#volumes.has(name) : existsSync(this.pathOf(name));
  }

  volume(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  volumes(): Iterable<Volume> {
    return this.#volumes.values();
  }

  /** Files of one kind, by name. */
  files(content: keyof typeof folderOf): StorageFile[] {
    const folder = join(this.#root, folderOf[content]);
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => this.file(`${content}/${name}`))
      .filter((file) => file !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Undefined for what is not there and for files that Proxmox would not list. */
  file(name: string): StorageFile | undefined {
    try {
      const volume = parseVolumeName(name);
      const path = this.pathOf(name);
      const { size, mtimeMs } = statSync(path);
      return { name, volume, path, sizeBytes: size, changedAt: Math.floor(mtimeMs / 1000) };
    } catch {
      return undefined;
    }
  }

  /** Takes the first free name for a guest's disk. The folder is for the engine to make. Throws NoSpace. */
  allocate(vmid: number, sizeBytes: number, now: number): Volume {
    this.reserve(overheadOf(sizeBytes));
    const volume: Volume = {
      name: this.#freeName(vmid),
      vmid,
      sizeBytes,
      contentBytes: 0,
      createdAt: Math.floor(now / 1000),
      exposedPorts: [],
    };
    mkdirSync(dirname(this.pathOf(volume.name)), { recursive: true });
    this.#keep(volume);
    return volume;
  }

  /** Notes what changed about a volume. */
  update(volume: Volume): void {
    this.#keep(volume);
  }

  /** Gives a volume to another guest, under the first name free there. Returns the new name. */
  rename(name: string, vmid: number): Volume {
    const volume = this.#volumes.get(name);
    if (!volume) throw new Error(`volume ${name} is to be renamed, but is not there`);
    const renamed = { ...volume, vmid, name: this.#freeName(vmid) };
    mkdirSync(dirname(this.pathOf(renamed.name)), { recursive: true });
    renameSync(this.pathOf(name), this.pathOf(renamed.name));
    this.#keep(renamed);
    this.forget(name);
    return renamed;
  }

  /** Drops a volume whose folder is gone. */
  forget(name: string): void {
    this.#volumes.delete(name);
    rmSync(this.#notePathOf(name), { force: true });
  }

  /** Throws NoSpace when this much more does not fit. */
  reserve(bytes: number): void {
    const { totalBytes } = this.definition;
    if (totalBytes !== undefined && this.usedBytes() + bytes > totalBytes) throw new NoSpace('No space left on device');
  }

  usedBytes(): number {
    if (this.definition.totalBytes === undefined) return this.space().used;
    let sum = 0;
    for (const volume of this.#volumes.values()) sum += usedOf(volume);
    for (const content of ['vztmpl', 'iso', 'backup', 'snippets', 'import'] as const) {
      for (const { sizeBytes } of this.files(content)) sum += sizeBytes;
    }
    return sum;
  }

  /** In bytes, as `df` would say. */
  space(): { total: number; used: number; available: number } {
    const { totalBytes } = this.definition;
    if (totalBytes !== undefined) {
      const used = this.usedBytes();
      return { total: totalBytes, used, available: Math.max(0, totalBytes - used) };
    }
    const { blocks, bsize, bfree, bavail } = statfsSync(this.#root);
    return { total: blocks * bsize, used: (blocks - bfree) * bsize, available: bavail * bsize };
  }

  #freeName(vmid: number): string {
    for (let disk = 0; ; disk++) {
      const name = `${vmid}/vm-${vmid}-disk-${disk}.raw`;
      if (!this.#volumes.has(name)) return name;
    }
  }

  #keep(volume: Volume): void {
    const { sizeBytes, contentBytes, createdAt, exposedPorts } = volume;
    writeFileWhole(this.#notePathOf(volume.name), JSON.stringify({ sizeBytes, contentBytes, createdAt, exposedPorts }));
    this.#volumes.set(volume.name, volume);
  }

  #notePathOf(name: string): string {
    return `${this.pathOf(name)}.json`;
  }

  #loadVolumes(): void {
    const images = join(this.#root, 'images');
    for (const guest of readdirSync(images)) {
      if (!/^\d+$/.test(guest)) continue;
      for (const file of readdirSync(join(images, guest))) {
        const disk = /^(.+)\.json$/.exec(file)?.[1];
        if (disk === undefined) continue;
        const kept = KeptVolume.parse(JSON.parse(readFileSync(join(images, guest, file), 'utf8')));
        const name = `${guest}/${disk}.raw`;
        this.#volumes.set(name, { name, vmid: Number(guest), ...kept });
      }
    }
  }
}

/** What a fresh file system of this size takes up itself. */
export function overheadOf(sizeBytes: number): number {
  return Math.floor(sizeBytes / 32);
}

/** What a volume takes up on its storage. */
export function usedOf({ sizeBytes, contentBytes }: Volume): number {
  return overheadOf(sizeBytes) + contentBytes;
}
