import { z } from 'zod';
import { Reason } from './reasons.ts';

/** One claim about an object, in the shape of Kubernetes. `True` is the good case of every type but `Reconciling` and `Stalled`. */
export const Condition = z.object({
  type: z.string().max(64),
  status: z.enum(['True', 'False', 'Unknown']),
  /** One PascalCase word, for programs; all of them stand in `reasons.ts`. */
  reason: Reason,
  /** One sentence, for people. The same problem gives the same words every time. */
  message: z.string().max(2048),
  observedGeneration: z.int(),
  lastTransitionTime: z.string(),
});
export type Condition = z.output<typeof Condition>;

export type ConditionStatus = Condition['status'];
export type ConditionInput = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** A new list in which `input` holds; the transition time moves only when the status does. */
export function setCondition(
  conditions: readonly Condition[],
  input: ConditionInput,
  at: { generation: number; now: Date },
): Condition[] {
  const previous = conditions.find((condition) => condition.type === input.type);
  const next: Condition = {
    ...input,
    message: input.message.slice(0, 2048),
    observedGeneration: at.generation,
    lastTransitionTime: previous?.status === input.status ? previous.lastTransitionTime : at.now.toISOString(),
  };
  const others = conditions.filter((condition) => condition.type !== input.type);
  return [...others, next].sort((a, b) => (a.type < b.type ? -1 : 1));
}

export function removeCondition(conditions: readonly Condition[], type: string): Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** Whether the list says `status` of `type`. An absent condition is Unknown. */
export function conditionIs(conditions: readonly Condition[], type: string, status: ConditionStatus): boolean {
  return (findCondition(conditions, type)?.status ?? 'Unknown') === status;
}
