import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { GuestMachine } from '../engine/engine.ts';

/** What a simulated guest holds at its paths: its root, and its volumes where they are mounted. No link is followed. */
export class GuestFiles {
  readonly #machine: Pick<GuestMachine, 'rootfs' | 'mounts'>;

  constructor(machine: Pick<GuestMachine, 'rootfs' | 'mounts'>) {
    this.#machine = machine;
  }

  /** SHA-256 over names, kinds and content, with the number of files and bytes; undefined when there is no such folder. */
  digest(path: string): { sha256: string; files: number; bytes: number } | undefined {
    const top = this.#place(path);
    if (top === undefined || !lstatSync(top, { throwIfNoEntry: false })?.isDirectory()) return undefined;
    const hash = createHash('sha256');
    let [files, bytes] = [0, 0];
    const walk = (folder: string, name: string): void => {
      for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted(byName)) {
        const [inner, path] = [join(folder, entry.name), `${name}/${entry.name}`];
        if (entry.isDirectory()) {
          hash.update(`d ${path.length} ${path}`);
          walk(inner, path);
        } else if (entry.isSymbolicLink()) {
          hash.update(`l ${path.length} ${path} ${readlinkSync(inner)}\n`);
        } else if (entry.isFile()) {
          const content = readFileSync(inner);
          hash.update(`f ${path.length} ${path} ${content.length} `).update(content);
          files += 1;
          bytes += content.length;
        }
      }
    };
    walk(top, '');
    return { sha256: hash.digest('hex'), files, bytes };
  }

  /** The content of a file; undefined when there is none. */
  read(path: string): Buffer | undefined {
    const place = this.#place(path);
    if (place === undefined || !lstatSync(place, { throwIfNoEntry: false })?.isFile()) return undefined;
    return readFileSync(place);
  }

  /** Writes a file whole, with the folders above it. False where a link is in the way. */
  write(path: string, content: Uint8Array): boolean {
    const place = this.#place(path);
    if (place === undefined) return false;
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(`${place}.part`, content);
    renameSync(`${place}.part`, place);
    return true;
  }

  /** A program that finds its volume empty puts something of its own there, as a database does. */
  settleIn(path: string): void {
    const folder = this.#place(path);
    if (folder === undefined || !existsSync(folder) || readdirSync(folder).length > 0) return;
    writeFileSync(join(folder, 'simulated-data'), createHash('sha256').update(`${Math.random()}`).digest('hex'));
  }

  /** Where it lies on this machine; undefined where the path goes up or through a link. */
  #place(path: string): string | undefined {
    const parts = partsOf(path);
    const mount = this.#machine.mounts
      .map(({ path: folder, mountPath }) => ({ folder, at: partsOf(mountPath) }))
      .filter(({ at }) => at.every((part, index) => parts[index] === part))
      .toSorted((a, b) => b.at.length - a.at.length)[0];
    let place = mount?.folder ?? this.#machine.rootfs;
    for (const part of parts.slice(mount?.at.length ?? 0)) {
      if (part === '..') return undefined;
      place = join(place, part);
      if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
    }
    return place;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function byName(a: { name: string }, b: { name: string }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
