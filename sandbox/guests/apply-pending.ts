import type { Cluster } from '../cluster/cluster.ts';
import { freeUnusedKey, readVolume } from './guest-volumes.ts';
import type { GuestConfig } from './guest-config.ts';

/** Writes what waited for the guest to be stopped into its config. */
export async function applyPending(cluster: Cluster, vmid: number): Promise<void> {
  const guest = cluster.guests.find(vmid);
  if (!guest || (guest.config.pending.size === 0 && guest.config.pendingDelete.size === 0)) return;
  cluster.guests.update(vmid, (config) => {
    for (const name of config.pendingDelete.keys()) deleteOption(config, name);
    for (const [name, value] of config.pending) config.options.set(name, value);
    config.pending.clear();
    config.pendingDelete.clear();
  });
}

/** Deletes an option of a stopped guest. A mount point's volume is kept, as `unusedN`. */
export function deleteOption({ options }: GuestConfig, name: string): void {
  const value = options.get(name);
  options.delete(name);
  if (value === undefined || !/^mp\d+$/.test(name)) return;
  const volume = readVolume(value).get('volume');
  if (volume !== undefined && !volume.startsWith('/')) options.set(freeUnusedKey(options), volume);
}
