import type { Clock } from '../../../controller/clock.ts';
import { ProxmoxFault } from './fault.ts';

const FAILURES = 3;
const HELD_MS = 10_000;

/**
 * Keeps calls from a node that does not answer: after three in a row that came to nothing, calls to it fail at once for ten
 * seconds; then one call tries again. Other nodes are not concerned.
 */
export class NodeBreaker {
  readonly #clock: Clock;
  readonly #nodes = new Map<string, { failures: number; heldUntilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `nodeUnreachable` while calls to the node are held. */
  refuseHeld(node: string | undefined, what: string): void {
    const state = node === undefined ? undefined : this.#nodes.get(node);
    if (!state || state.failures < FAILURES || this.#clock.monotonicMs() >= state.heldUntilMs) return;
    const advice = 'It is asked again soon; check that it is up and that the other nodes reach it.';
    throw new ProxmoxFault('nodeUnreachable', `Could not ${what}: node ${node} has not answered lately. ${advice}`);
  }

  /** As `refuseHeld`; after a hold the call that is let through is the one that tries, and the others wait for it. */
  admit(node: string | undefined, what: string): void {
    this.refuseHeld(node, what);
    const state = node === undefined ? undefined : this.#nodes.get(node);
    if (state && state.failures >= FAILURES) state.heldUntilMs = this.#clock.monotonicMs() + HELD_MS;
  }

  answered(node: string | undefined): void {
    if (node !== undefined) this.#nodes.delete(node);
  }

  failed(node: string | undefined): void {
    if (node === undefined) return;
    const failures = (this.#nodes.get(node)?.failures ?? 0) + 1;
    this.#nodes.set(node, { failures, heldUntilMs: this.#clock.monotonicMs() + HELD_MS });
  }
}
