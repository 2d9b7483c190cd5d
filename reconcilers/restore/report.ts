import type { Restore } from '../../crds/backup.ts';
import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Outcome } from '../../controller/outcome.ts';
import type { RestoreFacts, RestoreState } from './machine.ts';

/** The status on the way into a state. Pure. */
export function enterState(
  status: Restore['status'],
  state: RestoreState,
  { target, deadline }: Pick<Restore['spec'], 'target' | 'deadline'>,
  { putBack }: Pick<RestoreFacts, 'putBack'>,
  now: Date,
): Restore['status'] {
  const before = status.phase;
  const at = now.toISOString();
  const isOver = state === 'Completed' || state === 'Failed';
  const startedAt = status.startedAt ?? (state === 'Pending' || isOver ? undefined : at);
  const isLate = (state === 'Failed' || state === 'PuttingBack') && status.failure === undefined;
  const next: Restore['status'] = {
    ...status,
    phase: state,
    ...(startedAt !== undefined && { startedAt }),
    ...(isOver && { completedAt: status.completedAt ?? at }),
    ...(isLate && { failure: lateWords(before, deadline), failureReason: 'DeadlineExceeded' }),
  };
  if (state === 'Completed') {
    // Each later look at it comes by here too.
    const ms = Date.parse(next.completedAt ?? at) - Date.parse(startedAt ?? at);
    next.restoreTime = `${Math.max(1, Math.ceil(ms / 1_000))}s`;
    // The two have changed disks.
    if (target.kind === 'Volume' && status.inPlace === true && status.volume !== undefined) {
      next.previousVolume = status.volume;
      next.volume = target.name;
    }
  }
  return isOver ? withReady(next, lastWords(next, state, target, putBack), now) : next;
}

/** What it waits for, where people look first. Pure. */
export function tellProgress(
  status: Restore['status'],
  outcome: Outcome,
  generation: number,
  now: Date,
): Restore['status'] {
  if (outcome.type === 'settled' || status.phase === 'Completed' || status.phase === 'Failed') return status;
  const { reason, message } = outcome;
  return withReady(status, { type: 'Ready', status: 'False', reason, message }, now, generation);
}

function lastWords(
  { failure, failureReason, restoreTime, previousVolume, switchTo, volume }: Restore['status'],
  state: RestoreState,
  { kind, name }: Restore['spec']['target'],
  isBack: boolean,
): ConditionInput {
  if (state === 'Completed') {
    const before =
      kind === 'Volume'
        ? ` The disk that it had before is that of Volume ${previousVolume} now, which stays until it is deleted.`
        : ` Volume ${previousVolume}, which it had before, stays until it is deleted.`;
    const kept = previousVolume === undefined ? '' : before;
    const message = `${kind} ${name} has the restored data after ${restoreTime}.${kept}`;
    return { type: 'Ready', status: 'True', reason: 'RestoreCompleted', message };
  }
  const hadSwitched = switchTo !== undefined && volume !== undefined;
  const kept = hadSwitched ? whereData(kind, { name, volume, previousVolume, isBack }) : '';
  return {
    type: 'Ready',
    status: 'False',
    reason: failureReason ?? 'RestoreFailed',
    message: `${failure ?? 'It failed.'}${kept}`,
  };
}

/** Where a person finds what, after a switch that came to nothing. */
function whereData(
  kind: Restore['spec']['target']['kind'],
  about: { name: string; volume: string; previousVolume: string | undefined; isBack: boolean },
): string {
  const { name, volume, previousVolume, isBack } = about;
  if (kind === 'Volume')
    return isBack
      ? ` Volume ${name} has what it had before; the restored data stay in Volume ${volume}.`
      : ` It could not be put back in time: Volume ${name} and Volume ${volume} have the two disks, see their status.`;
  return isBack
    ? ` The target has Volume ${previousVolume} again; the restored data stay in Volume ${volume}.`
    : ` It could not be put back in time: what it had before is in Volume ${previousVolume}, the restored data in Volume ${volume}.`;
}

function lateWords(before: string | undefined, deadline: string): string {
  return before === 'Switching'
    ? 'The target was not ready with what was restored within ten minutes.'
    : `It was not done within ${deadline} (spec.deadline); it was ${before ?? 'Pending'}.`;
}

function withReady(status: Restore['status'], ready: ConditionInput, now: Date, generation = 1): Restore['status'] {
  return { ...status, conditions: setCondition(status.conditions, ready, { generation, now }) };
}
