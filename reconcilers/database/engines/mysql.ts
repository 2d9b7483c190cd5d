import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { shell } from './shell.ts';

/** MySQL. The root login is only for the socket in the guest; it shares the password that nobody else is told. */
export const mysql: EngineDefinition = {
  engine: 'mysql',
  title: 'MySQL',
  image: 'mysql',
  series: ['9', '8.4', '8.0'],
  protocol: 'mysql',
  ports: [{ name: 'mysql', port: 3306 }],
  dataPath: '/var/lib/mysql',
  username: 'app',
  database: 'named',
  environment: [
    { name: 'MYSQL_USER', credential: 'username' },
    { name: 'MYSQL_PASSWORD', credential: 'password' },
    { name: 'MYSQL_DATABASE', credential: 'database' },
    { name: 'MYSQL_ROOT_PASSWORD', credential: 'password' },
    { name: 'MYSQL_ROOT_HOST', value: 'localhost' },
  ],
  // A folder of its own, for the root of a disk has a lost+found, which counts as a database.
  args: (memoryMiB) => [
    '--datadir=/var/lib/mysql/data',
    `--innodb-buffer-pool-size=${shareOf(memoryMiB, 0.4, 64)}M`,
    ...(memoryMiB < 1024 ? ['--performance-schema=OFF'] : []),
  ],
  settings: {
    maxConnections: (count) => ({ args: [`--max-connections=${count}`] }),
    timeout: (ms) => ({ args: [`--wait-timeout=${seconds(ms)}`, `--interactive-timeout=${seconds(ms)}`] }),
    ssl: () => noCertificate,
    logging: () => ({ args: ['--log-error-verbosity=3'] }),
  },
  url: 'mysql://{username}:{password}@{host}:{port}/{database}',
  readiness: 'SELECT VERSION() and SHOW STATUS, after caching_sha2_password or mysql_native_password',
  backup: {
    dump: shell(
      'MYSQL_PWD="$MYSQL_PASSWORD" exec mysqldump --user="$MYSQL_USER" --single-transaction --quick --routines --triggers --no-tablespaces "$MYSQL_DATABASE"',
    ),
    load: shell('MYSQL_PWD="$MYSQL_PASSWORD" exec mysql --user="$MYSQL_USER" "$MYSQL_DATABASE"'),
    why: 'Every commit that was acknowledged is in the redo log of InnoDB on the disk, and a start from a copy of the disk goes through it, as after a power cut. Tables of other engines are safe in a dump, or in a backup with the guest stopped. A dump has the database of the login alone.',
  },
  rootDisk: '3Gi',
  sizes: { hobby: { memory: '512Mi' }, starter: { memory: '768Mi' } },
  stopTimeout: '60s',
};

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
