import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { isTroubling, type Trouble } from '../shared/trouble.ts';
import { isAttached } from '../shared/volumes.ts';

/** What is backed up, and where it is now. */
export interface BackupSource {
  cluster: string;
  node: string;
  vmid: number;
  volume: Volume;
  /** Undefined for a volume that lies parked. */
  guest: Guest | undefined;
  /** Undefined for a volume that lies parked: its keeper's config has it. */
  mountPath: string | undefined;
  database: Database | undefined;
}

export type SourceReading = { ok: true; source: BackupSource } | ({ ok: false } & Trouble);

/** Finds what a backup is of, or says what has to happen first. Reads only the cache. */
export function findSource({ metadata, spec }: Backup, read: ResourceReader): SourceReading {
  const { namespace } = metadata;
  const { kind, name } = spec.source;
  return kind === 'Database'
    ? ofDatabase(read.get(Database, { namespace, name }), name, read)
    : ofVolume(read.get(Volume, { namespace, name }), name, read);
}

function ofDatabase(database: Database | undefined, name: string, read: ResourceReader): SourceReading {
  if (!database || database.metadata.deletionTimestamp !== undefined)
    return no('SourceMissing', `There is no Database ${name}. Correct spec.source, or delete the Backup.`);
  const guest = read.ownedBy(Guest, database.metadata.uid).find((one) => one.metadata.deletionTimestamp === undefined);
  if (!guest) return no('WaitingForGuest', `The Database ${name} has no guest; it is being made.`);
  const [mount] = guest.spec.mounts;
  const volume = mount && read.get(Volume, { namespace: database.metadata.namespace, name: mount.volume });
  if (!volume) return no('WaitingForVolume', `The Database ${name} has no volume yet.`);
  return ofGuest(guest, volume, database);
}

function ofVolume(volume: Volume | undefined, name: string, read: ResourceReader): SourceReading {
  if (!volume || volume.metadata.deletionTimestamp !== undefined)
    return no('SourceMissing', `There is no Volume ${name}. Correct spec.source, or delete the Backup.`);
  const { cluster, node, vmid, attachedUid, moving, volid } = volume.status;
  if (moving !== undefined) return no('WaitingForVolume', `The Volume ${name} is on its way to another guest.`);
  if (volid === undefined || cluster === undefined || node === undefined || vmid === undefined)
    return no('VolumeUnused', `The Volume ${name} was never made, so there is nothing to back up.`);
  const guest = read.list(Guest, volume.metadata.namespace).find(({ metadata }) => metadata.uid === attachedUid);
  if (guest) return ofGuest(guest, volume, undefined);
  return attachedUid === undefined
    ? { ok: true, source: { cluster, node, vmid, volume, guest: undefined, mountPath: undefined, database: undefined } }
    : no('WaitingForGuest', `The guest that has the Volume ${name} is being removed.`);
}

/** A guest in the middle of a change may be stopped, or another one, before the copy is made. */
function ofGuest(guest: Guest, volume: Volume, database: Database | undefined): SourceReading {
  const { metadata, spec, status } = guest;
  const { cluster, node, vmid } = status;
  const mount = spec.mounts.find((one) => one.volume === volume.metadata.name);
  if (!mount || !isAttached(volume, metadata.uid))
    return no('WaitingForVolume', `Guest ${metadata.name} does not have the Volume ${volume.metadata.name} yet.`);
  if (metadata.deletionTimestamp !== undefined)
    return no('WaitingForGuest', `Guest ${metadata.name} is being replaced.`);
  if (cluster === undefined || node === undefined || vmid === undefined || !status.created)
    return no('WaitingForGuest', `Guest ${metadata.name} is being made.`);
  const isChanging = status.task !== undefined || status.observedGeneration !== metadata.generation;
  if (isChanging) return no('WaitingForGuest', `Guest ${metadata.name} is being changed; its backup comes after that.`);
  if (spec.power === 'running' && status.power !== 'running') {
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    const why = ready && isTroubling(ready.reason) ? ` ${ready.message}` : '';
    return no('WaitingForGuest', `Guest ${metadata.name} is to run and does not.${why}`);
  }
  return { ok: true, source: { cluster, node, vmid, volume, guest, mountPath: mount.mountPath, database } };
}

function no(reason: Trouble['reason'], message: string): SourceReading {
  return { ok: false, reason, message };
}
