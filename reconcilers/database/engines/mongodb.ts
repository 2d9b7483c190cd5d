import { noCertificate, shareOf } from './common-words.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { bash, shell } from './shell.ts';

/** The password comes from a pipe that looks like a file; printf is a word of the shell and no program. */
const login =
  '--username "$MONGO_INITDB_ROOT_USERNAME" --authenticationDatabase admin --config <(printf "password: %s\\n" "$MONGO_INITDB_ROOT_PASSWORD")';

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
  backup: {
    quiesce: shell(
      `exec mongosh --quiet --eval 'const { MONGO_INITDB_ROOT_USERNAME: user, MONGO_INITDB_ROOT_PASSWORD: pwd } = globalThis.process.env; const admin = db.getSiblingDB("admin"); admin.auth(user, pwd); if (admin.runCommand({ fsync: 1 }).ok !== 1) quit(1);'`,
    ),
    dump: bash(`exec mongodump ${login} --quiet --archive`),
    load: bash(`exec mongorestore ${login} --quiet --drop --archive`),
    why: 'The journal may hold writes that were acknowledged in memory for a tenth of a second; the command makes MongoDB write them down. A start from a copy of the disk goes through the journal, as after a power cut.',
  },
  rootDisk: '3Gi',
  sizes: { hobby: { memory: '512Mi' }, starter: { memory: '1Gi' } },
  stopTimeout: '60s',
};
