import type { ResourceReader } from '../../controller/reconciler.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import type { GuestConfig, ListedGuest, ProxmoxClient } from '../providers/proxmox/client.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { readIdentity, uidInTags, type GuestIdentity } from './guest-marks.ts';

/** A guest of this installation that belongs to no object, and what its config says. */
export interface UnownedGuest {
  row: ListedGuest;
  identity: GuestIdentity;
  config: GuestConfig;
}

/**
 * Those of a list that carry the marks of this installation and the uid of no object that lives, at a vmid that none has
 * chosen. The list has to be as old as the cache or older, and from a quorate node. Pure.
 */
export function unownedGuests(
  listed: readonly ListedGuest[],
  read: ResourceReader,
  { cluster, installation }: { cluster: string; installation: string },
): ListedGuest[] {
  const ours = listed.filter((row) => row.type === 'lxc' && uidInTags(row.tags, installation) !== undefined);
  if (ours.length === 0) return [];
  const guests = read.list(Guest);
  const volumes = read.list(Volume);
  const living = new Set([...guests, ...volumes].map(({ metadata }) => metadata.uid));
  const suspects = ours.filter((row) => !living.has(uidInTags(row.tags, installation) ?? ''));
  if (suspects.length === 0) return [];
  const chosen = new Set<number | undefined>([
    ...guests.flatMap(({ status }) => (status.cluster === cluster ? [status.vmid] : [])),
    ...volumes.flatMap(({ status }) => (status.cluster === cluster ? [status.keeperVmid] : [])),
  ]);
  return suspects.filter(({ vmid }) => !chosen.has(vmid));
}

/** Reads the configs of guests without an object, each once for as long as its tags stay: after a disaster there are many. */
export class UnownedConfigs {
  readonly #known = new Map<string, Promise<UnownedGuest | undefined>>();

  /**
   * Of those that can be read, carry a whole identity and are still what the list says: one that was taken over since then has
   * an owner. Throws what Proxmox throws, but for a guest that went.
   */
  async read(
    rows: readonly ListedGuest[],
    { client }: { client: Pick<ProxmoxClient, 'guestConfig'> },
    scope: { cluster: string; installation: string },
    signal: AbortSignal,
  ): Promise<UnownedGuest[]> {
    if (rows.length === 0) this.#known.clear();
    const all = await Promise.all(
      rows.map((row) => {
        const key = [scope.cluster, row.node, row.vmid, ...row.tags].join(' ');
        const known = this.#known.get(key);
        if (known) return known.then((guest) => guest && { ...guest, row });
        const asked = readUnowned(client, row, scope.installation, signal);
        this.#known.set(key, asked);
        asked.catch(() => this.#known.delete(key));
        return asked;
      }),
    );
    return all.filter((guest) => guest !== undefined);
  }
}

async function readUnowned(
  client: Pick<ProxmoxClient, 'guestConfig'>,
  row: ListedGuest,
  installation: string,
  signal: AbortSignal,
): Promise<UnownedGuest | undefined> {
  try {
    const config = await client.guestConfig(row.node, row.vmid, signal);
    const identity = readIdentity(config.description);
    const uid = uidInTags(row.tags, installation);
    // Tags and description that contradict each other are nobody's word.
    if (identity?.installation !== installation || identity.uid !== uid || uidInTags(config.tags, installation) !== uid)
      return undefined;
    return { row, identity, config };
  } catch (error) {
    if (isProxmoxFault(error, 'absent')) return undefined;
    throw error;
  }
}
