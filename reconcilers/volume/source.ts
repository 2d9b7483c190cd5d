import type { ResourceReader } from '../../controller/reconciler.ts';
import { Backup } from '../../crds/backup.ts';
import type { Volume } from '../../crds/volume.ts';
import type { Trouble } from '../shared/trouble.ts';

/** What a new volume is made from. */
export interface SourceBackup {
  name: string;
  cluster: string;
  /** Where it was taken; its storage may be that node's own. */
  node: string;
  storage: string;
  volid: string;
  /** Where the volume was mounted in the guest that was backed up. */
  mountPath: string;
}

/** The backup that a volume is to hold, or why it cannot be had. `isFinal`: only a person can help. */
export type VolumeSource = { ok: true; backup: SourceBackup } | ({ ok: false; isFinal: boolean } & Trouble);

/** Undefined for a volume that begins empty, and for one that was made: it has its data, whatever becomes of the backup. Reads only the cache. */
export function sourceOf({ metadata, spec, status }: Volume, read: ResourceReader): VolumeSource | undefined {
  if (spec.source === undefined || status.volid !== undefined) return undefined;
  const { backup: name } = spec.source;
  const { namespace = '' } = metadata;
  return readSource(name, metadata.name, read.get(Backup, { namespace, name }));
}

/** A backup is good when it was read back; the volume that it is read back with has it before that. Pure. */
export function readSource(name: string, volume: string, found: Backup | undefined): VolumeSource {
  if (!found) return none('BackupNotFound', `There is no Backup ${name}. Name one that exists.`);
  const { phase, cluster, node, storage, volid, origin, trial } = found.status;
  if (phase === 'Failed' || phase === 'Expired')
    return none('BackupNotFound', `Backup ${name} is ${phase}: there is nothing to restore. Name another one.`);
  const isGood = phase === 'Completed' || (phase === 'Verifying' && trial?.volume === volume);
  if (!isGood) {
    const message = `Waiting until Backup ${name} is completed; it is ${phase ?? 'Pending'}.`;
    return { ok: false, isFinal: false, reason: 'Waiting', message };
  }
  if (cluster === undefined || node === undefined || storage === undefined || volid === undefined || !origin)
    return none('BackupNotFound', `Backup ${name} does not say where its archive is. Name another one.`);
  return { ok: true, backup: { name, cluster, node, storage, volid, mountPath: origin.mountPath } };
}

function none(reason: Trouble['reason'], message: string): VolumeSource {
  return { ok: false, isFinal: true, reason, message };
}
