import { existsSync, rmSync } from 'node:fs';
import type { DirectoryStorage } from '../storage/directory-storage.ts';

/** Removes a guest's oldest backups until this many are left; protected ones are neither counted nor removed. Returns how many went. */
export function pruneBackups(
  storage: DirectoryStorage,
  vmid: number,
  keepLast: number,
  log: (line: string) => void,
): number {
  const backups = storage
    .files('backup')
    .filter(({ volume, path }) => volume.owner === vmid && !existsSync(`${path}.protected`))
    .sort((a, b) => (a.name < b.name ? 1 : -1));
  const old = backups.slice(keepLast);
  for (const { name, path } of old) {
    log(`removing backup '${storage.definition.name}:${name}'`);
    for (const file of [path, `${path}.notes`, path.replace(/\.tar(\.\w+)?$/, '.log')]) rmSync(file, { force: true });
  }
  return old.length;
}
