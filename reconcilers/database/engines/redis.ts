import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';

/** Redis, with every write in its append-only file. Its image takes the password from no variable. */
export const redis: EngineDefinition = {
  engine: 'redis',
  title: 'Redis',
  image: 'redis',
  series: ['8', '7.4', '7.2'],
  protocol: 'redis',
  ports: [{ name: 'redis', port: 6379 }],
  dataPath: '/data',
  username: 'default',
  database: { always: '0' },
  environment: [{ name: 'REDIS_PASSWORD', credential: 'password' }],
  args: () => ['-'],
  configOnInput: (memoryMiB, settings) => [
    'requirepass $REDIS_PASSWORD',
    'bind 0.0.0.0 -::',
    'dir /data',
    'appendonly yes',
    'appendfsync everysec',
    // The rest is for the copy that writes a new append-only file.
    `maxmemory ${shareOf(memoryMiB, 0.6, 32)}mb`,
    'maxmemory-policy noeviction',
    ...settings,
  ],
  settings: {
    maxConnections: (count) => ({ args: [`maxclients ${count}`] }),
    timeout: (ms) => ({ args: [`timeout ${Math.max(1, Math.ceil(ms / 1000))}`] }),
    ssl: () => noCertificate,
    logging: () => ({ args: ['loglevel verbose'] }),
  },
  url: 'redis://{username}:{password}@{host}:{port}/{database}',
  readiness: 'AUTH, PING and INFO; not while it still loads its data',
  rootDisk: '1Gi',
  stopTimeout: '30s',
};
