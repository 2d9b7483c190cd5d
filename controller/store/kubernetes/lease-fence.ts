import { CONTROLLER_LEASE } from '../lease-store.ts';
import { fenced } from '../refusals.ts';

/** Says whether a leader's token is still good. */
export interface Fence {
  /** Throws Fenced when somebody took over before the call. */
  check(token: bigint): Promise<void>;
}

/**
 * Reads the lease before each fenced write. An API server cannot make a write depend on another object, so a write under way
 * while another takes over may still arrive; the leader's own clock, and its writes' short time, keep that from happening.
 * Writes at the same time share a read that began after all of them were asked for.
 */
export function createLeaseFence(readEpoch: (name: string) => Promise<bigint | undefined>): Fence {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<bigint | undefined> | undefined;

  function read(): Promise<bigint | undefined> {
    next ??= running.then(() => {
      next = undefined;
      const reading = readEpoch(CONTROLLER_LEASE);
      running = reading.catch(() => undefined);
      return reading;
    });
    return next;
  }

  return {
    async check(token) {
      const epoch = await read();
      if (epoch !== token) throw fenced(token, epoch);
    },
  };
}
