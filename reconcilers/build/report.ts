import { findCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Build } from '../../crds/build.ts';
import type { BuildState } from './machine.ts';

const progressAt: Record<BuildState, number> = {
  Pending: 0,
  Fetching: 5,
  Detecting: 10,
  Building: 15,
  Exporting: 75,
  Publishing: 90,
  Succeeded: 100,
  Failed: 0,
  Cancelled: 0,
};

/**
 * The status as the machine has it; `within` is the progress of the running work, in per cent. What it says of progress never
 * shrinks. Pure.
 */
export function reportBuild(
  build: Build,
  status: Build['status'],
  state: BuildState,
  within: number,
  now: Date,
): Build['status'] {
  const ended = state === 'Succeeded' || state === 'Failed' || state === 'Cancelled';
  const base = state === 'Failed' || state === 'Cancelled' ? status.progress : progressAt[state];
  const span = spanOf(state);
  let { conditions } = status;
  for (const input of conditionsFor(status, state)) {
    conditions = setCondition(conditions, input, { generation: build.metadata.generation, now });
  }
  return {
    ...status,
    phase: state,
    progress: Math.max(status.progress, Math.floor(base + (span * within) / 100)),
    ...(state !== 'Pending' && { startedAt: status.startedAt ?? now.toISOString() }),
    ...(ended && { completedAt: status.completedAt ?? now.toISOString() }),
    conditions,
  };
}

/** How many per cent of the whole a state takes, where it can say how far it is. */
function spanOf(state: BuildState): number {
  if (state === 'Building') return progressAt.Exporting - progressAt.Building;
  return state === 'Exporting' ? progressAt.Publishing - progressAt.Exporting : 0;
}

/** A build that failed without a word ran out of time, and says what it was waiting for last. Pure. */
export function withFailure({ spec }: Build, status: Build['status']): Build['status'] {
  if (status.failure !== undefined) return status;
  const held = findCondition(status.conditions, 'Reconciling');
  const last = held?.status === 'True' ? ` Last: ${held.message}` : '';
  return {
    ...status,
    failure: `The build did not end within ${spec.deadline}.${last}`,
    failureReason: 'DeadlineExceeded',
  };
}

function conditionsFor(status: Build['status'], state: BuildState): ConditionInput[] {
  const list: ConditionInput[] = [readyCondition(status, state)];
  if (status.commit !== undefined && status.commit !== '') {
    list.push({
      type: 'SourceFetched',
      status: 'True',
      reason: 'SourceFetched',
      message: `The source is at commit ${status.commit}.`,
    });
  }
  if (status.artifact)
    list.push({
      type: 'Built',
      status: 'True',
      reason: 'BuildSucceeded',
      message: `The archive is ${status.artifact.digest}.`,
    });
  if (status.published)
    list.push({
      type: 'Pushed',
      status: 'True',
      reason: 'BuildSucceeded',
      message: 'The archive is on the template storages.',
    });
  return list;
}

function readyCondition(status: Build['status'], state: BuildState): ConditionInput {
  const no = (reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  switch (state) {
    case 'Pending':
      return no('Queued', 'Waiting for a builder with a free place.');
    case 'Fetching':
      return no('Fetching', 'The source is being fetched.');
    case 'Detecting':
      return no('Detecting', 'Working out how to build the source.');
    case 'Building':
      return no('Building', 'The image is being built.');
    case 'Exporting':
      return no('Exporting', 'The image is being exported and repacked.');
    case 'Publishing':
      return no('Publishing', 'The archive is being placed on the template storages.');
    case 'Succeeded':
      return { type: 'Ready', status: 'True', reason: 'BuildSucceeded', message: 'The archive is built and kept.' };
    case 'Failed':
      return no(
        status.failureReason ?? 'DeadlineExceeded',
        status.failure ?? 'The build did not end within spec.deadline.',
      );
    case 'Cancelled':
      return status.failureReason === 'Superseded'
        ? no('Superseded', status.failure ?? 'A newer build of the same service took its place.')
        : no('BuildCancelled', 'The build was cancelled.');
    default:
      return state satisfies never;
  }
}
