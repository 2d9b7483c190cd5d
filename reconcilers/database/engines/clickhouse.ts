import { noCertificate } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';

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
  rootDisk: '4Gi',
  sizes: { hobby: { memory: '1Gi' }, starter: { memory: '2Gi' }, standard: { memory: '4Gi' } },
  stopTimeout: '60s',
};
