import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { shell } from './shell.ts';

const login = 'export REDISCLI_AUTH="$REDIS_PASSWORD"';
/** A server that does not outlive this reads the dump, and the one that runs takes over what it has. */
const loadScript = `${login}
folder=$(mktemp -d) || exit 1
trap 'redis-cli REPLICAOF NO ONE >/dev/null; REDISCLI_AUTH= redis-cli -s "$folder/socket" SHUTDOWN NOSAVE >/dev/null 2>&1; rm -rf "$folder"' EXIT
cat > "$folder/dump.rdb" || exit 1
redis-server --dir "$folder" --dbfilename dump.rdb --bind 127.0.0.1 --port 6390 --unixsocket "$folder/socket" --save '' --daemonize yes >/dev/null || exit 1
redis-cli -e CONFIG SET masterauth '' >/dev/null || exit 1
redis-cli -e REPLICAOF 127.0.0.1 6390 >/dev/null || exit 1
for second in $(seq 600); do
  redis-cli INFO replication | grep -q master_link_status:up && exit 0
  sleep 1
done
exit 1`;

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
  backup: {
    // For a moment every write is written down before it is answered, which writes down what waited, too.
    quiesce: shell(
      `${login}; redis-cli -e CONFIG SET appendfsync always && redis-cli -e CONFIG SET appendfsync everysec`,
    ),
    dump: shell(`${login}; exec redis-cli --rdb -`),
    load: shell(loadScript),
    why: 'Every write is in the append-only file, which a start from a copy of the disk reads up to its last whole entry. Redis may hold writes back for up to two seconds; the command makes it write them first.',
  },
  rootDisk: '1Gi',
  stopTimeout: '30s',
};
