import type { Clock } from '../../controller/clock.ts';

const BURST = 20;
const REFILL_MS = 3_000;
const MOST_ADDRESSES = 10_000;

/** Counts failed logins by address: so many at once, then one every few seconds. */
export class FailureLimit {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** When an address would be back at no failures. The one that failed last stands last. */
  readonly #clearAt = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** How long the address has to wait before its next try; 0 when it may try now. */
  waitMs(address: string): number {
    const debt = (this.#clearAt.get(address) ?? 0) - this.#clock.monotonicMs();
    return Math.max(0, debt - (BURST - 1) * REFILL_MS);
  }

  failed(address: string): void {
    const now = this.#clock.monotonicMs();
    const clearAt = Math.max(this.#clearAt.get(address) ?? 0, now) + REFILL_MS;
    this.#clearAt.delete(address);
    this.#clearAt.set(address, clearAt);
    if (this.#clearAt.size > MOST_ADDRESSES) this.#forget(now);
  }

  /** Drops who is clear again, and the one that failed longest ago. */
  #forget(now: number): void {
    for (const [address, clearAt] of this.#clearAt) {
      if (clearAt > now && this.#clearAt.size <= MOST_ADDRESSES) break;
      this.#clearAt.delete(address);
    }
  }
}
