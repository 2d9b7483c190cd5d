import type { Backup } from '../../crds/backup.ts';
import type { ProxmoxClient, StoredBackup } from '../providers/proxmox/client.ts';

/** What is written on the archive of a backup, so that it is found again when nobody noted its name. */
export function notesOf({ metadata }: Backup, installation: string): string {
  return `${marksOf(metadata.uid, installation)} ${metadata.namespace}/${metadata.name}`;
}

/** The archives of a backup, the newest first: as a rule none or one. */
export async function findArchives(
  client: ProxmoxClient,
  backup: Backup,
  installation: string,
  signal: AbortSignal,
): Promise<StoredBackup[]> {
  const { node = '', storage = '', vmid } = backup.status;
  const stored = await client.backups(node, storage, vmid, signal);
  return archivesOf(stored, backup, installation);
}

/** Those among the stored that have the marks of a backup. Pure. */
export function archivesOf(
  stored: readonly StoredBackup[],
  { metadata }: Backup,
  installation: string,
): StoredBackup[] {
  const marks = `${marksOf(metadata.uid, installation)} `;
  return stored
    .filter(({ notes }) => notes?.startsWith(marks) === true)
    .toSorted((a, b) => (b.createdSeconds ?? 0) - (a.createdSeconds ?? 0));
}

function marksOf(uid: string, installation: string): string {
  return `containr ${installation} ${uid}`;
}
