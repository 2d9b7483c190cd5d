import type { Guest } from '../../crds/guest.ts';

/** Where the supervisor lies in every guest; it is also a program that looks at files. */
export const SUPERVISOR_PATH = '/.containr/init';

/** Names under which a guest knows what backups and restores have it run. */
export const BACKUP_COMMANDS = {
  /** Brings what was acknowledged to the disk. */
  quiesce: 'quiesce',
  /** Writes the data out, into the file of `dumpPath`. */
  dump: 'dump',
  /** Takes in that file. */
  load: 'load',
  /** Prints the digest of all below the mount, and how many files and bytes that is. */
  digest: 'digest',
  /** Prints a tar archive of all below the mount, the same for the same files. */
  archive: 'archive',
  /** Unpacks such an archive there. */
  unarchive: 'unarchive',
  /** Prints the file of `dumpPath`. */
  readDump: 'dump-read',
} as const;

/** What the supervisor itself does with all below a path; as root, for whom no file is closed. Pure. */
export function treeCommands(path: string): Guest['spec']['commands'] {
  return (['digest', 'archive', 'unarchive'] as const).map((word) => ({
    name: BACKUP_COMMANDS[word],
    argv: [SUPERVISOR_PATH, word, path],
    user: '0',
  }));
}

/** The file that an engine's dump goes to, beside the data. Pure. */
export function dumpPath(dataPath: string): string {
  return `${dataPath}/.containr/dump`;
}

/** What `digest` printed; undefined when that is something else. Pure. */
export function readDigest(output: string): { sha256: string; files: number; bytes: number } | undefined {
  const [, sha256, files, bytes] = /^([0-9a-f]{64})\s+(\d+)\s+(\d+)\s*$/m.exec(output) ?? [];
  if (sha256 === undefined) return undefined;
  return { sha256, files: Number(files), bytes: Number(bytes) };
}
