import type { Guest } from '../../crds/guest.ts';

const LONG_ENOUGH_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Counts a guest that stopped without being asked to: at once, then after 2 s, 4 s ... 60 s. A run of a minute makes the next stop
 * the first again. `startedDigest` says that it ran by our doing; clearing it counts each stop once. Pure.
 */
export function noteStop(status: Guest['status'], now: Date): Guest['status'] {
  if (status.startedDigest === undefined) return status;
  const ranMs = status.startedAt === undefined ? 0 : now.getTime() - Date.parse(status.startedAt);
  const crashes = ranMs >= LONG_ENOUGH_MS ? 1 : status.crashes + 1;
  const pauseMs = crashes === 1 ? 0 : Math.min(LONGEST_PAUSE_MS, 2 ** (crashes - 1) * 1_000);
  const { startedDigest: _, ...rest } = status;
  return {
    ...rest,
    crashes,
    restarts: status.restarts + 1,
    startNotBefore: new Date(now.getTime() + pauseMs).toISOString(),
  };
}
