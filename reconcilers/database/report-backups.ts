import { removeCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Backup } from '../../crds/backup.ts';
import type { Database } from '../../crds/database.ts';
import type { Schedule, ScheduleReading } from '../shared/schedule.ts';
import { goodBackups } from './plan-backups.ts';

/** What the backups of a database come to: the newest good one, when the next is due, and whether one can rely on them. Pure. */
export function reportBackups(
  database: Database,
  status: Database['status'],
  backups: readonly Backup[],
  reading: ScheduleReading | undefined,
  now: Date,
): Database['status'] {
  const { lastBackup: _, nextBackupAt: __, ...rest } = status;
  const [last] = goodBackups(backups);
  const schedule = reading?.ok ? reading.schedule : undefined;
  const next = schedule?.next(now);
  const at = { generation: database.metadata.generation, now };
  const healthy = healthCondition(backups, last, reading);
  const verified = verifiedCondition(database, last);
  let conditions = healthy
    ? setCondition(rest.conditions, healthy, at)
    : removeCondition(rest.conditions, 'BackupHealthy');
  conditions = verified ? setCondition(conditions, verified, at) : removeCondition(conditions, 'BackupVerified');
  return {
    ...rest,
    conditions,
    ...(last && { lastBackup: { name: last.metadata.name, at: takenAt(last), verified: last.status.verified } }),
    ...(next && { nextBackupAt: next.toISOString() }),
  };
}

/** When this has to be looked at again because of the schedule; undefined without one. Pure. */
export function untilNextMs(schedule: Schedule | undefined, now: Date): number | undefined {
  const next = schedule?.next(now);
  return next && Math.max(0, next.getTime() - now.getTime());
}

function healthCondition(
  backups: readonly Backup[],
  last: Backup | undefined,
  reading: ScheduleReading | undefined,
): ConditionInput | undefined {
  const type = 'BackupHealthy';
  if (reading && !reading.ok) return { type, status: 'False', reason: 'ScheduleInvalid', message: reading.message };
  const ended = backups
    .filter(({ status }) => status.phase === 'Completed' || status.phase === 'Failed' || status.phase === 'Expired')
    .toSorted((a, b) => ((a.status.completedAt ?? '') < (b.status.completedAt ?? '') ? 1 : -1));
  const [newest] = ended;
  if (!newest && !reading) return undefined;
  const since = last ? `The last good one is of ${takenAt(last)}.` : 'There is no good one.';
  if (newest && newest.status.phase !== 'Completed') {
    const why = newest.status.failure ?? 'Its archive is not on the storage any more.';
    const message = `Backup ${newest.metadata.name} is no good: ${why} ${since}`;
    return { type, status: 'False', reason: newest.status.failureReason ?? 'ArchiveMissing', message };
  }
  return last
    ? {
        type,
        status: 'True',
        reason: 'BackupsHealthy',
        message: `Backup ${last.metadata.name} of ${takenAt(last)} is good.`,
      }
    : { type, status: 'Unknown', reason: 'BackupMissing', message: 'There is no backup yet.' };
}

function verifiedCondition({ spec }: Database, last: Backup | undefined): ConditionInput | undefined {
  const type = 'BackupVerified';
  const name = last?.metadata.name;
  if (last?.status.verified) {
    const message = `Backup ${name} was restored and queried in ${last.status.restoreTime}.`;
    return { type, status: 'True', reason: 'RestoreVerified', message };
  }
  if (!spec.backup.enabled || !spec.backup.verify || !last) return undefined;
  const message = `Backup ${name} was not restored and queried. ${last.status.failure ?? ''}`.trim();
  return { type, status: 'False', reason: 'RestoreUnverified', message };
}

function takenAt({ status, metadata }: Backup): string {
  return status.takenAt ?? metadata.creationTimestamp;
}
