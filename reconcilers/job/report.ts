import { findCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Job } from '../../crds/job.ts';
import { troubleOf } from '../shared/trouble.ts';
import { isOver, type JobEnd } from './plan.ts';

/** The status as the guest has it, while the run is not over. Pure. */
export function reportJob(job: Job, status: Job['status'], guest: Guest | undefined, now: Date): Job['status'] {
  if (isOver(status.phase)) return status;
  const isRunning = guest?.status.power === 'running';
  const waiting = 'Waiting for the guest to be made and started.';
  const held = guest && troubleOf(guest)?.message;
  const ready: ConditionInput = isRunning
    ? { type: 'Ready', status: 'False', reason: 'Running', message: 'The run is under way.' }
    : {
        type: 'Ready',
        status: 'False',
        reason: 'Provisioning',
        message: held === undefined ? waiting : `${waiting} ${held}`,
      };
  return {
    ...status,
    // Once it ran it is not called pending again, though nobody may be able to look for a while.
    phase: isRunning || status.phase === 'Running' ? 'Running' : 'Pending',
    ...(guest && { guest: guest.metadata.name, guestUid: guest.metadata.uid }),
    conditions: setCondition(status.conditions, ready, { generation: job.metadata.generation, now }),
  };
}

/** The status of a run that is over, for good. `lines` are the last that it printed. Pure. */
export function reportEnd(
  job: Job,
  status: Job['status'],
  end: JobEnd,
  lines: readonly string[],
  now: Date,
): Job['status'] {
  const printed = lines.length > 0 && end.phase === 'Failed' ? `\nIts last lines:\n${lines.join('\n')}` : '';
  const failure = end.failure === undefined ? undefined : `${end.failure}${printed}`;
  const ready: ConditionInput = {
    type: 'Ready',
    status: end.phase === 'Succeeded' ? 'True' : 'False',
    reason: end.reason,
    message: failure ?? 'The run ended well.',
  };
  return {
    ...status,
    phase: end.phase,
    ...(end.exitCode !== undefined && { exitCode: end.exitCode }),
    ...(failure !== undefined && { failure }),
    completedAt: now.toISOString(),
    conditions: setCondition(status.conditions, ready, { generation: job.metadata.generation, now }),
  };
}

/** What a run that is over says of itself. */
export function lastWord({ conditions }: Job['status']): string {
  return findCondition(conditions, 'Ready')?.message ?? 'The run is over.';
}
