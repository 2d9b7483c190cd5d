import { Build } from '../../crds/build.ts';
import type { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { Trouble } from '../shared/trouble.ts';
import { SERIES_LABEL } from '../shared/database-engine.ts';
import { RELEASED_FROM, buildName, credentialsName, volumeName } from './children.ts';
import type { Credentials } from './engines/credentials.ts';
import type { EngineDefinition } from './engines/engine-definition.ts';
import { engines } from './engines/engines.ts';
import { chooseVersion, type VersionChoice } from './engines/engine-version.ts';
import { sourceOf, type DatabaseSource } from './source.ts';

/** Reads all values of a Secret. Who answers keeps them out of logs and messages. */
export type ReadSecret = (
  namespace: string,
  name: string,
) => { ok: true; values: Readonly<Record<string, string>> } | ({ ok: false } & Trouble);

/** The login, and where programs are told to use it, as the Secret has them. */
export interface KnownCredentials extends Credentials {
  host: string | undefined;
  url: string | undefined;
}

/** What is recorded of one database and what it has. */
export interface DatabaseView {
  database: Database;
  definition: EngineDefinition;
  version: VersionChoice;
  secret: Secret | undefined;
  /** Undefined while there is no Secret. */
  credentials: KnownCredentials | Trouble | undefined;
  volume: Volume | undefined;
  /** What a new database begins with; undefined for an empty one. */
  source?: DatabaseSource | undefined;
  /** Of the version that is asked for. */
  build: Build | undefined;
  builds: readonly Build[];
  guests: readonly Guest[];
}

/** Looks up what a database has. Reads only the cache. */
export function observeDatabase(asRecorded: Database, read: ResourceReader, readSecret: ReadSecret): DatabaseView {
  const { namespace = '', uid } = asRecorded.metadata;
  const database = withVolume(asRecorded, read);
  const definition = engines[database.spec.engine];
  const volume = read.get(Volume, { namespace, name: volumeName(database) });
  const source = sourceOf(database, definition, read, readSecret);
  const version = chooseVersion(definition, database.spec.version ?? (source && seriesOf(volume, source)));
  const secret = read.get(Secret, { namespace, name: credentialsName(database) });
  const builds = read.ownedBy(Build, uid);
  const wanted = version.ok ? buildName(database, version.image) : undefined;
  return {
    database,
    definition,
    version,
    secret,
    credentials: secret && readCredentials(readSecret(namespace, secret.metadata.name), secret.metadata.name),
    volume,
    source,
    build: builds.find(({ metadata }) => metadata.name === wanted),
    builds,
    guests: read.ownedBy(Guest, uid),
  };
}

/** A new database takes up what an earlier one of its name left, also where a restore had given that another name. */
function withVolume(database: Database, read: ResourceReader): Database {
  const { namespace, name } = database.metadata;
  if (database.status.volume !== undefined) return database;
  const [left] = read
    .list(Volume, namespace)
    .filter(({ metadata }) => metadata.labels?.[RELEASED_FROM] === name && !metadata.ownerReferences?.length);
  return left ? { ...database, status: { ...database.status, volume: left.metadata.name } } : database;
}

/** Where the spec names no version, the data do. */
function seriesOf(volume: Volume | undefined, source: DatabaseSource): string | undefined {
  return volume?.metadata.labels?.[SERIES_LABEL] ?? (source.ok ? source.series : undefined);
}

function readCredentials(reading: ReturnType<ReadSecret>, name: string): KnownCredentials | Trouble {
  if (!reading.ok) return { reason: reading.reason, message: reading.message };
  const { username, password, database, host, url } = reading.values;
  if (username !== undefined && password !== undefined && database !== undefined)
    return { username, password, database, host, url };
  const message = `The Secret ${name} lacks username, password or database. Put back what the database was set up with.`;
  return { reason: 'SecretNotFound', message };
}
