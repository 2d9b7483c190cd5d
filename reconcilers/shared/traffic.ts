import { conditionIs } from '../../crds/condition.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import { GROUP } from '../../crds/meta.ts';

/** Since when a guest is to get no new requests, because it goes. Set by the Deployment's loop, followed by the Route's. */
export const LEAVING_ANNOTATION = `${GROUP}/leaving-since`;

export function leavingSince({ metadata }: Guest): string | undefined {
  return metadata.annotations?.[LEAVING_ANNOTATION];
}

/** Whether a guest goes or is to stop, so that it should be asked nothing more. Pure. */
export function isLeaving(guest: Guest): boolean {
  const { metadata, spec } = guest;
  return metadata.deletionTimestamp !== undefined || spec.power === 'stopped' || leavingSince(guest) !== undefined;
}

/**
 * Whether a guest of this revision takes new requests: the revision is promoted, and the guest is ready and stays. While a
 * revision takes over guest by guest, guests of the revision before that still stay take requests beside its own. Pure.
 */
export function takesRequests(deployment: Deployment, guest: Guest): boolean {
  return deployment.status.promoted && !isLeaving(guest) && conditionIs(guest.status.conditions, 'Ready', 'True');
}
