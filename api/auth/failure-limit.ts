import type { Clock } from '../../controller/clock.ts';

/** So many failures at once, then one more every so often. */
export interface LimitSettings {
  burst: number;
  refillMs: number;
}

const MOST_KEYS = 10_000;

/** Counts failures by address, or by whatever else they are held against. */
export class FailureLimit {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #settings: LimitSettings;
  /** When a key would be back at no failures. The one that failed last stands last. */
  readonly #clearAt = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, settings: LimitSettings = { burst: 20, refillMs: 3_000 }) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** How long the key has to wait before its next try; 0 when it may try now. */
  waitMs(key: string): number {
    const { burst, refillMs } = this.#settings;
    const debt = (this.#clearAt.get(key) ?? 0) - this.#clock.monotonicMs();
    return Math.max(0, debt - (burst - 1) * refillMs);
  }

  failed(key: string): void {
    const now = this.#clock.monotonicMs();
    const clearAt = Math.max(this.#clearAt.get(key) ?? 0, now) + this.#settings.refillMs;
    this.#clearAt.delete(key);
    this.#clearAt.set(key, clearAt);
    if (this.#clearAt.size > MOST_KEYS) this.#forget(now);
  }

  /** Takes one failure back: it was none. */
  forgive(key: string): void {
    const clearAt = this.#clearAt.get(key);
    if (clearAt !== undefined) this.#clearAt.set(key, clearAt - this.#settings.refillMs);
  }

  /** Drops who is clear again, and the one that failed longest ago. */
  #forget(now: number): void {
    for (const [key, clearAt] of this.#clearAt) {
      if (clearAt > now && this.#clearAt.size <= MOST_KEYS) break;
      this.#clearAt.delete(key);
    }
  }
}
