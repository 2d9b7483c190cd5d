import type { ProxmoxClient } from '../providers/proxmox/client.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';

/** One listing serves all backups of a storage for so long. */
export const LISTED_FOR_MS = 10 * 60_000;

interface Listing {
  atMs: number;
  volids: Promise<ReadonlySet<string> | undefined>;
}

/** Looks now and then at what lies on storages, once for all who ask. */
export class ArchiveWatch {
  readonly #listings = new Map<string, Listing>();

  /** What lay there at a time that is not long past, and after `since`; undefined when nobody can tell. */
  async volids(
    client: ProxmoxClient,
    place: { cluster: string; node: string; storage: string },
    { since, now }: { since: Date; now: Date },
    signal: AbortSignal,
  ): Promise<ReadonlySet<string> | undefined> {
    const key = [place.cluster, place.node, place.storage].join(' ');
    const known = this.#listings.get(key);
    const nowMs = now.getTime();
    // One that is from the future was made before the clock was set right.
    const isFresh = known && known.atMs <= nowMs && nowMs - known.atMs < LISTED_FOR_MS;
    if (isFresh && known.atMs > since.getTime()) return known.volids;
    const listing = { atMs: nowMs, volids: list(client, place, signal) };
    this.#listings.set(key, listing);
    const found = await listing.volids;
    // Whoever asks next tries anew.
    if (found === undefined && this.#listings.get(key) === listing) this.#listings.delete(key);
    return found;
  }
}

async function list(
  client: ProxmoxClient,
  { node, storage }: { node: string; storage: string },
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const stored = await client.backups(node, storage, undefined, signal);
    return new Set(stored.map(({ volid }) => volid));
  } catch (error) {
    if (isProxmoxFault(error)) return undefined;
    throw error;
  }
}
