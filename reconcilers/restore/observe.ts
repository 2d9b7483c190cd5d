import { Backup, Restore } from '../../crds/backup.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { RestoreFacts } from './machine.ts';
import { sameLogin, volumeLoginName } from '../shared/volume-login.ts';
import type { RestoreDeps } from './context.ts';
import { restoreNames } from './parts.ts';
import { hasOwnDisk, isServing, observeVolumeTarget, type VolumeTarget } from './volume-target.ts';

/** What is recorded around one restore. */
export interface RestoreView {
  restore: Restore;
  backup: Backup | undefined;
  /** The target, when it is a database that is there. */
  database: Database | undefined;
  /** The target, when it is a volume that is there. */
  volumeTarget: VolumeTarget | undefined;
  /** After which the throwaway guest is made: the guest of the database. */
  model: Guest | undefined;
  /** The volume with what was restored. */
  volume: Volume | undefined;
  /** What the target had before. */
  previous: Volume | undefined;
  /** The throwaway guest. */
  guest: Guest | undefined;
  /** Another restore of the same target, which is under way or came first. */
  rival: Restore | undefined;
  facts: RestoreFacts;
}

/** Looks up what there is. Reads only the cache. */
export function observeRestore(
  restore: Restore,
  read: ResourceReader,
  readSecret: RestoreDeps['readSecret'],
): RestoreView {
  const { spec, status, metadata } = restore;
  const { namespace = '' } = metadata;
  const { target } = spec;
  const names = restoreNames(restore);
  const named = (name: string | undefined) => (name === undefined ? undefined : read.get(Volume, { namespace, name }));
  const database = target.kind === 'Database' ? read.get(Database, { namespace, name: target.name }) : undefined;
  const volumeTarget = observeVolumeTarget(restore, read);
  const isNewVolume = target.kind === 'Volume' && status.inPlace !== true;
  const volume = named(isNewVolume ? target.name : names.volume);
  const { previousVolume } = status;
  const hasLogin = (of: Volume | undefined): boolean =>
    of !== undefined && read.get(Secret, { namespace, name: volumeLoginName(of.metadata.name) }) !== undefined;
  const owned = database ? read.ownedBy(Guest, database.metadata.uid) : [];
  return {
    restore,
    backup: read.get(Backup, { namespace, name: spec.backup }),
    database,
    volumeTarget,
    model: volumeTarget?.model ?? owned.find((guest) => guest.metadata.deletionTimestamp === undefined),
    volume,
    previous: volumeTarget?.target ?? named(previousVolume ?? database?.status.volume),
    guest: read.get(Guest, { namespace, name: names.guest }),
    rival: read.list(Restore, namespace).find((other) => isAhead(other, restore)),
    facts: {
      failed: status.failure !== undefined,
      admitted: status.inPlace !== undefined,
      inPlace: status.inPlace === true,
      safeguarded: status.safeguardedAt !== undefined,
      restored:
        status.inPlace === true
          ? isParked(volume, restore) && (target.kind === 'Volume' || hasLogin(volume))
          : isMade(target.kind, database, volume),
      read: status.readAt !== undefined,
      // Of a volume nothing can be asked.
      answered: status.answeredAt !== undefined || target.kind === 'Volume',
      switched: volumeTarget
        ? isServing(volumeTarget, restore)
        : status.switchTo === names.volume && isReadyWith(database, names.volume),
      putBack: volumeTarget
        ? hasOwnDisk(volumeTarget.target, restore)
        : database === undefined || hasBack(database, named(previousVolume), volume, readSecret),
    },
  };
}

/** Whether a database has a volume, and answers with it. Its loop takes Ready back with the note that it has another. Pure. */
function isReadyWith(database: Database | undefined, volume: string): boolean {
  return (
    database !== undefined &&
    database.status.volume === volume &&
    conditionIs(database.status.conditions, 'Ready', 'True')
  );
}

/** Whether a database has its volume again, with the login that its data know, and nothing of what was restored. */
function hasBack(
  { metadata, status }: Database,
  previous: Volume | undefined,
  restored: Volume | undefined,
  readSecret: RestoreDeps['readSecret'],
): boolean {
  const { namespace = '', uid } = metadata;
  if (!previous || status.volume !== previous.metadata.name || controllerOf(previous)?.uid !== uid) return false;
  if (restored && controllerOf(restored)?.uid === uid) return false;
  const kept = readSecret(namespace, volumeLoginName(previous.metadata.name));
  const own = readSecret(namespace, status.credentialsSecretRef?.name ?? '');
  return kept.ok && own.ok && sameLogin(kept.values, own.values);
}

function isParked(volume: Volume | undefined, { metadata }: Restore): boolean {
  return volume?.status.volid !== undefined && controllerOf(volume)?.uid === metadata.uid;
}

function isMade(
  kind: Restore['spec']['target']['kind'],
  database: Database | undefined,
  volume: Volume | undefined,
): boolean {
  const made = kind === 'Database' ? database : volume;
  return made !== undefined && conditionIs(made.status.conditions, 'Ready', 'True');
}

/** The same target, not at its end, and begun or made earlier. Pure. */
function isAhead(other: Restore, than: Restore): boolean {
  const isSame = other.spec.target.kind === than.spec.target.kind && other.spec.target.name === than.spec.target.name;
  const isOver = other.status.phase === 'Completed' || other.status.phase === 'Failed';
  if (other.metadata.uid === than.metadata.uid || !isSame || isOver) return false;
  const [began, thanBegan] = [other, than].map(({ status }) => status.inPlace !== undefined);
  return began === thanBegan ? order(other.metadata) < order(than.metadata) : began === true;
}

function order({ creationTimestamp, uid }: Restore['metadata']): string {
  return `${creationTimestamp} ${uid}`;
}
