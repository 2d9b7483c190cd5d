import { faultOf } from './refusals.ts';

/** Refuses with one of Proxmox's own texts, read as the real client reads it. */
export function refuse(status: number, text: string): never {
  throw faultOf({ status, text, errors: {} }, 'do what was asked');
}

/** Refuses parameters, if there is anything to say about any. */
export function refuseErrors(errors: Record<string, string>): void {
  if (Object.keys(errors).length === 0) return;
  throw faultOf({ status: 400, text: 'Parameter verification failed.', errors }, 'do what was asked');
}
