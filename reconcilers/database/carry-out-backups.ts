import { Backup } from '../../crds/backup.ts';
import type { Database } from '../../crds/database.ts';
import { API_VERSION } from '../../crds/meta.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import { readSchedule, type Schedule } from '../shared/schedule.ts';
import { DATABASE_LABEL } from './children.ts';
import { planBackups } from './plan-backups.ts';
import { reportBackups, untilNextMs } from './report-backups.ts';

/** Does what is next for the backups of a database. Answers how long they may be left alone; undefined: for as long as one likes. */
export async function carryOutBackups(pass: Pass<Database>, { read, write }: Resources): Promise<number | undefined> {
  const { resource, now } = pass;
  const { metadata, spec } = resource;
  const backups = backupsOf(resource, read);
  const reading = spec.backup.enabled ? readSchedule(spec.backup, 'spec.backup.schedule') : undefined;
  const schedule = reading?.ok ? reading.schedule : undefined;
  const plan = planBackups({ database: resource, stored: pass.status, schedule, backups, now });
  let isOpen = true;
  switch (plan.do) {
    case 'nothing':
      isOpen = false;
      break;
    case 'note':
      await note(pass, schedule, plan.until);
      break;
    case 'create': {
      const { verify, copyTo } = spec.backup;
      const scheduledAt = plan.dueAt.toISOString();
      await write.create(Backup, {
        apiVersion: API_VERSION,
        kind: Backup.kind,
        // Nobody owns it: it outlives the database.
        metadata: {
          name: plan.name,
          namespace: metadata.namespace,
          labels: { [DATABASE_LABEL]: metadata.name },
        },
        spec: Backup.specSchema.parse({
          source: { kind: 'Database', name: metadata.name },
          verify,
          trigger: 'schedule',
          scheduledAt,
          ...(copyTo && { copyTo }),
        }),
      });
      await note(pass, schedule, plan.dueAt);
      const missed = plan.missed > 0 ? ` ${plan.missed} before it were missed and are not made up for.` : '';
      pass.event('Normal', 'Started', `Backup ${plan.name} is due.${missed}`);
      break;
    }
    case 'remove':
      for (const backup of plan.backups) await write.delete(Backup, backup);
      break;
    default:
      plan satisfies never;
  }
  pass.status = reportBackups(resource, pass.status, backups, reading, now);
  return isOpen ? 0 : untilNextMs(schedule, now);
}

function backupsOf({ metadata }: Database, read: Resources['read']): Backup[] {
  return read
    .list(Backup, metadata.namespace)
    .filter(({ spec }) => spec.source.kind === 'Database' && spec.source.name === metadata.name);
}

async function note(pass: Pass<Database>, schedule: Schedule | undefined, until: Date): Promise<void> {
  if (!schedule) return;
  pass.status = { ...pass.status, backupSchedule: { text: schedule.text, until: until.toISOString() } };
  await pass.checkpoint();
}
