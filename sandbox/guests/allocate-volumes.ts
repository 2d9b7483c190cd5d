import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import { mountFormat, rootfsFormat } from '../schema/guest-options.ts';
import { printProperties } from '../schema/property-string.ts';
import { NoSpace, type DirectoryStorage, type Volume } from '../storage/directory-storage.ts';
import { mkfsLines } from '../storage/mkfs-log.ts';
import type { Options } from './guest-config.ts';
import { formatSize, readVolume } from './guest-volumes.ts';

/** A volume that a running operation has made, and would have to free again. */
export interface MadeVolume {
  key: string;
  storage: DirectoryStorage;
  volume: Volume;
}

/** Who the volumes are for. */
export interface VolumeOwner {
  vmid: number;
  node: string;
  privileged: boolean;
  log: (line: string) => void;
}

/**
 * Makes the new volumes among `rootfs` and `mpN` (written `STORAGE:GIB`), or takes those that are named. Returns the
 * options as the config shall have them. On failure it has freed what it made.
 */
export async function allocateVolumes(
  cluster: Cluster,
  owner: VolumeOwner,
  wanted: Options,
): Promise<{ options: Options; made: MadeVolume[] }> {
  const options: Options = new Map();
  const made: MadeVolume[] = [];
  try {
    for (const [key, value] of wanted) {
      const properties = readVolume(value);
      const sizeBytes = newSizeOf(properties.get('volume') ?? '');
      const format = key === 'rootfs' ? rootfsFormat : mountFormat;
      if (sizeBytes === undefined) {
        requireVolume(cluster, owner.node, properties.get('volume') ?? '');
      } else {
        const storageName = (properties.get('volume') ?? '').split(':')[0] ?? '';
        const volume = await makeVolume(cluster, owner, storageName, sizeBytes);
        made.push({ key, ...volume });
        properties.set('volume', `${storageName}:${volume.volume.name}`);
        properties.set('size', formatSize(sizeBytes));
      }
      options.set(key, printProperties(format, properties));
    }
  } catch (error) {
    await freeVolumes(cluster, made);
    throw error;
  }
  return { options, made };
}

/** Makes one empty volume. Throws what the task ends with when the storage is full. */
export async function makeVolume(
  cluster: Cluster,
  { vmid, node, privileged, log }: VolumeOwner,
  storageName: string,
  sizeBytes: number,
): Promise<{ storage: DirectoryStorage; volume: Volume }> {
  const storage = cluster.storages.enabled(storageName, node);
  const volume = allocate(storage, vmid, sizeBytes, privileged, cluster.now(), log);
  const shown = storage.shownPathOf(volume.name);
  if (storage.definition.type === 'dir') {
    log(`Formatting '${shown}', fmt=raw size=${sizeBytes} preallocation=off`);
  }
  for (const line of mkfsLines(sizeBytes)) log(line);
  await cluster.engine.makeVolume(storage.pathOf(volume.name));
  return { storage, volume };
}

/** Frees volumes; one that is gone already is no trouble. */
export async function freeVolumes(cluster: Cluster, made: readonly MadeVolume[]): Promise<void> {
  for (const { storage, volume } of made) {
    await cluster.engine.removeVolume(storage.pathOf(volume.name));
    storage.forget(volume.name);
  }
}

/** Bytes of a new volume's size in `STORAGE:GIB`; undefined for the name of a volume. */
export function newSizeOf(volume: string): number | undefined {
  const gibibytes = /^[^/:]+:(\d+(?:\.\d+)?)$/.exec(volume)?.[1];
  return gibibytes === undefined ? undefined : Math.floor(Number(gibibytes) * 1024) * 1024 ** 2;
}

function requireVolume(cluster: Cluster, node: string, volid: string): void {
  const { storage, name } = cluster.storages.find(volid, node);
  if (!storage.has(name)) throw new Refusal(`volume '${volid}' does not exist`);
}

function allocate(
  storage: DirectoryStorage,
  vmid: number,
  sizeBytes: number,
  privileged: boolean,
  now: number,
  log: (line: string) => void,
): Volume {
  try {
    return storage.allocate(vmid, sizeBytes, now);
  } catch (error) {
    if (!(error instanceof NoSpace)) throw error;
    const owner = privileged ? '0:0' : '100000:100000';
    const path = storage.shownPathOf(`${vmid}/vm-${vmid}-disk-0.raw`);
    log('mkfs.ext4: No space left on device while writing out and closing file system');
    throw new Refusal(`command 'mkfs.ext4 -O mmp -E 'root_owner=${owner}' ${path}' failed: exit code 1`);
  }
}
