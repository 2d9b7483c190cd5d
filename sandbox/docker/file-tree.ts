import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { DockerError } from './docker-error.ts';

/** Bytes inside a tar file on this machine. */
export interface Content {
  file: string;
  offset: number;
  size: number;
}

interface Owned {
  mode: number;
  uid: number;
  gid: number;
}

/** A file, folder or symbolic link. */
export type FileEntry = Owned &
  ({ type: 'folder' } | { type: 'file'; content: Content } | { type: 'link'; target: string });

const maxLinks = 40;

/** The files of an image or of a build context, by path without leading slash. Contents stay in their tar files. */
export class FileTree {
  readonly #entries = new Map<string, FileEntry>();

  get(path: string): FileEntry | undefined {
    return path === '' ? { type: 'folder', mode: 0o755, uid: 0, gid: 0 } : this.#entries.get(path);
  }

  delete(path: string): void {
    this.#entries.delete(path);
  }

  /** Everything below a folder, in the order of names. */
  below(folder: string): Array<[path: string, entry: FileEntry]> {
    const prefix = folder === '' ? '' : `${folder}/`;
    return [...this.#entries]
      .filter(([path]) => path.startsWith(prefix) && path !== folder)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** The path with symbolic links among its parents followed inside the tree; those of the last part too if asked. */
  resolve(path: string, { followLast }: { followLast: boolean }): string {
    let pending = splitPath(path);
    const resolved: string[] = [];
    for (let links = 0; pending.length > 0;) {
      const [name = '', ...rest] = pending;
      pending = rest;
      if (name === '..') {
        resolved.pop();
        continue;
      }
      const entry = this.#entries.get([...resolved, name].join('/'));
      if (entry?.type !== 'link' || (rest.length === 0 && !followLast)) {
        resolved.push(name);
        continue;
      }
      if (++links > maxLinks) throw new DockerError(500, `too many symbolic links in ${path}`);
      if (entry.target.startsWith('/')) resolved.length = 0;
      pending = [...splitPath(entry.target), ...pending];
    }
    return resolved.join('/');
  }

  /** Lays a tar file over what is there. Names beginning with `.wh.` remove, unless it is no layer but a context. */
  async addTar(file: string, { whiteouts }: { whiteouts: boolean }): Promise<void> {
    const entries = extract();
    const fed = pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), entries).catch(() => undefined);
    try {
      for await (const source of entries) {
        this.#add(source.header, { file, offset: source.offset + 512, size: source.header.size }, whiteouts);
        source.resume();
      }
    } finally {
      await fed;
    }
  }

  #add(header: Header, content: Content, whiteouts: boolean): void {
    const parts = splitPath(header.name);
    if (parts.includes('..'))
      throw new DockerError(400, `the archive has an entry outside of its root: ${header.name}`);
    const name = parts.at(-1);
    if (name === undefined) return;
    const folder = parts.slice(0, -1).join('/');
    if (whiteouts && name.startsWith('.wh.')) return this.#erase(folder, name);
    const path = parts.join('/');
    const entry = this.#entryOf(header, content);
    if (!entry) return;
    if (entry.type !== 'folder') this.#eraseBelow(path);
    this.#addParents(parts);
    this.#entries.set(path, entry);
  }

  #entryOf(header: Header, content: Content): FileEntry | undefined {
    const { mode, uid, gid } = header;
    const owned = { mode: mode & 0o7777, uid, gid };
    switch (header.type) {
      case 'directory':
        return { type: 'folder', ...owned };
      case 'symlink':
        return { type: 'link', target: header.linkname, ...owned };
      case 'file':
      case 'contiguous-file':
        return { type: 'file', content, ...owned };
      case 'link':
        return this.#entries.get(splitPath(header.linkname).join('/'));
      default:
        return undefined; // Devices and pipes have no place in an image for containers without privileges.
    }
  }

  #addParents(parts: readonly string[]): void {
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (!this.#entries.has(parent)) this.#entries.set(parent, { type: 'folder', mode: 0o755, uid: 0, gid: 0 });
    }
  }

  #erase(folder: string, name: string): void {
    if (name === '.wh..wh..opq') return this.#eraseBelow(folder);
    const path = splitPath(`${folder}/${name.slice('.wh.'.length)}`).join('/');
    this.#eraseBelow(path);
    this.#entries.delete(path);
  }

  #eraseBelow(folder: string): void {
    for (const [path] of this.below(folder)) this.#entries.delete(path);
  }
}

/** The bytes of a file of a tree. */
export async function readContent({ file, offset, size }: Content): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(size), 0, size, offset);
    return buffer;
  } finally {
    await handle.close();
  }
}

/** The parts of a path, without empty ones and dots. */
export function splitPath(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
