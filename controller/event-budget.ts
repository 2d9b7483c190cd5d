import type { Clock } from './clock.ts';

const BURST = 25;
const EARN_EVERY_MS = 5 * 60_000;
const MOST_OBJECTS = 4_096;

/** How many events an object may still have: 25 at once, then one every five minutes. */
export class EventBudget {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** The object that was longest silent comes first. */
  readonly #left = new Map<string, { tokens: number; atMs: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Takes one if there is one. */
  spend(uid: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const { tokens, atMs } = this.#left.get(uid) ?? { tokens: BURST, atMs: nowMs };
    const earned = Math.min(BURST, tokens + (nowMs - atMs) / EARN_EVERY_MS);
    const allowed = earned >= 1;
    this.#left.delete(uid);
    this.#left.set(uid, { tokens: allowed ? earned - 1 : earned, atMs: nowMs });
    this.#forgetOldest();
    return allowed;
  }

  #forgetOldest(): void {
    const [oldest] = this.#left.keys();
    if (oldest !== undefined && this.#left.size > MOST_OBJECTS) this.#left.delete(oldest);
  }
}
