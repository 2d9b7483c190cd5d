import type { Clock } from '../clock.ts';

/** The lease whose epoch fences the writes of loops. */
export const CONTROLLER_LEASE = 'controller';

/**
 * Who leads. The clock that judges expiry is the store's alone, so that leaders need not agree on the time. Every take-over
 * has a higher epoch than any before; a holder that acquires again takes over from itself.
 */
export interface LeaseStore {
  acquire(name: string, holder: string, durationMs: number): Promise<{ epoch: bigint } | { heldBy: string }>;
  /** False when somebody else took over, or the lease was released. */
  renew(name: string, holder: string, epoch: bigint, durationMs: number): Promise<boolean>;
  /** Lets others in at once; nothing happens when the lease is not ours any more. */
  release(name: string, holder: string, epoch: bigint): Promise<void>;
}

interface MemoryLease {
  holder: string | undefined;
  epoch: bigint;
  expiresAtMs: number;
}

/** Leases in memory, for tests and a single process. */
export class MemoryLeaseStore implements LeaseStore {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #leases = new Map<string, MemoryLease>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The epoch that a fenced write has to show; undefined before the first leader. */
  epochOf(name: string): bigint | undefined {
    return this.#leases.get(name)?.epoch;
  }

  async acquire(name: string, holder: string, durationMs: number): Promise<{ epoch: bigint } | { heldBy: string }> {
    const lease = this.#leases.get(name);
    const now = this.#clock.monotonicMs();
    if (lease?.holder !== undefined && lease.holder !== holder && now < lease.expiresAtMs)
      return { heldBy: lease.holder };
    const epoch = (lease?.epoch ?? 0n) + 1n;
    this.#leases.set(name, { holder, epoch, expiresAtMs: now + durationMs });
    return { epoch };
  }

  async renew(name: string, holder: string, epoch: bigint, durationMs: number): Promise<boolean> {
    const lease = this.#leases.get(name);
    if (lease?.holder !== holder || lease.epoch !== epoch) return false;
    lease.expiresAtMs = this.#clock.monotonicMs() + durationMs;
    return true;
  }

  async release(name: string, holder: string, epoch: bigint): Promise<void> {
    const lease = this.#leases.get(name);
    if (lease?.holder === holder && lease.epoch === epoch) lease.holder = undefined;
  }
}
