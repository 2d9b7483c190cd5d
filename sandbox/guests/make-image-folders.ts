import { chownSync, existsSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes the folders that an image declares as volumes, where they are not. The root file system is not to be trusted: a
 * link on the way ends the walk.
 */
export function makeImageFolders(rootfs: string, volumes: readonly string[], log: (line: string) => void): void {
  for (const volume of volumes) {
    log(`creating base directory for volume at ${volume}`);
    if (existsSync(rootfs))
      makeFolder(
        rootfs,
        volume.split('/').filter((part) => part !== '' && part !== '..' && part !== '.'),
      );
  }
}

function makeFolder(rootfs: string, parts: readonly string[]): void {
  const { uid, gid } = statSync(rootfs);
  let path = rootfs;
  for (const part of parts) {
    path = join(path, part);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && !found.isDirectory()) return;
    if (found) continue;
    mkdirSync(path, 0o755);
    chownSync(path, uid, gid);
  }
}
