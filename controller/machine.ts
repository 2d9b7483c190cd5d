import {
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  type EventFromLogic,
  type InputFrom,
  type StateValueFrom,
} from 'xstate';
import type { z } from 'zod';
import { Progress } from '../crds/workload.ts';

/** The names of a flat machine's states. */
export type StateOf<M extends AnyStateMachine> = StateValueFrom<M> & string;

/** Where a machine is: to be saved in a status before it is acted on. */
export type ProgressOf<M extends AnyStateMachine> = Progress & { state: StateOf<M> };

interface Step<M extends AnyStateMachine> {
  /** A generation other than the saved one begins again. */
  generation: number;
  /** Reads the saved memory. */
  context: z.ZodType<ContextFrom<M>>;
  /** For a beginning. */
  input: InputFrom<M>;
  event: EventFromLogic<M>;
}

/**
 * Moves a flat machine on from what was saved, as far as the same facts carry it: a state whose way out is open already has
 * nothing left to do. Pure: no actor, no timer, no effect. A new generation, a state that this version does not know, or a
 * memory that it cannot read begins again; that is safe because every step looks at the world before it touches it.
 */
export function advance<M extends AnyStateMachine>(
  machine: M,
  saved: Progress | undefined,
  { generation, context, input, event }: Step<M>,
): ProgressOf<M> {
  const resumed = saved?.generation === generation ? resume(machine, saved, context) : undefined;
  let before = resumed ?? begin(machine, input);
  let after = move(machine, before, event);
  for (let moves = 1; after.value !== before.value && moves < Object.keys(machine.states).length; moves += 1) {
    before = after;
    after = move(machine, before, event);
  }
  const state: unknown = after.value;
  if (!isStateOf(machine, state)) {
    throw new Error(`A bug: the machine "${machine.id}" is not flat; its states must be single words.`);
  }
  return { ...Progress.parse({ state, context: after.context, generation }), state };
}

function resume(machine: AnyStateMachine, saved: Progress, context: z.ZodType): AnyMachineSnapshot | undefined {
  if (!isStateOf(machine, saved.state)) return undefined;
  const memory = context.safeParse(saved.context);
  return memory.success ? machine.resolveState({ value: saved.state, context: memory.data }) : undefined;
}

// What xstate's types can only say of a known machine is checked at the signature of `advance`; these two take any.

function begin(machine: AnyStateMachine, input: InputFrom<AnyStateMachine>): AnyMachineSnapshot {
  return initialTransition(machine, input)[0];
}

function move(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  event: EventFromLogic<AnyStateMachine>,
): AnyMachineSnapshot {
  return transition(machine, before, event)[0];
}

function isStateOf<M extends AnyStateMachine>(machine: M, state: unknown): state is StateOf<M> {
  return typeof state === 'string' && Object.hasOwn(machine.states, state);
}
