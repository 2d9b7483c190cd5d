import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { shell } from './shell.ts';

const login = 'export REDISCLI_AUTH="$DFLY_requirepass"';

/** Dragonfly: what it has in memory is written down every five minutes and when it is stopped. */
export const dragonfly: EngineDefinition = {
  engine: 'dragonfly',
  title: 'Dragonfly',
  image: 'docker.dragonflydb.io/dragonflydb/dragonfly',
  series: ['1'],
  // Releases alone have tags.
  tag: (version) => (version === '1' ? 'latest' : `v${version}`),
  protocol: 'redis',
  ports: [{ name: 'redis', port: 6379 }],
  dataPath: '/data',
  username: 'default',
  database: { always: '0' },
  environment: [{ name: 'DFLY_requirepass', credential: 'password' }],
  args: (memoryMiB) => [
    '--dir=/data',
    '--dbfilename=dump',
    '--snapshot_cron=*/5 * * * *',
    // It refuses less than 256 MiB for each of its threads.
    `--proactor_threads=${Math.max(1, Math.min(4, Math.floor(memoryMiB / 512)))}`,
    `--maxmemory=${shareOf(memoryMiB, 0.7, 256)}mb`,
  ],
  settings: {
    maxConnections: (count) => ({ args: [`--maxclients=${count}`] }),
    timeout: (ms) => ({ args: [`--timeout=${Math.max(1, Math.ceil(ms / 1000))}`] }),
    ssl: () => noCertificate,
    logging: () => ({ args: ['--v=1'] }),
  },
  url: 'redis://{username}:{password}@{host}:{port}/{database}',
  readiness: 'AUTH, PING and INFO; not while it still loads its data',
  backup: {
    // All of it is in memory: a copy of the disk has what was written down last.
    quiesce: shell(`${login}; redis-cli -e SAVE`),
    dump: shell(
      `${login}; redis-cli -e SAVE RDB containr-dump >&2 && cat /data/containr-dump.rdb && rm -f /data/containr-dump.rdb`,
    ),
    load: shell(
      `${login}; file=/data/containr-load.rdb; cat > "$file" && chmod 644 "$file" && redis-cli -e FLUSHALL >&2 && redis-cli -e DFLY LOAD "$file" >&2; code=$?; rm -f "$file"; exit $code`,
    ),
    why: 'The data are in memory, and on the disk as they were last written down; the command writes them down anew. What comes after it is in the next backup.',
  },
  rootDisk: '1Gi',
  sizes: { hobby: { memory: '512Mi' }, starter: { memory: '768Mi' } },
  stopTimeout: '60s',
};
