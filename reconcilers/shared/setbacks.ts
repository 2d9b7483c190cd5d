import { Backoff } from '../../controller/backoff.ts';
import type { Trouble } from './trouble.ts';

/**
 * What went wrong lately with work that outlasts a pass, by key. Such work begins and ends well as passes go, so that their
 * own back-off would begin anew each time; here the pauses grow, 1 s to 5 min, until the work succeeds. Kept in memory: a
 * restart is a good time to try again.
 */
export class Setbacks {
  readonly #backoff = new Backoff();
  readonly #last = new Map<string, Trouble & { untilMs: number }>();

  /** Notes one more setback in a row; answers for how many milliseconds the work rests. */
  note(key: string, trouble: Trouble, now: Date): number {
    const restMs = this.#backoff.next(key);
    this.#last.set(key, { ...trouble, untilMs: now.getTime() + restMs });
    return restMs;
  }

  /** The last setback, until the work succeeds. */
  last(key: string): Trouble | undefined {
    const entry = this.#last.get(key);
    return entry && { reason: entry.reason, message: entry.message };
  }

  /** Milliseconds until the work may be tried again; 0 when now. */
  restMs(key: string, now: Date): number {
    return Math.max(0, (this.#last.get(key)?.untilMs ?? 0) - now.getTime());
  }

  /** The work succeeded, or is over. */
  clear(key: string): void {
    this.#backoff.reset(key);
    this.#last.delete(key);
  }
}
