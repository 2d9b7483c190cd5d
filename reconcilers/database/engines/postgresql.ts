import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { shell } from './shell.ts';

/** Over the socket in the guest. */
const login = 'PGPASSWORD="$POSTGRES_PASSWORD"';

/** PostgreSQL. The volume is mounted above the folders that its images use, which differ between 17 and 18. */
export const postgresql: EngineDefinition = {
  engine: 'postgresql',
  title: 'PostgreSQL',
  image: 'postgres',
  series: ['18', '17', '16', '15', '14'],
  protocol: 'postgresql',
  ports: [{ name: 'postgresql', port: 5432 }],
  dataPath: '/var/lib/postgresql',
  username: 'app',
  database: 'named',
  environment: [
    { name: 'POSTGRES_USER', credential: 'username' },
    { name: 'POSTGRES_PASSWORD', credential: 'password' },
    { name: 'POSTGRES_DB', credential: 'database' },
    { name: 'POSTGRES_INITDB_ARGS', value: '--data-checksums --auth-host=scram-sha-256' },
    // A folder of its own, for the root of a disk has a lost+found, and initdb wants an empty folder.
    { name: 'PGDATA', value: '/var/lib/postgresql/pgdata' },
  ],
  args: (memoryMiB) => ['-c', `shared_buffers=${shareOf(memoryMiB, 0.25, 32)}MB`, '-c', 'log_destination=stderr'],
  settings: {
    maxConnections: (count) => ({ args: ['-c', `max_connections=${count}`] }),
    timeout: (ms) => ({ args: ['-c', `idle_session_timeout=${ms}`] }),
    ssl: () => noCertificate,
    // Not the statements themselves: they hold what people store.
    logging: () => ({ args: ['-c', 'log_connections=on', '-c', 'log_disconnections=on', '-c', 'log_lock_waits=on'] }),
  },
  url: 'postgresql://{username}:{password}@{host}:{port}/{database}',
  readiness: 'SELECT version, number of connections and size of the database, after SCRAM-SHA-256',
  backup: {
    // What is copied has less to go through when it is started.
    quiesce: shell(
      `${login} exec psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-password --quiet --command CHECKPOINT`,
    ),
    dump: shell(`${login} exec pg_dump --username "$POSTGRES_USER" --format custom --no-password "$POSTGRES_DB"`),
    load: shell(
      `${login} exec pg_restore --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --clean --if-exists --no-password --exit-on-error`,
    ),
    why: 'Every commit that was acknowledged is in the write-ahead log on the disk, and a start from a copy of the disk goes through it, as after a power cut. A dump has the database of the login alone, without roles.',
  },
  rootDisk: '2Gi',
  stopTimeout: '60s',
};
