import type { Outcome } from '../../controller/outcome.ts';

/** Rechecks are spread by up to a tenth; with this share of the way left none comes too late. */
const SHARE = 0.9;
const LEAST_MS = 10;

/** The same outcome, looked at again after `ms` at the latest. Pure. */
export function lookAgainWithin(outcome: Outcome, ms: number): Outcome {
  const most = Math.max(LEAST_MS, ms);
  switch (outcome.type) {
    case 'settled':
    case 'stalled':
      return { ...outcome, recheckAfterMs: Math.min(outcome.recheckAfterMs, most) };
    case 'waiting':
      return { ...outcome, checkAfterMs: Math.min(outcome.checkAfterMs, most) };
    case 'retry':
      return outcome;
    default:
      return outcome satisfies never;
  }
}

/** The same outcome, looked at again so that the next time of a schedule is met: nearer with each look. Pure. */
export function untilNext(outcome: Outcome, next: Date, now: Date): Outcome {
  return lookAgainWithin(outcome, (next.getTime() - now.getTime()) * SHARE);
}
