import { chown, lstat, mkdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { EngineError } from '../engine/engine.ts';
import { ID_BASE } from './id-map.ts';

const maxLinks = 40;

/**
 * Makes sure that a folder exists inside a guest's root file system and returns where it lies on this machine. The
 * guest may have put symbolic links anywhere: they are followed as the guest would see them and never lead outside.
 * Only for guests that do not run. Folders made belong to the guest's root.
 */
export async function ensureGuestFolder(root: string, path: string): Promise<string> {
  let resolved: string[] = [];
  let pending = parts(path);
  for (let links = 0; pending.length > 0;) {
    const [name = '', ...rest] = pending;
    pending = rest;
    if (name === '..') {
      resolved = resolved.slice(0, -1);
      continue;
    }
    const here = join(root, ...resolved, name);
    const found = await lstat(here).catch(() => undefined);
    if (found?.isSymbolicLink()) {
      if (++links > maxLinks) throw new EngineError(`'${path}' in the guest leads from one symbolic link to the next`);
      const target = await readlink(here);
      if (posix.isAbsolute(target)) resolved = [];
      pending = [...parts(target), ...pending];
      continue;
    }
    if (found && !found.isDirectory()) throw new EngineError(`'${path}' in the guest is no folder`);
    if (!found) {
      await mkdir(here, { mode: 0o755 });
      await chown(here, ID_BASE, ID_BASE);
    }
    resolved.push(name);
  }
  return join(root, ...resolved);
}

/** Replaces one file inside a guest's root file system, whatever it was before. Only for guests that do not run. */
export async function writeGuestFile(root: string, folder: string, name: string, content: string): Promise<void> {
  const place = await ensureGuestFolder(root, folder);
  const fresh = join(place, `.${name}.new`);
  await rm(fresh, { recursive: true, force: true });
  await writeFile(fresh, content, { mode: 0o644, flag: 'wx' });
  await chown(fresh, ID_BASE, ID_BASE);
  await rename(fresh, join(place, name));
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
