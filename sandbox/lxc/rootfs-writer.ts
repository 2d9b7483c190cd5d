import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Header } from 'tar-stream';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import { hostId, ID_BASE } from './id-map.ts';
import { RootfsTree, type FolderNode, type Place, type TreeNode } from './rootfs-tree.ts';

/** What tar-stream leaves to us of an extended header: ids too large for the old field. */
const Pax = z.object({ uid: z.coerce.number().optional(), gid: z.coerce.number().optional() });

const whiteout = '.wh.';
const opaque = '.wh..wh..opq';

/**
 * Writes entries of layers into an empty folder, with owners moved to the guest's id range. Calls of the file system are
 * synchronous, for this runs in a thread of its own where they are several times faster.
 */
export class RootfsWriter {
  readonly #rootfs: string;
  readonly #whiteouts: boolean;
  readonly #tree = new RootfsTree();
  #layer = 0;

  /** `whiteouts`: whether names beginning with `.wh.` remove what lower layers brought. */
  constructor(rootfs: string, { whiteouts }: { whiteouts: boolean }) {
    this.#rootfs = rootfs;
    this.#whiteouts = whiteouts;
  }

  nextLayer(): void {
    this.#layer += 1;
  }

  /** Writes one entry; a file's content arrives in pieces. Device nodes, pipes and unknown types are left out. */
  async write(header: Header, content: AsyncIterable<unknown>): Promise<void> {
    const place = this.#tree.locate(header.name, this.#layer, (path) => this.#makeParent(path));
    if (!place) {
      if (header.type === 'directory') this.#setFolder(this.#rootfs, header);
      return;
    }
    if (this.#whiteouts && place.name.startsWith(whiteout)) return this.#erase(place);
    switch (header.type) {
      case 'directory':
        return this.#writeFolder(place, header);
      case 'symlink':
        return this.#writeSymlink(place, header);
      case 'link':
        return this.#writeHardLink(place, header);
      case 'file':
      case 'contiguous-file':
        return this.#writeFile(place, header, content);
      default:
        return undefined;
    }
  }

  async #writeFile(place: Place, header: Header, content: AsyncIterable<unknown>): Promise<void> {
    this.#replace(place, { type: 'file', layer: this.#layer });
    const fd = openSync(join(this.#rootfs, place.path), 'wx', 0o600);
    try {
      for await (const piece of content) {
        if (piece instanceof Uint8Array) writeAll(fd, piece);
      }
      const { uid, gid } = owner(header);
      fchownSync(fd, uid, gid);
      fchmodSync(fd, mode(header)); // After the owner, for changing that clears the setuid bit.
      futimesSync(fd, header.mtime, header.mtime);
    } finally {
      closeSync(fd);
    }
  }

  #writeFolder(place: Place, header: Header): void {
    const path = join(this.#rootfs, place.path);
    if (place.node?.type === 'folder') {
      place.node.layer = this.#layer;
    } else {
      this.#replace(place, { type: 'folder', layer: this.#layer, children: new Map() });
      mkdirSync(path, 0o700);
    }
    this.#setFolder(path, header);
  }

  #writeSymlink(place: Place, header: Header): void {
    const target = header.linkname;
    this.#replace(place, { type: 'link', layer: this.#layer, target });
    const path = join(this.#rootfs, place.path);
    const { uid, gid } = owner(header);
    symlinkSync(target, path);
    lchownSync(path, uid, gid);
    lutimesSync(path, header.mtime, header.mtime);
  }

  #writeHardLink(place: Place, header: Header): void {
    const name = header.linkname;
    const target = this.#tree.locate(name, this.#layer, (path) => this.#makeParent(path));
    if (!target?.node || target.node.type === 'folder') {
      throw new EngineError(`the archive links ${header.name} to ${name}, which is no file in it`);
    }
    if (target.path === place.path) return;
    this.#replace(place, { ...target.node, layer: this.#layer });
    linkSync(join(this.#rootfs, target.path), join(this.#rootfs, place.path));
  }

  #erase({ path, name, parent }: Place): void {
    const folder = path.slice(0, -name.length);
    if (name === opaque) return this.#eraseLower(parent, folder);
    const hidden = name.slice(whiteout.length);
    if (hidden === '' || hidden === '.' || hidden === '..' || hidden.startsWith(whiteout)) return;
    this.#eraseNode(parent, folder, hidden);
  }

  #eraseLower(parent: FolderNode, folder: string): void {
    for (const name of parent.children.keys()) this.#eraseNode(parent, folder, name);
  }

  /** What this very layer brought stays: whiteouts are about the layers below. */
  #eraseNode(parent: FolderNode, folder: string, name: string): void {
    const node = parent.children.get(name);
    if (!node) return;
    if (node.layer < this.#layer && !hasLayer(node, this.#layer)) {
      rmSync(join(this.#rootfs, folder, name), { recursive: true, force: true });
      parent.children.delete(name);
    } else if (node.type === 'folder') {
      this.#eraseLower(node, `${folder}${name}/`);
    }
  }

  /** An entry takes the place of what was there; only a folder on a folder keeps what is in it. */
  #replace({ path, name, parent, node }: Place, next: TreeNode): void {
    const full = join(this.#rootfs, path);
    if (node?.type === 'folder') rmSync(full, { recursive: true, force: true });
    else if (node) unlinkSync(full);
    parent.children.set(name, next);
  }

  #makeParent(path: string): void {
    const full = join(this.#rootfs, path);
    mkdirSync(full, 0o755);
    chownSync(full, ID_BASE, ID_BASE);
  }

  #setFolder(path: string, header: Header): void {
    const { uid, gid } = owner(header);
    chownSync(path, uid, gid);
    chmodSync(path, mode(header));
  }
}

function hasLayer(node: TreeNode, layer: number): boolean {
  if (node.layer === layer) return true;
  return node.type === 'folder' && [...node.children.values()].some((child) => hasLayer(child, layer));
}

function owner(header: Header): { uid: number; gid: number } {
  const { uid = header.uid, gid = header.gid } = Pax.safeParse(header.pax).data ?? {};
  return { uid: hostId(uid, header.name), gid: hostId(gid, header.name) };
}

function mode(header: Header): number {
  return header.mode & 0o7777;
}

function writeAll(fd: number, piece: Uint8Array): void {
  for (let done = 0; done < piece.byteLength;) done += writeSync(fd, piece, done);
}
