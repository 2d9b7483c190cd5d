import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import { mountFormat, rootfsFormat } from '../schema/guest-options.ts';
import { printProperties } from '../schema/property-string.ts';
import type { TaskContext } from '../tasks/task.ts';
import { makeVolume } from './allocate-volumes.ts';
import { destroyVolume } from './destroy-guest.ts';
import { missingGuest, type Guest } from './guest-store.ts';
import { freeUnusedKey, readVolume } from './guest-volumes.ts';
import { refuseLocked } from './power-guest.ts';

/** A volume that is to become another guest's. */
export interface VolumeMove {
  vmid: number;
  node: string;
  key: string;
  targetVmid: number;
  targetKey: string;
}

/** A volume that is to go to another storage. */
export interface StorageMove {
  vmid: number;
  node: string;
  key: string;
  storage: string;
  deletesSource: boolean;
}

const run = promisify(execFile);

/** Refuses a move between guests that cannot be. */
export function checkMove(cluster: Cluster, { vmid, node, key, targetVmid, targetKey }: VolumeMove): void {
  const source = cluster.guests.get(vmid, node);
  const target = cluster.guests.find(targetVmid);
  if (!target) throw missingGuest(targetVmid, node);
  if (target.node !== node) {
    throw new Refusal(
      `Both containers need to be on the same node (${node}) but target continer is on ${target.node}.`,
    );
  }
  if (vmid === targetVmid) throw new Refusal('Source and target container must be different.');
  refuseLocked(source);
  refuseLocked(target);
  const value = source.config.options.get(key);
  if (value === undefined) throw new Refusal(`volume '${key}' for container '${vmid}' does not exist`);
  if (key === 'rootfs' || targetKey === 'rootfs') {
    throw new Refusal('Moving the rootfs to another container is not supported.');
  }
  if (target.config.options.has(targetKey)) {
    throw new Refusal(`Target volume key '${targetKey}' is already in use for container '${targetVmid}'`);
  }
  const properties = readVolume(value);
  if (/^mp\d+$/.test(targetKey) && !properties.has('mp')) {
    throw new Refusal('format error', 500, { mp: 'property is missing and it is not optional' });
  }
  if (properties.get('volume')?.startsWith('/')) {
    throw new Refusal('Cannot move a bindmount or device mount to another container');
  }
  if (cluster.engine.isRunning(vmid) && !key.startsWith('unused')) {
    throw new Refusal('Cannot move in-use volume while the source CT is running - detach or shutdown first');
  }
  if (cluster.engine.isRunning(targetVmid) && !targetKey.startsWith('unused')) {
    throw new Refusal(`unable to hotplug ${targetKey}: the sandbox attaches volumes at the start only`);
  }
}

/** The work of `move_volume` between guests: the volume gets a new name and keeps its content. */
export async function moveToGuest(cluster: Cluster, move: VolumeMove, task: TaskContext): Promise<void> {
  const { vmid, node, key, targetVmid, targetKey } = move;
  await cluster.locks.hold(
    vmid,
    () =>
      cluster.locks.hold(
        targetVmid,
        async () => {
          await task.takeTime();
          checkMove(cluster, move);
          task.log(`moving volume '${key}' from container '${vmid}' to '${targetVmid}'`);
          const { properties, volid } = volumeOf(cluster.guests.get(vmid, node), key);
          const { storage, name } = cluster.storages.find(volid, node);
          const renamed = storage.rename(name, targetVmid);
          properties.set('volume', `${storage.definition.name}:${renamed.name}`);
          const value = targetKey.startsWith('unused')
            ? (properties.get('volume') ?? '')
            : printProperties(mountFormat, properties);
          task.log(`removing volume '${key}' from container '${vmid}' config`);
          cluster.guests.update(vmid, ({ options }) => options.delete(key));
          cluster.guests.update(targetVmid, ({ options }) => options.set(targetKey, value));
          task.log(`target container '${targetVmid}' updated with '${targetKey}'`);
        },
        task,
      ),
    task,
  );
}

/** The work of `move_volume` to another storage: a copy; the source stays as unused unless it is to go. */
export async function moveToStorage(cluster: Cluster, move: StorageMove, task: TaskContext): Promise<void> {
  const { vmid, node, key } = move;
  await cluster.locks.hold(
    vmid,
    async () => {
      const guest = cluster.guests.get(vmid, node);
      refuseLocked(guest);
      if (cluster.engine.isRunning(vmid)) throw new Refusal('cannot move volumes of a running container');
      const { properties, volid } = volumeOf(guest, key);
      const source = cluster.storages.find(volid, node);
      const old = source.storage.volume(source.name);
      if (!old) throw new Refusal(`volume '${volid}' does not exist`);
      await task.takeTime();
      const privileged = guest.config.options.get('unprivileged') !== '1';
      const owner = { vmid, node, privileged, log: (line: string) => task.log(line) };
      const { storage, volume } = await makeVolume(cluster, owner, move.storage, old.sizeBytes);
      await run('cp', ['-a', `${source.storage.pathOf(source.name)}/.`, storage.pathOf(volume.name)]);
      storage.update({ ...volume, contentBytes: old.contentBytes, exposedPorts: old.exposedPorts });
      properties.set('volume', `${move.storage}:${volume.name}`);
      cluster.guests.update(vmid, ({ options }) => {
        options.set(key, printProperties(key === 'rootfs' ? rootfsFormat : mountFormat, properties));
        if (!move.deletesSource) options.set(freeUnusedKey(options), volid);
      });
      if (move.deletesSource) await destroyVolume(cluster, vmid, node, volid);
    },
    task,
  );
}

function volumeOf({ config, vmid }: Guest, key: string): { properties: Map<string, string>; volid: string } {
  const value = config.options.get(key);
  if (value === undefined) throw new Refusal(`volume '${key}' for container '${vmid}' does not exist`);
  const properties = readVolume(value);
  return { properties, volid: properties.get('volume') ?? '' };
}
