import type { Backup } from '../../crds/backup.ts';
import type { Database } from '../../crds/database.ts';
import { durationMs } from '../../crds/duration.ts';
import { childName } from '../shared/child-name.ts';
import type { Schedule } from '../shared/schedule.ts';

/** What is next for the backups of a database. */
export type BackupsPlan =
  | { do: 'nothing' }
  /** Times up to `until` are dealt with. */
  | { do: 'note'; until: Date }
  | { do: 'create'; name: string; dueAt: Date; missed: number }
  | { do: 'remove'; backups: readonly Backup[] };

export interface BackupsInput {
  database: Database;
  /** As it is stored: times that are noted there are dealt with for good. */
  stored: Database['status'];
  /** Undefined when there is to be none. */
  schedule: Schedule | undefined;
  /** All of this database. */
  backups: readonly Backup[];
  now: Date;
}

/** Those that came to nothing are kept so long, for people to see why. */
const FAILED_KEPT_MS = 7 * 86_400_000;
/** Missed ones are counted no further than this. */
const MOST_COUNTED = 1_000;

/** Makes the backup that is due, one for all that were missed, and lets go of what is kept no longer. Pure. */
export function planBackups(input: BackupsInput): BackupsPlan {
  const { database, stored, schedule, now } = input;
  if (schedule) {
    const known = stored.backupSchedule;
    // Another schedule has no past.
    if (known?.text !== schedule.text) return { do: 'note', until: now };
    const since = new Date(known.until);
    // The clock was ahead, and was set right: nothing would be due before it is there again.
    if (since > now) return { do: 'note', until: now };
    const due = schedule.latest(since, now);
    if (due) {
      const name = scheduledName(database, due);
      // It was made and not noted, because the process died in between.
      const isMade = input.backups.some(({ metadata }) => metadata.name === name);
      if (isMade || !isSetUp(stored)) return { do: 'note', until: due };
      return { do: 'create', name, dueAt: due, missed: schedule.count(since, due, MOST_COUNTED) - 1 };
    }
  }
  const surplus = expendable(input);
  return surplus.length > 0 ? { do: 'remove', backups: surplus } : { do: 'nothing' };
}

/** The name says when it was due, so that it is made once however often the process dies over it. Pure. */
export function scheduledName({ metadata }: Pick<Database, 'metadata'>, dueAt: Date): string {
  const [day = '', time = ''] = dueAt.toISOString().split('T');
  return childName(metadata.name, `${day.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}`);
}

/** The good ones, the newest first. Pure. */
export function goodBackups(backups: readonly Backup[]): Backup[] {
  return backups
    .filter(({ status, metadata }) => status.phase === 'Completed' && metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (takenAt(a) < takenAt(b) ? 1 : -1));
}

/** Data that were never set up hold nothing. */
function isSetUp({ conditions }: Database['status']): boolean {
  return conditions.some(({ type, status }) => type === 'Initialised' && status === 'True');
}

/**
 * What retention lets go of: scheduled ones that are good and too many or too old, and those that came to nothing and are
 * old. Never a protected one, the newest good one or the newest that was queried; what a person asked for stays.
 */
function expendable({ database, backups, now }: BackupsInput): Backup[] {
  const { retention, maxAge } = database.spec.backup;
  const good = goodBackups(backups);
  const kept = new Set([good[0], good.find(({ status }) => status.verified)]);
  const ofSchedule = (backup: Backup): boolean => backup.spec.trigger === 'schedule' && !backup.spec.protected;
  const ageMs = (text: string): number => now.getTime() - Date.parse(text);
  const tooMany = good.filter(ofSchedule).slice(retention);
  const tooOld =
    maxAge === undefined ? [] : good.filter((one) => ofSchedule(one) && ageMs(takenAt(one)) > durationMs(maxAge));
  const useless = backups.filter(({ metadata, status, spec }) => {
    const isUseless = status.phase === 'Failed' || status.phase === 'Expired';
    const endedAt = status.completedAt ?? metadata.creationTimestamp;
    const isOpen = metadata.deletionTimestamp === undefined;
    return isUseless && isOpen && spec.trigger === 'schedule' && !spec.protected && ageMs(endedAt) > FAILED_KEPT_MS;
  });
  return [...new Set([...tooMany, ...tooOld, ...useless])].filter((one) => !kept.has(one));
}

function takenAt({ status, metadata }: Backup): string {
  return status.takenAt ?? metadata.creationTimestamp;
}
