import { noCertificate } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { shell } from './shell.ts';

/** ClickHouse, asked over HTTP. */
export const clickhouse: EngineDefinition = {
  engine: 'clickhouse',
  title: 'ClickHouse',
  image: 'clickhouse/clickhouse-server',
  series: ['25.8', '25.3', '24.8'],
  protocol: 'clickhouse',
  ports: [
    { name: 'http', port: 8123 },
    { name: 'native', port: 9000 },
  ],
  dataPath: '/var/lib/clickhouse',
  username: 'app',
  database: 'named',
  environment: [
    { name: 'CLICKHOUSE_USER', credential: 'username' },
    { name: 'CLICKHOUSE_PASSWORD', credential: 'password' },
    { name: 'CLICKHOUSE_DB', credential: 'database' },
    { name: 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', value: '1' },
  ],
  // What stands behind the two dashes overrides the files of the image.
  args: () => ['--', '--max_server_memory_usage_to_ram_ratio=0.8', '--logger.console=1'],
  settings: {
    maxConnections: (count) => ({ args: [`--max_connections=${count}`] }),
    timeout: (ms) => ({ args: [`--keep_alive_timeout=${Math.max(1, Math.ceil(ms / 1000))}`] }),
    ssl: () => noCertificate,
    logging: () => ({ args: ['--logger.level=debug'] }),
  },
  url: 'http://{username}:{password}@{host}:{port}/{database}',
  readiness: 'SELECT version() and the number of connections, over HTTP with the login',
  backup: {
    // Its client takes login and password from these variables by itself.
    dump: shell(
      `file=containr-dump.zip; path=/var/lib/clickhouse/backups/$file; rm -f "$path"; clickhouse-client --query "BACKUP DATABASE \\"$CLICKHOUSE_DB\\" TO File('$file')" >&2 && cat "$path" && rm -f "$path"`,
    ),
    load: shell(
      `file=containr-load.zip; path=/var/lib/clickhouse/backups/$file; mkdir -p "\${path%/*}" && cat > "$path" && chmod 644 "$path" && clickhouse-client --query "DROP DATABASE IF EXISTS \\"$CLICKHOUSE_DB\\" SYNC" && clickhouse-client --query "RESTORE DATABASE \\"$CLICKHOUSE_DB\\" FROM File('$file')" >&2; code=$?; rm -f "$path"; exit $code`,
    ),
    why: 'An insert that was acknowledged is a part on the disk that is whole and never changes, so a copy of the disk at one moment has it. Tables that keep rows in memory, such as Buffer, are not in it. A dump has the database of the login alone.',
  },
  rootDisk: '4Gi',
  sizes: { hobby: { memory: '1Gi' }, starter: { memory: '2Gi' }, standard: { memory: '4Gi' } },
  stopTimeout: '60s',
};
