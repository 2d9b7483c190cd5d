import { EngineError } from '../engine/engine.ts';

/** First id on this machine that stands for root in every guest, as Proxmox maps unprivileged containers. */
export const ID_BASE = 100_000;

/** How many ids a guest has; ids from here on cannot exist inside. */
export const ID_COUNT = 65_536;

/** The id on this machine for an id in a guest; EngineError when the guest cannot hold it. */
export function hostId(guestId: number, what: string): number {
  if (!Number.isInteger(guestId) || guestId < 0 || guestId >= ID_COUNT) {
    throw new EngineError(
      `${what} belongs to id ${guestId}, but an unprivileged container only has the ids 0 to ${ID_COUNT - 1}`,
    );
  }
  return ID_BASE + guestId;
}
