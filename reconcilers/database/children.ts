import { Build } from '../../crds/build.ts';
import type { Database } from '../../crds/database.ts';
import type { Kind, Manifest, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION, GROUP } from '../../crds/meta.ts';
import { quantityBytes, quantityMiB } from '../../crds/quantity.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { Artifact, EnvVar } from '../../crds/workload.ts';
import { childName } from '../shared/child-name.ts';
import { SERIES_LABEL } from '../shared/database-engine.ts';
import { controlledBy } from '../shared/owner.ts';
import { stableHash } from '../shared/stable-hash.ts';
import type { EngineDefinition } from './engines/engine-definition.ts';
import { guestCommands } from './guest-commands.ts';
import { planSize } from './engines/plan-size.ts';
import { serverCommand } from './engines/server-command.ts';

/** On everything that a database has. */
export const DATABASE_LABEL = `${GROUP}/database`;
/** On its volume: whose data lie there. */
export const ENGINE_LABEL = `${GROUP}/engine`;
/** On what was kept when its database was deleted: the name of that. */
export const RELEASED_FROM = `${GROUP}/released-from`;
/** On a Build: what `restartedAt` was when it was asked for. */
export const ASKED_AT = `${GROUP}/asked-at`;

export function credentialsName({ metadata }: Database): string {
  return childName(metadata.name, 'credentials');
}

/** A restore may have put another one in its place. */
export function volumeName({ metadata, status }: Database): string {
  return status.volume ?? childName(metadata.name, 'db-data');
}

export function buildName({ metadata }: Database, image: string): string {
  return childName(metadata.name, `db-${stableHash(image).slice(0, 8)}`);
}

/** A guest is what its image makes it: another image is another guest, also where the archives of both are the same. */
export function guestName({ metadata }: Database, artifact: Artifact): string {
  return childName(metadata.name, `db-${stableHash([artifact.digest, artifact.imageDigest]).slice(0, 8)}`);
}

/** The login, sealed already, made before anything is set up with it. Pure. */
export function secretOf(database: Database, data: Record<string, string>): Manifest<Secret['spec']> {
  return manifest(Secret, database, credentialsName(database), { data });
}

/** Empty, or out of the backup that the database is made from, whose volume had `archived`. Pure. */
export function volumeOf(
  database: Database,
  definition: EngineDefinition,
  series: string,
  archived?: string,
): Manifest<Volume['spec']> {
  const { storage } = planSize(definition, database.spec.plan);
  const { region, retain, source } = database.spec;
  const isLarger = archived !== undefined && quantityBytes(archived) > quantityBytes(storage);
  const size = isLarger ? archived : storage;
  const made = manifest(Volume, database, volumeName(database), { size, region, retain, ...(source && { source }) });
  const labels = { ...made.metadata.labels, [ENGINE_LABEL]: definition.engine, [SERIES_LABEL]: series };
  return { ...made, metadata: { ...made.metadata, labels } };
}

/** The image, as the builder pulls it. Pure. */
export function buildOf(database: Database, image: string): Manifest<Build['spec']> {
  const { region, restartedAt = '' } = database.spec;
  const made = manifest(Build, database, buildName(database, image), { source: { type: 'image', image }, region });
  return { ...made, metadata: { ...made.metadata, annotations: { [ASKED_AT]: restartedAt } } };
}

/** The guest with its volume, its address and its login by reference; and what of the settings it does not have. Pure. */
export function guestOf(
  database: Database,
  definition: EngineDefinition,
  artifact: Artifact,
): { manifest: Manifest<Guest['spec']>; unsupported: string[] } {
  const { metadata, spec, status } = database;
  const { cpu, memory } = planSize(definition, spec.plan);
  const { process } = artifact;
  const { command, unsupported } = serverCommand(definition, process.command, spec.settings, quantityMiB(memory));
  const name = guestName(database, artifact);
  const host = status.endpoint?.split(':')[0];
  const made = manifest(Guest, database, name, {
    region: spec.region,
    spreadKey: `${metadata.namespace}/${metadata.name}`,
    hostname: name,
    artifact,
    process: {
      command,
      workingDir: process.workingDir === '' ? '/' : process.workingDir,
      user: process.user,
      stopSignal: process.stopSignal === '' ? 'SIGTERM' : process.stopSignal,
      stopTimeout: definition.stopTimeout,
    },
    resources: { cpu, memory, storage: definition.rootDisk },
    env: environmentOf(database, definition),
    ports: definition.ports,
    mounts: [{ volume: volumeName(database), mountPath: definition.dataPath }],
    commands: guestCommands(definition),
    healthCheck: { tcp: { port: definition.ports[0].port } },
    power: spec.power,
    ...(spec.restartedAt !== undefined && { restartedAt: spec.restartedAt }),
    address: { identity: `database/${metadata.uid}`, ...(host !== undefined && { host }) },
  });
  return { manifest: made, unsupported };
}

function environmentOf(database: Database, { environment }: EngineDefinition): EnvVar[] {
  const name = credentialsName(database);
  return environment.map((variable) =>
    'credential' in variable
      ? { name: variable.name, valueFrom: { secretRef: { name, key: variable.credential } } }
      : variable,
  );
}

function manifest<R extends Resource>(
  kind: Kind<R>,
  database: Database,
  name: string,
  spec: unknown,
): Manifest<R['spec']> {
  const { namespace, name: databaseName } = database.metadata;
  return {
    apiVersion: API_VERSION,
    kind: kind.kind,
    metadata: {
      name,
      namespace,
      labels: { [DATABASE_LABEL]: databaseName },
      ownerReferences: [controlledBy(database)],
    },
    spec: kind.specSchema.parse(spec),
  };
}
