import { findCondition, setCondition, type Condition, type ConditionInput } from '../crds/condition.ts';
import type { CommonStatus } from '../crds/define-kind.ts';
import type { Outcome } from './outcome.ts';

/**
 * Writes how a pass ended as the conditions `Reconciling` and `Stalled`, which Kubernetes tools read together with `Ready`.
 * `Ready` is the reconciler's to say; only where it has said nothing yet does it become Unknown (or True once settled), and
 * False when the object is stalled: nobody should wait for what will not come.
 *
 * `observedGeneration` moves when the pass has answered this generation: settled, stalled, or acted upon and waiting. After
 * a retry it stays, because whether the spec can be carried out is not known; the conditions name their own generation.
 */
export function concludeStatus<S extends CommonStatus>(
  status: S,
  outcome: Outcome,
  at: { generation: number; now: Date },
): S {
  const claims = [reconcilingFor(outcome), stalledFor(outcome), readyFor(outcome, status.conditions)];
  const conditions = claims.reduce<Condition[]>(
    (list, claim) => (claim ? setCondition(list, claim, at) : list),
    status.conditions,
  );
  const observedGeneration = outcome.type === 'retry' ? status.observedGeneration : at.generation;
  return { ...status, conditions, observedGeneration };
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
  switch (outcome.type) {
    case 'settled':
      return said ? undefined : { type: 'Ready', status: 'True', ...settledWords };
    case 'waiting':
    case 'retry':
      return said ? undefined : { type: 'Ready', status: 'Unknown', reason: outcome.reason, message: outcome.message };
    case 'stalled':
      if (said && said.status !== 'Unknown') return undefined;
      return { type: 'Ready', status: 'False', reason: outcome.reason, message: outcome.message };
    default:
      return outcome satisfies never;
  }
}

const settledWords = { reason: 'Settled', message: 'The world matches the spec.' } as const;
