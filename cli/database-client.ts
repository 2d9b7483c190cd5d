import type { DatabaseEngine } from '../crds/database.ts';

/** What it takes to log in to a database. */
export interface DatabaseLogin {
  url: string;
  host: string;
  port: string;
  username: string;
  password: string;
  database: string;
}

/** How a client program is started. The password is in neither the program's name nor its parameters. */
export interface ClientStart {
  /** Those that do the same, the best first. */
  programs: readonly [string, ...string[]];
  /** Before those of the person. */
  parameters: readonly string[];
  env: Readonly<Record<string, string>>;
  /** What is written to a file that only this user may read, and the parameter that names it, which has to come first. */
  file?: { content: string; parameter: (path: string) => string };
  /** How to get one. */
  install: string;
}

/** Only over HTTP does ClickHouse listen at the port of its URL; its client speaks another protocol. */
const CLICKHOUSE_NATIVE_PORT = '9000';

/** Reads the URL of a database. */
export function readLogin(url: string): DatabaseLogin {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    url,
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
  };
}

/** The client of an engine, with what it has to be told. `parameters` are the person's own. Pure. */
export function clientFor(
  engine: DatabaseEngine,
  { url, host, port, username, password, database }: DatabaseLogin,
  parameters: readonly string[],
): ClientStart {
  switch (engine) {
    case 'postgresql':
      return {
        programs: ['psql'],
        parameters,
        env: { PGHOST: host, PGPORT: port, PGUSER: username, PGPASSWORD: password, PGDATABASE: database },
        install: 'Debian, Ubuntu: apt install postgresql-client; macOS: brew install libpq',
      };
    case 'mysql':
    case 'mariadb': {
      // Its variable for a password gives way to what the files of the user say.
      const lines = { host, port, protocol: 'tcp', user: username, password };
      const content = ['[client]', ...Object.entries(lines).map(([key, value]) => `${key}=${optionValue(value)}`), ''];
      return {
        programs: engine === 'mysql' ? ['mysql', 'mariadb'] : ['mariadb', 'mysql'],
        parameters: [`--database=${database}`, ...parameters],
        env: {},
        file: { content: content.join('\n'), parameter: (path) => `--defaults-file=${path}` },
        install: 'Debian, Ubuntu: apt install default-mysql-client; macOS: brew install mysql-client',
      };
    }
    case 'redis':
    case 'dragonfly':
      return {
        programs: ['redis-cli', 'valkey-cli'],
        parameters: ['-h', host, '-p', port, '--user', username, '-n', database, ...parameters],
        env: { REDISCLI_AUTH: password, VALKEYCLI_AUTH: password },
        install: 'Debian, Ubuntu: apt install redis-tools; macOS: brew install redis',
      };
    case 'mongodb':
      // Neither a variable nor a file of its own: it connects by a line of its language, which reads a variable.
      return {
        programs: ['mongosh'],
        parameters: [
          '--nodb',
          '--eval',
          'db = connect(process.env.CONTAINR_DATABASE_URL)',
          ...(parameters.length === 0 ? ['--shell'] : parameters),
        ],
        env: { CONTAINR_DATABASE_URL: url },
        install: 'See https://www.mongodb.com/try/download/shell; macOS: brew install mongosh',
      };
    case 'clickhouse':
      return {
        programs: ['clickhouse-client'],
        parameters: ['--host', host, '--port', CLICKHOUSE_NATIVE_PORT, '--database', database, ...parameters],
        env: { CLICKHOUSE_USER: username, CLICKHOUSE_PASSWORD: password },
        install: 'Debian, Ubuntu: apt install clickhouse-client, from the repository of ClickHouse',
      };
    default:
      return engine satisfies never;
  }
}

/** A value as files of options have it. */
function optionValue(value: string): string {
  return `"${value.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
