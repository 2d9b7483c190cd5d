import { Fault } from '../errors.ts';

/** Reads a resource version as this store writes them. Invalid for anything else. */
export function parseVersion(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) {
    throw new Fault(
      'Invalid',
      `"${text.slice(0, 40)}" is not a resource version of this store. List again and go on from there.`,
    );
  }
  return BigInt(text);
}

/** The fault for resuming from a version whose successors are forgotten, or that never was (an older backup was restored). */
export function expired(version: bigint): Fault {
  return new Fault(
    'Expired',
    `The changes after version ${version} are no longer known. List again and go on from there.`,
  );
}
