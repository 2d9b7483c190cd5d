import type { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import type { Kind, Manifest, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION, GROUP, type OwnerReference } from '../../crds/meta.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { EnvVar } from '../../crds/workload.ts';
import { BACKUP_COMMANDS, SUPERVISOR_PATH } from '../shared/backup-commands.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';
import { SAFEGUARD_OF, goesWith, volumeLoginName } from '../shared/volume-login.ts';

/** On what a restore made anew: its name. */
export const RESTORE_LABEL = `${GROUP}/restore`;

/** What a restore in place is made of. Pure. */
export function restoreNames({ metadata }: Restore): { volume: string; guest: string } {
  return { volume: childName(metadata.name, 'restored'), guest: childName(metadata.name, 'restored') };
}

/** The volume with the restored data, as large as what it is to take the place of. It goes with the restore until it is taken. Pure. */
export function restoredVolume(restore: Restore, backup: Backup, previous: Volume): Manifest<Volume['spec']> {
  const { volume, guest } = restoreNames(restore);
  const { [SAFEGUARD_OF]: _, ...labels } = previous.metadata.labels ?? {};
  const { size, storage, region } = previous.spec;
  const archived = backup.status.origin?.size ?? size;
  const made = manifest(Volume, restore, volume, {
    size: quantityBytes(archived) > quantityBytes(size) ? archived : size,
    region,
    ...(storage !== undefined && { storage }),
    retain: false,
    source: { backup: backup.metadata.name },
    guest,
  });
  // What finds the volumes of a service finds those that are in use.
  return restore.spec.target.kind === 'Volume' ? made : { ...made, metadata: { ...made.metadata, labels } };
}

/** A volume that was not there; it belongs to nobody. Pure. */
export function newVolume({ metadata, spec }: Restore, backup: Backup): Manifest<Volume['spec']> {
  const { origin } = backup.status;
  return {
    apiVersion: API_VERSION,
    kind: Volume.kind,
    metadata: { name: spec.target.name, namespace: metadata.namespace, labels: { [RESTORE_LABEL]: metadata.name } },
    spec: Volume.specSchema.parse({ size: origin?.size, region: origin?.region, source: { backup: spec.backup } }),
  };
}

/** A database that was not there. Of a version one says the series: its newest release reads the data. Pure. */
export function newDatabase(
  { metadata, spec }: Restore,
  { status }: Backup,
  series: string,
): Manifest<Database['spec']> {
  const { engine, origin } = status;
  return {
    apiVersion: API_VERSION,
    kind: Database.kind,
    metadata: { name: spec.target.name, namespace: metadata.namespace, labels: { [RESTORE_LABEL]: metadata.name } },
    spec: Database.specSchema.parse({
      engine,
      version: series,
      ...(origin?.plan !== undefined && { plan: origin.plan }),
      region: origin?.region,
      source: { backup: spec.backup },
    }),
  };
}

/** Made as the guest of the database, with the login of the backup; held until all has been read. Pure. */
export function provingGuest(restore: Restore, model: Guest, volume: Volume): Manifest<Guest['spec']> {
  const { guest } = restoreNames(restore);
  const { region, artifact, process, resources, env, ports, mounts, commands } = model.spec;
  const mountPath = mounts[0]?.mountPath ?? '/data';
  return manifest(Guest, restore, guest, {
    region,
    hostname: guest,
    artifact,
    process: { ...process, restart: 'Always' },
    resources,
    env: withLogin(env, volumeLoginName(volume.metadata.name)),
    ports,
    mounts: [{ volume: volume.metadata.name, mountPath }],
    commands,
    hold: true,
  });
}

/** Reads a restored volume: the supervisor of any image can, and nothing else runs. Pure. */
export function readingGuest(restore: Restore, backup: Backup, model: Guest, volume: Volume): Manifest<Guest['spec']> {
  const { guest } = restoreNames(restore);
  const mountPath = backup.status.origin?.mountPath ?? '/data';
  return manifest(Guest, restore, guest, {
    region: volume.spec.region,
    cluster: volume.status.cluster,
    hostname: guest,
    artifact: model.spec.artifact,
    process: { ...model.spec.process, restart: 'Always' },
    resources: model.spec.resources,
    mounts: [{ volume: volume.metadata.name, mountPath }],
    commands: [{ name: BACKUP_COMMANDS.digest, argv: [SUPERVISOR_PATH, 'digest', mountPath], user: '0' }],
    hold: true,
  });
}

/** The login that the data on a volume know, sealed; it goes with the volume. Pure. */
export function loginSecret(volume: Volume, data: Readonly<Record<string, string>>): Manifest<Secret['spec']> {
  return {
    apiVersion: API_VERSION,
    kind: Secret.kind,
    metadata: {
      name: volumeLoginName(volume.metadata.name),
      namespace: volume.metadata.namespace,
      ownerReferences: [goesWith(volume)],
    },
    spec: Secret.specSchema.parse({ data }),
  };
}

function withLogin(env: readonly EnvVar[], name: string): EnvVar[] {
  return env.map((variable) => {
    const { secretRef } = variable.valueFrom ?? {};
    return secretRef ? { name: variable.name, valueFrom: { secretRef: { ...secretRef, name } } } : variable;
  });
}

function manifest<R extends Resource>(
  kind: Kind<R>,
  restore: Restore,
  name: string,
  spec: unknown,
): Manifest<R['spec']> {
  const ownerReferences: OwnerReference[] = [controlledBy(restore)];
  const { namespace } = restore.metadata;
  return {
    apiVersion: API_VERSION,
    kind: kind.kind,
    metadata: { name, namespace, labels: { [RESTORE_LABEL]: restore.metadata.name }, ownerReferences },
    spec: kind.specSchema.parse(spec),
  };
}
