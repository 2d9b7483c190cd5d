import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { Volume } from '../../crds/volume.ts';
import { newDiskGiB } from '../providers/proxmox/backed-up-disks.ts';
import type { BackedUpDisks } from '../providers/proxmox/client.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { mountText } from '../providers/proxmox/mount.ts';
import { childName } from '../shared/child-name.ts';
import { descriptionFor, tagsFor } from '../shared/guest-marks.ts';
import type { ActContext } from './act.ts';
import { follow } from './follow-task.ts';
import type { HolderOfOurs } from './holder.ts';
import { wantedGiB } from './plan-size.ts';
import type { SourceBackup } from './source.ts';

const GIB = 2 ** 30;
/** The keeper's only disk besides its root disk. */
const KEY = 'mp0';

/**
 * Restores a backup to the keeper's vmid, with the one volume that is asked for. Where it will be is saved first, so that it
 * is found there whatever becomes of the call; the vmid lets one of several such calls through.
 */
export async function restoreKeeper(context: ActContext, backup: SourceBackup): Promise<Outcome> {
  const { pass, connection, cluster, installation } = context;
  const { metadata, spec } = pass.resource;
  const { keeperVmid: vmid = 0, node = backup.node } = pass.status;
  const disks = await lookInto(context, node, backup);
  if ('type' in disks) return disks;
  const archived = disks.mounts.find(({ path }) => path === backup.mountPath);
  if (!archived?.included) {
    const message = `The archive ${backup.volid} of Backup ${backup.name} has no volume at ${backup.mountPath}. Restore another backup.`;
    return unreadable(pass, message);
  }
  const { rootfs } = cluster.spec.storages;
  const sizeGiB = Math.max(wantedGiB(pass.resource), Math.ceil(archived.bytes / GIB));
  const volume = `${spec.storage ?? rootfs}:${sizeGiB}`;
  const startedAt = pass.now.toISOString();
  pass.status = { ...pass.status, moving: { vmid, key: KEY, startedAt }, keeperAskedAt: startedAt };
  await pass.checkpoint();
  const marks = { installation, uid: metadata.uid };
  const identity = { ...marks, kind: 'Volume', project: metadata.namespace ?? '', name: metadata.name } as const;
  try {
    const upid = await connection.client.restoreGuest(
      node,
      {
        vmid,
        backup: backup.volid,
        hostname: childName(metadata.name, 'keeper'),
        storage: rootfs,
        rootfsGiB: newDiskGiB(disks.rootBytes),
        mounts: { [KEY]: mountText({ volume, path: backup.mountPath, readOnly: false }) },
        tags: tagsFor(marks),
        description: descriptionFor(identity),
      },
      pass.signal,
    );
    pass.event('Normal', 'Restoring', `Backup ${backup.name} is restored to the keeper ${vmid} on ${node}.`);
    return await follow(pass, upid, 'restore');
  } catch (error) {
    // Taken: by a stranger, or by an earlier call of ours whose answer was lost. The next look tells the two apart.
    if (isProxmoxFault(error, 'exists'))
      return waiting('Restoring', `The vmid ${vmid} is in use; looking at whose it is.`, 200);
    throw error;
  }
}

/** Takes off the restored keeper what would make it seen on a network, were it ever started by hand. */
export async function strip(
  { pass, connection }: Pick<ActContext, 'pass' | 'connection'>,
  { node, vmid, config }: HolderOfOurs,
): Promise<Outcome> {
  const changes = { remove: Object.keys(config.nets), digest: config.digest };
  await connection.client.configureGuest(node, vmid, changes, pass.signal);
  return waiting('Restoring', `The keeper ${vmid} loses its network.`, 0);
}

async function lookInto(
  { pass, connection }: ActContext,
  node: string,
  backup: SourceBackup,
): Promise<BackedUpDisks | Outcome> {
  try {
    return await connection.client.backedUpDisks(node, backup.volid, pass.signal);
  } catch (error) {
    if (!isProxmoxFault(error, 'absent') && !isProxmoxFault(error, 'other')) throw error;
    return unreadable(pass, `Backup ${backup.name} cannot be read: ${error.message}`);
  }
}

function unreadable(pass: Pass<Volume>, message: string): Outcome {
  pass.event('Warning', 'BackupUnreadable', message);
  return stalled('BackupUnreadable', message, 5 * 60_000);
}
