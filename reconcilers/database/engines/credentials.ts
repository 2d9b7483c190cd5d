import type { EngineDefinition } from './engine-definition.ts';

/** What a program needs to use a database; the keys are those of its Secret. */
export interface Credentials {
  username: string;
  password: string;
  database: string;
}

const PASSWORD_BYTES = 24;
/** The shortest limit among the engines is MySQL's 64; some leave room for a prefix. */
const MAX_NAME = 48;

/** New credentials. Their characters mean nothing to a URL, a shell or SQL. */
export function newCredentials(
  definition: EngineDefinition,
  name: string,
  randomBytes: (size: number) => Buffer,
): Credentials {
  return {
    username: definition.username,
    password: randomBytes(PASSWORD_BYTES).toString('hex'),
    database: definition.database === 'named' ? databaseName(name) : definition.database.always,
  };
}

/** The URL of a database for programs. */
export function connectionUrl(definition: EngineDefinition, credentials: Credentials, host: string): string {
  const [{ port }] = definition.ports;
  const parts: Record<string, string> = {
    username: encodeURIComponent(credentials.username),
    password: encodeURIComponent(credentials.password),
    database: encodeURIComponent(credentials.database),
    host: host.includes(':') ? `[${host}]` : host,
    port: String(port),
  };
  return definition.url.replace(/\{(\w+)\}/g, (_, key: string) => parts[key] ?? '');
}

/** A name that needs quoting nowhere and is none that an engine keeps for itself. */
function databaseName(name: string): string {
  const word = name.replaceAll(/[^a-z0-9]+/g, '_').slice(0, MAX_NAME);
  return /^[a-z]/.test(word) && !reserved.has(word) ? word : `db_${word}`;
}

const reserved: ReadonlySet<string> = new Set([
  'admin',
  'app',
  'config',
  'default',
  'information_schema',
  'local',
  'mysql',
  'performance_schema',
  'postgres',
  'sys',
  'system',
  'template0',
  'template1',
  'test',
]);
