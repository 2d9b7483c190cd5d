import { Build } from '../../crds/build.ts';
import type { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { Trouble } from '../shared/trouble.ts';
import { buildName, credentialsName, volumeName } from './children.ts';
import type { Credentials } from './engines/credentials.ts';
import type { EngineDefinition } from './engines/engine-definition.ts';
import { engines } from './engines/engines.ts';
import { chooseVersion, type VersionChoice } from './engines/engine-version.ts';

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
  /** Of the version that is asked for. */
  build: Build | undefined;
  builds: readonly Build[];
  guests: readonly Guest[];
}

/** Looks up what a database has. Reads only the cache. */
export function observeDatabase(database: Database, read: ResourceReader, readSecret: ReadSecret): DatabaseView {
  const { namespace = '', uid } = database.metadata;
  const definition = engines[database.spec.engine];
  const version = chooseVersion(definition, database.spec.version);
  const secret = read.get(Secret, { namespace, name: credentialsName(database) });
  const builds = read.ownedBy(Build, uid);
  const wanted = version.ok ? buildName(database, version.image) : undefined;
  return {
    database,
    definition,
    version,
    secret,
    credentials: secret && readCredentials(readSecret(namespace, secret.metadata.name), secret.metadata.name),
    volume: read.get(Volume, { namespace, name: volumeName(database) }),
    build: builds.find(({ metadata }) => metadata.name === wanted),
    builds,
    guests: read.ownedBy(Guest, uid),
  };
}

function readCredentials(reading: ReturnType<ReadSecret>, name: string): KnownCredentials | Trouble {
  if (!reading.ok) return { reason: reading.reason, message: reading.message };
  const { username, password, database, host, url } = reading.values;
  if (username !== undefined && password !== undefined && database !== undefined)
    return { username, password, database, host, url };
  const message = `The Secret ${name} lacks username, password or database. Put back what the database was set up with.`;
  return { reason: 'SecretNotFound', message };
}
