import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';

/** MongoDB, one node. Its login lives in the database "admin", which the URL says. */
export const mongodb: EngineDefinition = {
  engine: 'mongodb',
  title: 'MongoDB',
  image: 'mongo',
  series: ['8', '7', '6'],
  protocol: 'mongodb',
  ports: [{ name: 'mongodb', port: 27_017 }],
  dataPath: '/data/db',
  username: 'app',
  database: 'named',
  environment: [
    { name: 'MONGO_INITDB_ROOT_USERNAME', credential: 'username' },
    { name: 'MONGO_INITDB_ROOT_PASSWORD', credential: 'password' },
    { name: 'MONGO_INITDB_DATABASE', credential: 'database' },
  ],
  args: (memoryMiB) => ['--bind_ip_all', '--wiredTigerCacheSizeGB', (shareOf(memoryMiB, 0.4, 256) / 1024).toFixed(2)],
  settings: {
    maxConnections: (count) => ({ args: ['--maxConns', String(count)] }),
    timeout: () => ({ unsupported: 'MongoDB closes no idle connection; set maxIdleTimeMS in the URL of the client' }),
    ssl: () => noCertificate,
    logging: () => ({ args: ['-v'] }),
  },
  url: 'mongodb://{username}:{password}@{host}:{port}/{database}?authSource=admin',
  readiness: 'hello, SCRAM-SHA-256, then serverStatus',
  rootDisk: '3Gi',
  sizes: { hobby: { memory: '512Mi' }, starter: { memory: '1Gi' } },
  stopTimeout: '60s',
};
