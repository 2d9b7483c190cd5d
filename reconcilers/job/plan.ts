import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Job } from '../../crds/job.ts';
import type { Reason } from '../../crds/reasons.ts';

/** How a run came to its end. */
export interface JobEnd {
  phase: 'Succeeded' | 'Failed' | 'Cancelled';
  reason: Reason;
  exitCode?: number;
  /** Why, in one sentence, unless it succeeded. */
  failure?: string;
}

/** What a job's loop does next. */
export type JobPlan =
  | { do: 'end'; end: JobEnd }
  /** Save that a guest is asked for, then ask for it. */
  | { do: 'begin' }
  /** It was saved that a guest is asked for, and there is none yet: a crash came between. */
  | { do: 'createGuest' }
  | { do: 'wait'; checkAfterMs: number }
  /** The run is over; its guest is still there. */
  | { do: 'removeGuest' }
  | { do: 'nothing' };

interface PlanInput {
  job: Job;
  status: Job['status'];
  guest: Guest | undefined;
  now: Date;
}

/** The next thing to do for one run. A guest is asked for once and never again, whatever became of it. Pure. */
export function planJob({ job, status, guest, now }: PlanInput): JobPlan {
  if (isOver(status.phase)) return guest === undefined ? { do: 'nothing' } : { do: 'removeGuest' };
  if (guest?.status.finished === true) return { do: 'end', end: endOf(guest) };
  if (job.spec.cancelled) return { do: 'end', end: cancelled };
  if (status.startedAt === undefined) return { do: 'begin' };

  const leftMs = Date.parse(status.startedAt) + durationMs(job.spec.deadline) - now.getTime();
  if (leftMs <= 0) return { do: 'end', end: tooLate(job, guest) };
  if (guest === undefined) return status.guestUid === undefined ? { do: 'createGuest' } : { do: 'end', end: lost };
  if (guest.metadata.deletionTimestamp !== undefined) return { do: 'end', end: lost };
  return { do: 'wait', checkAfterMs: leftMs };
}

export function isOver(phase: Job['status']['phase']): phase is JobEnd['phase'] {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}

const cancelled: JobEnd = { phase: 'Cancelled', reason: 'JobCancelled', failure: 'The run was cancelled.' };

const lost: JobEnd = {
  phase: 'Failed',
  reason: 'JobFailed',
  failure: 'The guest was removed before the run ended; how far it came is not known, so it is not run again.',
};

function tooLate({ spec }: Job, guest: Guest | undefined): JobEnd {
  const ran = guest?.status.startedAt === undefined ? 'did not even start' : 'was stopped';
  return {
    phase: 'Failed',
    reason: 'DeadlineExceeded',
    failure: `The run took longer than ${spec.deadline} and ${ran}.`,
  };
}

function endOf({ status: { lastExit } }: Guest): JobEnd {
  if (lastExit?.code === 0) return { phase: 'Succeeded', reason: 'JobSucceeded', exitCode: 0 };
  const failed = { phase: 'Failed', reason: 'JobFailed' } as const;
  if (lastExit?.code !== undefined)
    return { ...failed, exitCode: lastExit.code, failure: `The run ended with code ${lastExit.code}.` };
  return lastExit?.signal === undefined
    ? { ...failed, failure: 'The run ended; its exit code is not known.' }
    : { ...failed, failure: `The run was ended by signal ${lastExit.signal}.` };
}
