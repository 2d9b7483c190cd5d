import { findCondition } from '../../crds/condition.ts';
import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';

const LONG_ENOUGH_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;
const LONGEST_UNHEALTHY_MS = 60 * 60_000;

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

/** A guest that has served for a minute has got over what went before: the next stop is the first again. Pure. */
export function noteSteady(status: Guest['status'], now: Date): Guest['status'] {
  const ready = findCondition(status.conditions, 'Ready');
  const isSteady = ready?.status === 'True' && now.getTime() - Date.parse(ready.lastTransitionTime) >= LONG_ENOUGH_MS;
  return isSteady && status.crashes > 0 ? { ...status, crashes: 0 } : status;
}

/**
 * Whether a guest has failed its check for as long as `healthCheck.restartAfter` allows. Each restart that did not help doubles
 * the time, up to an hour. Without `restartAfter` an unhealthy guest only leaves the traffic. Pure.
 */
export function isLongUnhealthy({ healthCheck, process }: Guest['spec'], status: Guest['status'], now: Date): boolean {
  if (healthCheck?.restartAfter === undefined || process.restart === 'Never') return false;
  const ready = findCondition(status.conditions, 'Ready');
  if (ready?.reason !== 'Unhealthy') return false;
  const sinceMs = Math.max(
    Date.parse(ready.lastTransitionTime),
    Date.parse(status.startedAt ?? ready.lastTransitionTime),
  );
  const allowedMs = durationMs(healthCheck.restartAfter);
  return (
    now.getTime() - sinceMs >= Math.min(allowedMs * 2 ** status.crashes, Math.max(allowedMs, LONGEST_UNHEALTHY_MS))
  );
}
