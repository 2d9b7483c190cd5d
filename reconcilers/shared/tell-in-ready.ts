import { setCondition, type Condition } from '../../crds/condition.ts';
import type { Outcome } from '../../controller/outcome.ts';

/** The conditions with what a pass waits for, or failed by, in `Ready` too, where people look first. Pure. */
export function tellInReady(
  conditions: Condition[],
  outcome: Exclude<Outcome, { type: 'settled' }>,
  at: { generation: number; now: Date },
): Condition[] {
  const { reason, message } = outcome;
  return setCondition(conditions, { type: 'Ready', status: 'False', reason, message }, at);
}
