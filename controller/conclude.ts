import { findCondition, setCondition, type Condition, type ConditionInput } from '../crds/condition.ts';
import type { CommonStatus } from '../crds/define-kind.ts';
import { waiting, type Outcome } from './outcome.ts';

/**
 * Writes how a pass ended as the conditions `Reconciling` and `Stalled`, which Kubernetes tools read together with `Ready`.
 * `Ready` is the reconciler's to say. For kinds that do not say it the outcome does: Unknown until the first pass that
 * settles, True then, False when stalled. A stalled object whose Ready is Unknown becomes False in any case: nobody should
 * wait for what will not come.
 *
 * `observedGeneration` moves when the pass has answered this generation: settled, stalled, or acted upon and waiting. After
 * a retry it stays, because whether the spec can be carried out is not known; the conditions name their own generation.
 */
export function concludeStatus<S extends CommonStatus>(
  status: S,
  outcome: Outcome,
  at: { generation: number; now: Date },
): S {
  const claims = [readyFor(outcome, status.conditions), reconcilingFor(outcome), stalledFor(outcome)];
  const conditions = claims.reduce<Condition[]>(
    (list, claim) => (claim ? setCondition(list, claim, at) : list),
    status.conditions,
  );
  const observedGeneration = outcome.type === 'retry' ? status.observedGeneration : at.generation;
  return { ...status, conditions, observedGeneration };
}

/**
 * What `Ready` says that is left to do is worked on from now on. A status that is saved before its step says so at once, so that
 * a pass that comes to nothing else has nothing more to write.
 */
export function announceWork<S extends CommonStatus>(status: S, at: { generation: number; now: Date }): S {
  const ready = findCondition(status.conditions, 'Ready');
  if (ready?.status !== 'False') return status;
  const outcome = waiting(ready.reason, ready.message);
  const claims = [reconcilingFor(outcome), stalledFor(outcome)];
  const conditions = claims.reduce<Condition[]>((list, claim) => setCondition(list, claim, at), status.conditions);
  return { ...status, conditions };
}

function reconcilingFor(outcome: Outcome): ConditionInput {
  switch (outcome.type) {
    case 'settled':
      return { type: 'Reconciling', status: 'False', ...settledWords };
    case 'waiting':
    case 'retry':
      return { type: 'Reconciling', status: 'True', reason: outcome.reason, message: outcome.message };
    case 'stalled':
      return { type: 'Reconciling', status: 'False', reason: outcome.reason, message: outcome.message };
    default:
      return outcome satisfies never;
  }
}

function stalledFor(outcome: Outcome): ConditionInput {
  switch (outcome.type) {
    case 'settled':
      return { type: 'Stalled', status: 'False', ...settledWords };
    case 'waiting':
    case 'retry':
      return { type: 'Stalled', status: 'False', reason: 'InProgress', message: 'It is being worked on.' };
    case 'stalled':
      return { type: 'Stalled', status: 'True', reason: outcome.reason, message: outcome.message };
    default:
      return outcome satisfies never;
  }
}

function readyFor(outcome: Outcome, conditions: readonly Condition[]): ConditionInput | undefined {
  const said = findCondition(conditions, 'Ready');
  const isOurs = !said || isConcluded(said, conditions);
  switch (outcome.type) {
    case 'settled':
      return isOurs ? { type: 'Ready', status: 'True', ...settledWords } : undefined;
    case 'waiting':
    case 'retry':
      // Not being able to look, or to finish, takes nothing back that was said before.
      if (said && !(isOurs && said.status === 'Unknown')) return undefined;
      return { type: 'Ready', status: 'Unknown', reason: outcome.reason, message: outcome.message };
    case 'stalled':
      if (!isOurs && said.status !== 'Unknown') return undefined;
      return { type: 'Ready', status: 'False', reason: outcome.reason, message: outcome.message };
    default:
      return outcome satisfies never;
  }
}

/** Whether `Ready` says, in the same words, what an earlier conclusion said, so that no reconciler has spoken. */
function isConcluded(ready: Condition, conditions: readonly Condition[]): boolean {
  if (ready.status === 'True') return ready.reason === settledWords.reason;
  const concluded = findCondition(conditions, ready.status === 'Unknown' ? 'Reconciling' : 'Stalled');
  return concluded?.status === 'True' && ready.reason === concluded.reason && ready.message === concluded.message;
}

const settledWords = { reason: 'Settled', message: 'The world matches the spec.' } as const;
