import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';

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
  rootDisk: '2Gi',
  stopTimeout: '60s',
};

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
