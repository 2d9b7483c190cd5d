import { closeSync, fstatSync, openSync } from 'node:fs';
import { EngineError } from '../engine/engine.ts';
import { indexTar, type TarMember } from '../lxc/tar-index.ts';

/** What an archive is, by the names of its entries: Proxmox looks at nothing else. */
export type ArchiveKind = { kind: 'oci'; members: ReadonlyMap<string, TarMember> } | { kind: 'plain' };

/**
 * Tells an OCI archive from an ordinary one: its name ends in `.tar` and its entries are named `oci-layout`, `index.json`
 * and `blobs/...`, without `./`. Throws EngineError with tar's words for a broken archive.
 */
export function archiveKind(path: string, shownPath: string): ArchiveKind {
  if (!path.endsWith('.tar')) return { kind: 'plain' };
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const members = indexTar(fd, size);
    for (const { offset, size: length } of members.values()) {
      if (offset + length > size) throw new EngineError('the archive ends in the middle');
    }
    const isOci =
      members.has('oci-layout') &&
      members.has('index.json') &&
      [...members.keys()].some((name) => name.startsWith('blobs/'));
    return isOci ? { kind: 'oci', members } : { kind: 'plain' };
  } catch (cause) {
    const words = ['tar: Unexpected EOF in archive', 'tar: Error is not recoverable: exiting now'];
    throw new EngineError(`command 'tar -tf ${shownPath}' failed: exit code 2`, words, { cause });
  } finally {
    closeSync(fd);
  }
}
