import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import { mountFormat, rootfsFormat } from '../schema/guest-options.ts';
import { printProperties } from '../schema/property-string.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import type { TaskContext } from '../tasks/task.ts';
import { formatSize, readVolume, sizeBytesOf } from './guest-volumes.ts';
import { refuseLocked } from './power-guest.ts';

/** A growth that has been checked. */
export interface ResizePlan {
  vmid: number;
  node: string;
  key: string;
  storageName: string;
  volid: string;
  oldBytes: number;
  newBytes: number;
}

const block = 4096;

/** Checks a resize: volumes only grow. */
export function planResize(cluster: Cluster, vmid: number, node: string, key: string, size: string): ResizePlan {
  const guest = cluster.guests.get(vmid, node);
  refuseLocked(guest);
  const value = guest.config.options.get(key);
  if (value === undefined) {
    const missing = 'property is missing and it is not optional';
    throw new Refusal('format error', 500, { volume: missing, ...(key !== 'rootfs' && { mp: missing }) });
  }
  const properties = readVolume(value);
  const volid = properties.get('volume') ?? '';
  const id = parseVolumeId(volid);
  if (!id) throw new Refusal("can't resize mount point owned by another container");
  const volume = cluster.storages.enabled(id.storage, node).volume(id.name);
  if (volume?.vmid !== vmid)
    throw new Refusal(`can't resize mount point owned by another container (${volume?.vmid ?? 'none'})`);
  const given = sizeBytesOf(size.replace(/^\+/, ''));
  const newBytes = size.startsWith('+') ? volume.sizeBytes + given : given;
  if (newBytes < volume.sizeBytes) throw new Refusal('unable to shrink disk size');
  if (newBytes === volume.sizeBytes) throw new Refusal('disk is already at specified size');
  return { vmid, node, key, storageName: id.storage, volid, oldBytes: volume.sizeBytes, newBytes };
}

/** The work of `resize`. */
export async function resizeVolume(cluster: Cluster, plan: ResizePlan, task: TaskContext): Promise<void> {
  const { vmid, node, key, volid, oldBytes, newBytes } = plan;
  await cluster.locks.hold(
    vmid,
    async () => {
      await task.takeTime();
      const { storage, name } = cluster.storages.find(volid, node);
      const volume = storage.volume(name);
      if (!volume) throw new Refusal(`volume '${volid}' does not exist`);
      storage.update({ ...volume, sizeBytes: newBytes });
      cluster.guests.update(vmid, ({ options }) => {
        const properties = readVolume(options.get(key) ?? '');
        properties.set('size', formatSize(newBytes));
        options.set(key, printProperties(key === 'rootfs' ? rootfsFormat : mountFormat, properties));
      });
      const lines = resizeLog(storage.shownPathOf(name), oldBytes, newBytes, cluster.engine.isRunning(vmid));
      for (const line of lines) task.log(line);
    },
    task,
  );
}

function resizeLog(path: string, oldBytes: number, newBytes: number, isMounted: boolean): string[] {
  const before = Math.floor(oldBytes / block);
  const after = Math.floor(newBytes / block);
  const check = [
    'e2fsck 1.47.2 (1-Jan-2025)',
    'Pass 1: Checking inodes, blocks, and sizes',
    'Pass 2: Checking directory structure',
    'Pass 3: Checking directory connectivity',
    'Pass 4: Checking reference counts',
    'Pass 5: Checking group summary information',
    `${path}: 53/${before / 4} files (0.0% non-contiguous), 13456/${before} blocks`,
  ];
  return [
    'Image resized.',
    ...(isMounted ? [] : check),
    'resize2fs 1.47.2 (1-Jan-2025)',
    `Resizing the filesystem on ${path} to ${after} (4k) blocks.`,
    `The filesystem on ${path} is now ${after} (4k) blocks long.`,
    '',
  ];
}
