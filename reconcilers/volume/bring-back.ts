import type { Backup } from '../../crds/backup.ts';
import type { AgeStreams } from '../../controller/secrets/age-streams.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { BucketAccess, OpenBucket } from '../providers/object-storage/object-storage.ts';
import { BACKUP_COMMANDS } from '../shared/backup-commands.ts';
import { CopyFault } from '../shared/copy-failure.ts';
import { copyKeys } from '../shared/copy-place.ts';
import { tapped } from '../shared/tapped-stream.ts';

export interface CopyReader {
  links: Pick<GuestLinks, 'run' | 'write'>;
  openBucket: OpenBucket;
  age: AgeStreams;
  installation: string;
}

/** Unpacks the copy of a backup in a held guest, piece by piece. Throws CopyFault and StorageFault; half of it may be there then. */
export async function bringBack(
  { links, openBucket, age, installation }: CopyReader,
  { backup, guestUid, runId, access }: { backup: Backup; guestUid: string; runId: string; access: BucketAccess },
  signal: AbortSignal,
): Promise<void> {
  const { archive: key } = copyKeys(backup, installation);
  const bucket = openBucket(access);
  try {
    const tap = tapped(age.decrypt(await bucket.get(key, signal)));
    const { unarchive: command } = BACKUP_COMMANDS;
    const run = await links.write(guestUid, { id: runId, command }, tap.stream, signal);
    if (run.state !== 'exited') {
      const words = 'message' in run ? run.message : 'it still runs';
      throw new CopyFault('SupervisorUnreachable', `The guest that unpacks the copy cannot be asked: ${words}.`);
    }
    if (run.code !== 0)
      throw new CopyFault('CopyUnreadable', `Unpacking ${key} ended with code ${run.code}: ${run.tail.slice(-600)}`);
    const { sha256 } = tap.seen();
    if (sha256 === backup.status.copy?.checksum) return;
    const words = `${key} holds digest ${sha256} instead of ${backup.status.copy?.checksum}. Restore another backup.`;
    throw new CopyFault('CopyUnreadable', words);
  } finally {
    await bucket.close();
  }
}
