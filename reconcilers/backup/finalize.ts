import { Backup, Restore } from '../../crds/backup.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, ResourceReader } from '../../controller/reconciler.ts';
import { removeArchives, removeTrial } from './clean-up.ts';
import type { BackupDeps } from './context.ts';
import type { CopyWork } from './copy-work.ts';
import { removeCopy } from './remove-copy.ts';

const HELD_CHECK_MS = 15_000;

/** Removes the archive of a backup and all that was made for it. A protected one stays, and so does one that is being read. */
export async function finalizeBackup(pass: Pass<Backup>, deps: BackupDeps, copying: CopyWork): Promise<Outcome> {
  const { resources, clusters } = deps;
  const { read, write } = resources;
  const { metadata, spec } = pass.resource;
  if (spec.protected) {
    const message = 'The backup is protected; nothing is removed. Set spec.protected to false.';
    return stalled('BackupProtected', message);
  }
  const left = await removeTrial({ pass, resources });
  if (left) return left;
  const reader = readerOf(pass.resource, read);
  if (reader !== undefined) return waiting('WaitingForChildren', `${reader} still reads the backup.`, HELD_CHECK_MS);

  // Before the archive: where it stays, there is still something to make it anew from.
  const copied = await removeCopy({ ...deps, pass }, copying);
  if (copied) return copied;
  const { cluster, storage } = pass.status;
  const connection = clusters.get(cluster ?? '');
  if (cluster !== undefined && connection) {
    const going = await removeArchives({ ...deps, pass, connection });
    if (going) return going;
  } else if (cluster !== undefined && pass.status.askedAt !== undefined) {
    const message = `The ProxmoxCluster ${cluster} is not connected; the archive is there.`;
    if (read.get(ProxmoxCluster, { name: cluster })) return waiting('ProviderUnavailable', message, HELD_CHECK_MS);
    pass.event(
      'Warning',
      'ArchiveMissing',
      `The ProxmoxCluster ${cluster} is gone; what is on its storage ${storage} stays.`,
    );
  }
  for (const secret of read.ownedBy(Secret, metadata.uid))
    if (secret.metadata.deletionTimestamp === undefined) await write.delete(Secret, secret);
  return settled();
}

/** Who still makes something out of it. */
function readerOf({ metadata }: Backup, read: ResourceReader): string | undefined {
  const { namespace, name, uid } = metadata;
  const volume = read
    .list(Volume, namespace)
    .find((one) => one.spec.source?.backup === name && !isMade(one) && !isOwned(one, uid));
  if (volume && volume.metadata.deletionTimestamp === undefined) return `Volume ${volume.metadata.name}`;
  const restore = read.list(Restore, namespace).find(({ spec, status }) => {
    const isOver = status.phase === 'Completed' || status.phase === 'Failed';
    return spec.backup === name && !isOver;
  });
  return restore && restore.metadata.deletionTimestamp === undefined ? `Restore ${restore.metadata.name}` : undefined;
}

/** It has its data: made from the archive, or filled from the copy. */
function isMade({ status }: Volume): boolean {
  return status.filling ? status.filling.filledAt !== undefined : status.volid !== undefined;
}

function isOwned({ metadata }: Volume, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}
