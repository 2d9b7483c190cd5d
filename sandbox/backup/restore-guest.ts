import { chmodSync, chownSync, lstatSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot } from '../access/identity.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { allocateVolumes, freeVolumes, type MadeVolume } from '../guests/allocate-volumes.ts';
import { parseConfig } from '../guests/config-text.ts';
import { messageOf, replaceConfig, startInTask, type NewGuest } from '../guests/create-guest.ts';
import { destroyVolumes } from '../guests/destroy-guest.ts';
import type { GuestConfig, Options } from '../guests/guest-config.ts';
import { mountedVolumes, readVolume, sizeBytesOf } from '../guests/guest-volumes.ts';
import { withFreshMac } from '../guests/option-values.ts';
import { describeBytes } from '../guests/unpack-image.ts';
import { Refusal } from '../refusal.ts';
import { mountFormat, rootfsFormat } from '../schema/guest-options.ts';
import { printProperties } from '../schema/property-string.ts';
import type { TaskContext } from '../tasks/task.ts';
import { readBackupConfig } from './backup-archive.ts';

/** A guest to be made from a backup. */
export interface RestoredGuest extends NewGuest {
  /** Where volumes go that are not asked for one by one. */
  storage: string;
  /** The guest is there already; all of its volumes go. */
  overwritten: boolean;
  /** Gets new MAC addresses. */
  unique: boolean;
}

/**
 * The work of `vzrestore`. In place, every old volume is destroyed before the archive is unpacked; if that fails, the guest
 * is gone. liblxc's own keys are lost unless root@pam itself restores.
 */
export async function restoreGuest(cluster: Cluster, guest: RestoredGuest, task: TaskContext): Promise<void> {
  const { vmid, pool } = guest;
  await cluster.locks.hold(
    vmid,
    async () => {
      let made: MadeVolume[] = [];
      try {
        await task.takeTime();
        const backup = await recoverConfig(cluster, guest, task);
        const owner = {
          vmid,
          node: guest.node,
          privileged: backup.options.get('unprivileged') !== '1',
          log: (line: string) => task.log(line),
        };
        const disks = guest.disks.size > 0 ? guest.disks : recordedDisks(backup, guest.storage);
        const allocated = await allocateVolumes(cluster, owner, disks);
        made = allocated.made;
        if (guest.overwritten) await destroyVolumes(cluster, cluster.guests.get(vmid, guest.node));
        await unpackBackup(cluster, guest, made, allocated.options, task);
        const config = mergeConfig(backup, guest, allocated.options, task);
        await task.stillAlive();
        cluster.guests.update(vmid, (kept) => replaceConfig(kept, config));
      } catch (error) {
        await task.stillAlive();
        await freeVolumes(cluster, made);
        cluster.guests.remove(vmid);
        throw new Refusal(`unable to restore CT ${vmid} - ${messageOf(error)}`);
      }
    },
    task,
  );
  if (pool !== undefined) cluster.access.addToPool(pool, vmid);
  if (guest.start) startInTask(cluster, guest);
}

async function recoverConfig(cluster: Cluster, { template, node }: NewGuest, task: TaskContext): Promise<GuestConfig> {
  task.log(`recovering backed-up configuration from '${template}'`);
  const { storage, name } = cluster.storages.find(template, node);
  if (!storage.has(name)) throw new Refusal(`volume '${template}' does not exist`);
  const text = await readBackupConfig(storage.pathOf(name));
  if (text === undefined) throw new Refusal('unable to find configuration in the backup archive');
  return parseConfig(text);
}

/** The disks of the backed-up config, each to be made anew in its recorded size. */
function recordedDisks({ options }: GuestConfig, storage: string): Options {
  const disks: Options = new Map();
  for (const { key, properties } of mountedVolumes(options)) {
    if (properties.get('volume')?.startsWith('/')) continue;
    const anew = new Map(properties);
    anew.set('volume', `${storage}:${sizeBytesOf(properties.get('size') ?? '4G') / 1024 ** 3}`);
    anew.delete('size');
    disks.set(key, printProperties(key === 'rootfs' ? rootfsFormat : mountFormat, anew));
  }
  return disks;
}

async function unpackBackup(
  cluster: Cluster,
  { template, node }: NewGuest,
  made: readonly MadeVolume[],
  disks: Options,
  task: TaskContext,
): Promise<void> {
  const source = cluster.storages.find(template, node);
  const path = source.storage.pathOf(source.name);
  task.log(`restoring '${template}' now..`);
  task.log(`extracting archive '${source.storage.shownPathOf(source.name)}'`);
  const root = made.find(({ key }) => key === 'rootfs');
  if (root) {
    const rootfs = root.storage.pathOf(root.volume.name);
    await cluster.engine.unpack({ path, format: 'plain' }, rootfs);
    rmSync(join(rootfs, 'etc/vzdump'), { recursive: true, force: true });
    const volumes = made.filter(({ key }) => key !== 'rootfs');
    const places = volumes.map((volume) => ({
      volume,
      mountPath: readVolume(disks.get(volume.key) ?? '').get('mp') ?? '',
    }));
    places.sort((a, b) => b.mountPath.length - a.mountPath.length);
    for (const { volume, mountPath } of places) {
      moveContent(rootfs, mountPath, volume.storage.pathOf(volume.volume.name));
    }
    root.storage.update({ ...root.volume, contentBytes: statSync(path).size });
  }
  task.log(`Total bytes read: ${describeBytes(statSync(path).size)}`);
}

/** What was unpacked below a mount path belongs into the volume. A link on the way there is not followed. */
function moveContent(rootfs: string, mountPath: string, volume: string): void {
  let folder = rootfs;
  for (const part of mountPath.split('/').filter((name) => name !== '')) {
    folder = join(folder, part);
    if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  }
  const { uid, gid, mode } = statSync(folder);
  for (const name of readdirSync(folder)) renameSync(join(folder, name), join(volume, name));
  chownSync(volume, uid, gid);
  chmodSync(volume, mode & 0o7777);
}

function mergeConfig(backup: GuestConfig, guest: RestoredGuest, disks: Options, task: TaskContext): GuestConfig {
  task.log('merging backed-up and given configuration..');
  const options: Options = new Map();
  for (const [name, value] of backup.options) {
    if (/^(rootfs|(mp|unused)\d+|lock|parent|snaptime)$/.test(name)) continue;
    options.set(name, guest.unique && /^net\d+$/.test(name) ? withFreshMac(value) : value);
  }
  for (const [name, value] of [...guest.options, ...disks]) options.set(name, value);
  const keepsRaw = isRoot(guest.identity) || backup.raw.length === 0;
  if (!keepsRaw) {
    task.warn('skipping custom lxc options, restore manually as root:');
    task.log('--------------------------------');
    for (const [key, value] of backup.raw) task.log(`${key}: ${value}`);
    task.log('--------------------------------');
  }
  return { ...backup, options, raw: keepsRaw ? backup.raw : [] };
}
