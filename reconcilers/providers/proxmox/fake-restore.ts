import type { BackedUpDisks, RestoreGuest, Upid } from './client.ts';
import type { FakeBackup } from './fake-backups.ts';
import type { FakeCluster } from './fake-cluster.ts';
import { FakeGuest, storedTags } from './fake-guest.ts';
import { refuse } from './fake-refuse.ts';
import type { FakeStorage } from './fake-storage.ts';
import { freeVolumes } from './fake-volumes.ts';
import { restoreParams } from './guest-params.ts';
import { mountBytes, parseMount } from './mount.ts';

const GIB = 2 ** 30;

/** Begins to make a guest from a backup, which shows its lock at once; refuses a vmid that is taken. */
export function spawnRestore(cluster: FakeCluster, node: string, wanted: RestoreGuest): Upid {
  const { vmid } = wanted;
  const taken = cluster.guests.get(vmid);
  if (taken) refuse(500, `${taken.kind} ${vmid} already exists on node '${taken.node}'`);
  const storage = cluster.storages.get(wanted.storage) ?? refuse(500, `storage '${wanted.storage}' does not exist`);
  const guest = new FakeGuest(vmid, node, 'lxc', cluster.nowMs());
  guest.lock = 'create';
  cluster.guests.set(vmid, guest);
  return cluster.spawn('vzrestore', node, vmid, {
    effect: () => {
      const problem = restore(cluster, guest, wanted, storage);
      return problem === undefined ? undefined : `unable to restore CT ${vmid} - ${problem}`;
    },
    undo: () => cluster.remove(guest),
  });
}

/** The disks of a backup by its config; the first part of an archive, so that one which is cut short still shows it. */
export function disksOfBackup(cluster: FakeCluster, node: string, volid: string): BackedUpDisks {
  const backup = find(cluster, node, volid) ?? refuse(500, `volume '${volid}' does not exist`);
  const { rootfs = '', mounts } = backup.config;
  return {
    rootBytes: mountBytes(parseMount(rootfs).size) ?? 4 * GIB,
    mounts: Object.entries(mounts).map(([key, text]) => {
      const { path, size } = parseMount(text);
      return { path, bytes: mountBytes(size) ?? 4 * GIB, included: backup.volumes.has(key) };
    }),
  };
}

function find(cluster: FakeCluster, node: string, volid: string): FakeBackup | undefined {
  const storage = cluster.storages.get(volid.split(':')[0] ?? '');
  const backup = storage?.backups.get(volid);
  return backup && (storage?.shared || backup.node === node) ? backup : undefined;
}

/** The end of the task: a text when it fails. */
function restore(
  cluster: FakeCluster,
  guest: FakeGuest,
  wanted: RestoreGuest,
  storage: FakeStorage,
): string | undefined {
  const backup = find(cluster, guest.node, wanted.backup);
  if (!backup) return `volume '${wanted.backup}' does not exist`;
  const rootBytes = wanted.rootfsGiB * GIB;
  if (!storage.hasRoomFor(rootBytes)) return "lvcreate 'disk-0' error: insufficient free space";
  guest.statisticsAt(cluster.nowMs());
  storage.usedBytes += rootBytes;
  guest.disk = { storage: storage.storage, bytes: rootBytes };
  for (const [key, text] of Object.entries(wanted.mounts)) {
    const { volume, path } = parseMount(text);
    const [name = '', size = ''] = volume.split(':');
    const made = cluster.storages.get(name)?.allocate(guest.node, guest.vmid, Number(size) * GIB);
    if (!made) {
      freeVolumes(cluster, guest);
      return `lvcreate '${key}' error: insufficient free space`;
    }
    made.content = contentAt(backup, path);
    const written = `${text.replace(volume, made.volid)},size=${size}G`;
    guest.config = { ...guest.config, mounts: { ...guest.config.mounts, [key]: written } };
  }
  if (backup.isDamaged) {
    freeVolumes(cluster, guest);
    return 'zstd: /*stdin*\\ : Read error (39) : premature end';
  }
  const params = restoreParams(wanted);
  guest.config = {
    ...backup.config,
    rootfs: `${storage.storage}:vm-${guest.vmid}-disk-0,size=${wanted.rootfsGiB}G`,
    mounts: guest.config.mounts,
    unused: {},
    hostname: wanted.hostname,
    memoryMiB: 16,
    swapMiB: 0,
    cores: 1,
    cpuLimit: 0.1,
    entrypoint: params.entrypoint,
    env: params.env?.split('\0') ?? [],
    onboot: false,
    protection: false,
    tags: storedTags(wanted.tags),
    description: wanted.description,
  };
  guest.lock = undefined;
  return undefined;
}

function contentAt({ config, volumes }: FakeBackup, path: string): string {
  const [key = ''] = Object.entries(config.mounts).find(([, text]) => parseMount(text).path === path) ?? [];
  return volumes.get(key)?.content ?? '';
}
