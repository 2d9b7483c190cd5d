import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { shell } from './shell.ts';

/** MariaDB. */
export const mariadb: EngineDefinition = {
  engine: 'mariadb',
  title: 'MariaDB',
  image: 'mariadb',
  series: ['12', '11.8', '11.4', '10.11', '10.6'],
  protocol: 'mysql',
  ports: [{ name: 'mysql', port: 3306 }],
  dataPath: '/var/lib/mysql',
  username: 'app',
  database: 'named',
  environment: [
    { name: 'MARIADB_USER', credential: 'username' },
    { name: 'MARIADB_PASSWORD', credential: 'password' },
    { name: 'MARIADB_DATABASE', credential: 'database' },
    { name: 'MARIADB_ROOT_PASSWORD', credential: 'password' },
    { name: 'MARIADB_ROOT_HOST', value: 'localhost' },
    // After a newer image of the same series: its system tables follow, once.
    { name: 'MARIADB_AUTO_UPGRADE', value: '1' },
  ],
  args: (memoryMiB) => ['--datadir=/var/lib/mysql/data', `--innodb-buffer-pool-size=${shareOf(memoryMiB, 0.4, 32)}M`],
  settings: {
    maxConnections: (count) => ({ args: [`--max-connections=${count}`] }),
    timeout: (ms) => ({ args: [`--wait-timeout=${seconds(ms)}`, `--interactive-timeout=${seconds(ms)}`] }),
    ssl: () => noCertificate,
    logging: () => ({ args: ['--log-warnings=4'] }),
  },
  url: 'mysql://{username}:{password}@{host}:{port}/{database}',
  readiness: 'SELECT VERSION() and SHOW STATUS, after mysql_native_password',
  backup: {
    dump: shell(
      'MYSQL_PWD="$MARIADB_PASSWORD" exec mariadb-dump --user="$MARIADB_USER" --single-transaction --quick --routines --triggers --no-tablespaces "$MARIADB_DATABASE"',
    ),
    load: shell('MYSQL_PWD="$MARIADB_PASSWORD" exec mariadb --user="$MARIADB_USER" "$MARIADB_DATABASE"'),
    why: 'Every commit that was acknowledged is in the redo log of InnoDB on the disk, and a start from a copy of the disk goes through it, as after a power cut. Tables of other engines are safe in a dump, or in a backup with the guest stopped. A dump has the database of the login alone.',
  },
  rootDisk: '2Gi',
  stopTimeout: '60s',
};

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
