import { conditionIs } from '../../crds/condition.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Job } from '../../crds/job.ts';
import type { Service } from '../../crds/service.ts';
import type { Artifact } from '../../crds/workload.ts';
import type { Schedule } from '../shared/schedule.ts';

/** What is next for the runs of a service of type cron. */
export type RunsPlan =
  | { do: 'nothing' }
  /** Times up to `until` are dealt with. `skipped` says in a sentence what was left out, if anything. */
  | { do: 'note'; until: Date; skipped?: string }
  | { do: 'start'; dueAt: Date; active: Deployment; artifact: Artifact; skipped?: string }
  /** These make room for the run that is due. */
  | { do: 'cancel'; jobs: readonly Job[] }
  /** The run that is due starts when these are gone. */
  | { do: 'await'; jobs: readonly Job[] }
  | { do: 'forget'; jobs: readonly Job[] };

interface RunsInput {
  spec: Service['spec'];
  /** As it is stored: runs that are noted there will not be made again. */
  stored: Service['status'];
  schedule: Schedule;
  /** The revision that the runs are of. */
  active: Deployment | undefined;
  /** All scheduled runs that there are. */
  jobs: readonly Job[];
  now: Date;
}

/** A run that could not be started in time is made up for so much later; a later one is left out. */
const LATEST_START_MS = 60 * 60_000;
/** Missed runs are counted no further than this. */
const MOST_COUNTED = 1_000;

/** Starts what is due, at most one run for all that were missed, and forgets the oldest that ended. Pure. */
export function planRuns(input: RunsInput): RunsPlan {
  const { spec, stored, schedule, jobs, now } = input;
  // Another schedule has no past.
  if (stored.schedule !== schedule.text || stored.lastScheduledAt === undefined) return { do: 'note', until: now };

  const since = new Date(stored.lastScheduledAt);
  // A run that was made and not noted, because the process died in between.
  const newestMs = Math.max(0, ...jobs.map(dueAtMs));
  if (newestMs > since.getTime()) return { do: 'note', until: new Date(newestMs) };
  const due = schedule.latest(since, now);
  if (due !== undefined) return spec.suspended ? { do: 'note', until: due } : planDue(input, due, since);
  const surplus = endedBefore(jobs, stored.lastScheduledAt).slice(spec.historyLimit);
  return surplus.length > 0 ? { do: 'forget', jobs: surplus } : { do: 'nothing' };
}

function planDue({ spec, schedule, active, jobs, now }: RunsInput, due: Date, since: Date): RunsPlan {
  const count = schedule.count(since, due, MOST_COUNTED);
  const isLate = now.getTime() - due.getTime() > LATEST_START_MS;
  const skipped = missedWords(isLate ? count : count - 1, since, due);
  if (isLate) return noted(due, skipped);

  const artifact = active?.status.artifact;
  if (!active || !artifact)
    return noted(due, `The run of ${due.toISOString()} was left out: no revision is ready yet.`);
  const present = jobs.filter((job) => !isGone(job));
  const running = present.filter(({ status }) => status.completedAt === undefined);
  const start: RunsPlan = { do: 'start', dueAt: due, active, artifact, ...(skipped !== undefined && { skipped }) };
  switch (spec.concurrencyPolicy) {
    case 'Allow':
      return start;
    case 'Forbid':
      return running.length === 0
        ? start
        : noted(due, `The run of ${due.toISOString()} was left out: ${namesOf(running)} still runs.`);
    case 'Replace': {
      const undisturbed = running.filter((job) => !job.spec.cancelled);
      if (undisturbed.length > 0) return { do: 'cancel', jobs: undisturbed };
      return present.length === 0 ? start : { do: 'await', jobs: present };
    }
    default:
      return spec.concurrencyPolicy satisfies never;
  }
}

function noted(until: Date, skipped: string | undefined): RunsPlan {
  return { do: 'note', until, ...(skipped !== undefined && { skipped }) };
}

function missedWords(count: number, since: Date, due: Date): string | undefined {
  if (count <= 0) return undefined;
  const many =
    count >= MOST_COUNTED - 1 ? `At least ${count} runs were` : count === 1 ? 'A run was' : `${count} runs were`;
  return `${many} missed between ${since.toISOString()} and ${due.toISOString()}, while nobody was there to start them.`;
}

/** Over, and its guest removed. */
function isGone({ status }: Job): boolean {
  return status.completedAt !== undefined && conditionIs(status.conditions, 'Reconciling', 'False');
}

/** Ended runs whose time is noted, newest first: one whose time is not could be taken for one that was never made. */
function endedBefore(jobs: readonly Job[], lastScheduledAt: string): Job[] {
  return jobs
    .filter((job) => isGone(job) && dueAtMs(job) <= Date.parse(lastScheduledAt))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => dueAtMs(b) - dueAtMs(a));
}

function dueAtMs({ spec, metadata }: Job): number {
  return Date.parse(spec.scheduledAt ?? metadata.creationTimestamp);
}

function namesOf(jobs: readonly Job[]): string {
  return jobs
    .map(({ metadata }) => metadata.name)
    .toSorted()
    .join(', ');
}
