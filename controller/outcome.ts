import type { Reason } from '../crds/reasons.ts';
import { isFault } from './errors.ts';

/** How one pass over one object ended. */
export type Outcome =
  | { type: 'settled'; recheckAfterMs: number }
  | { type: 'waiting'; reason: Reason; message: string; checkAfterMs: number }
  | { type: 'stalled'; reason: Reason; message: string; recheckAfterMs: number }
  | { type: 'retry'; reason: Reason; message: string; afterMs: number | undefined };

const RESYNC_MS = 5 * 60_000;
/** While nothing may be changed there is no hurry. */
const OBSERVING_MS = 60_000;

/** The world matches the spec. Look again later, for drift. */
export function settled(recheckAfterMs = RESYNC_MS): Outcome {
  return { type: 'settled', recheckAfterMs };
}

/** Nothing is wrong; something else has to happen first. */
export function waiting(reason: Reason, message: string, checkAfterMs = 5_000): Outcome {
  return { type: 'waiting', reason, message, checkAfterMs };
}

/** Only a new spec, or a person, can help; looked at again now and then, for people mend things outside too. */
export function stalled(reason: Reason, message: string, recheckAfterMs = RESYNC_MS): Outcome {
  return { type: 'stalled', reason, message, recheckAfterMs };
}

/** No usable answer; again with back-off, or after the time given. */
export function retry(reason: Reason, message: string, afterMs?: number): Outcome {
  return { type: 'retry', reason, message, afterMs };
}

/** The one place where a thrown thing becomes a decision. */
export function outcomeOf(error: unknown): Outcome {
  if (!isFault(error)) return retry('InternalError', 'The controller failed on this object; its log has the cause.');
  switch (error.code) {
    case 'Invalid':
      return stalled('Rejected', error.message);
    case 'Denied':
      return retry('AccessDenied', error.message, 60_000);
    case 'Exhausted':
      return retry('StorageFull', error.message, 60_000);
    case 'Throttled':
      return retry('Throttled', error.message, error.retryAfterMs ?? 30_000);
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
    case 'Expired':
    case 'Fenced':
      return retry('WorldMoved', 'Something changed during the pass; looking again.');
    case 'Unavailable':
      return retry('ProviderUnavailable', error.message);
    case 'ObserveOnly':
      return waiting('ObserveOnly', error.message, OBSERVING_MS);
    default:
      return error.code satisfies never;
  }
}
