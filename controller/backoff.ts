const BASE_MS = 1_000;
const MAX_MS = 5 * 60_000;
/** Up to half as long again, so that what failed together is not tried again together. */
const SPREAD = 0.5;

interface BackoffOptions {
  /** Between 0 and 1. */
  random?: () => number;
  baseMs?: number;
  maxMs?: number;
}

/** How long each failing key rests: twice as long each time, 1 s to 5 min, spread at random. */
export class Backoff {
  readonly #random: () => number;
  readonly #baseMs: number;
  readonly #ceilingMs: number;
  readonly #failing = new Map<string, { failures: number; restMs: number }>();

  constructor({ random = Math.random, baseMs = BASE_MS, maxMs = MAX_MS }: BackoffOptions = {}) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#ceilingMs = maxMs / (1 + SPREAD);
  }

  /** Counts one more failure in a row and answers how long to rest. */
  next(key: string): number {
    const failures = this.failures(key);
    const steps = Math.min(this.#baseMs * 2 ** Math.min(failures, 32), this.#ceilingMs);
    const restMs = Math.round(steps * (1 + SPREAD * this.#random()));
    this.#failing.set(key, { failures: failures + 1, restMs });
    return restMs;
  }

  /** Failures in a row. */
  failures(key: string): number {
    return this.#failing.get(key)?.failures ?? 0;
  }

  /** What `next` answered last; 0 for a key that does not fail. */
  restMs(key: string): number {
    return this.#failing.get(key)?.restMs ?? 0;
  }

  reset(key: string): void {
    this.#failing.delete(key);
  }
}
