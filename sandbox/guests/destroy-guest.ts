import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import type { TaskContext } from '../tasks/task.ts';
import type { Guest } from './guest-store.ts';
import { mountedVolumes, unusedVolumes } from './guest-volumes.ts';

/** The work of `vzdestroy`: volumes first, the config last. */
export async function destroyGuest(
  cluster: Cluster,
  vmid: number,
  node: string,
  { force, purge }: { force: boolean; purge: boolean },
  task: TaskContext,
): Promise<void> {
  await cluster.locks.hold(
    vmid,
    async () => {
      const guest = cluster.guests.get(vmid, node);
      refuseDestruction(guest);
      if (cluster.engine.isRunning(vmid)) {
        if (!force) throw new Refusal(`unable to destroy CT ${vmid} - container is running`);
        task.log(`forced to stop CT ${vmid} before destroying!`);
        await cluster.engine.stop(vmid);
      }
      cluster.guests.update(vmid, ({ options }) => options.set('lock', 'destroyed'));
      await task.takeTime();
      await destroyVolumes(cluster, guest);
      if (purge) task.log(`purging CT ${vmid} from related configurations..`);
      await task.stillAlive();
      cluster.access.forgetGuest(vmid);
      cluster.guests.remove(vmid);
    },
    task,
  );
}

/** Refuses for a guest that is protected or carries a lock. */
export function refuseDestruction({ vmid, config }: Guest): void {
  if (config.options.get('protection') === '1') throw new Refusal(`can't remove CT ${vmid} - protection mode enabled`);
  const lock = config.options.get('lock');
  if (lock !== undefined) throw new Refusal(`CT is locked (${lock})`);
}

/** Destroys every volume that the config names and that belongs to this guest. */
export async function destroyVolumes(cluster: Cluster, { vmid, node, config }: Guest): Promise<void> {
  const volumes = [...mountedVolumes(config.options), ...unusedVolumes(config.options)];
  for (const { properties } of volumes) await destroyVolume(cluster, vmid, node, properties.get('volume') ?? '');
}

/** Destroys one volume, unless it belongs to another guest or is none. */
export async function destroyVolume(cluster: Cluster, vmid: number, node: string, volid: string): Promise<void> {
  if (!parseVolumeId(volid) || volid.startsWith('/')) return;
  const { storage, name } = cluster.storages.find(volid, node);
  if (storage.volume(name)?.vmid !== vmid) return;
  await cluster.engine.removeVolume(storage.pathOf(name));
  storage.forget(name);
}
