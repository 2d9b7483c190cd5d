import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { connectPostgres } from '../../controller/store/connect-postgres.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../controller/store/embedded-postgres.ts';
import { migrate, readMigrations } from '../../controller/store/migrate.ts';

const TEMPLATE = 'containr_template';
const silent = pino({ level: 'silent' });

interface WithPostgresOptions {
  /** As a real server does; without it commits are not waited for, which is fine for all but measuring and crashing. */
  durable?: boolean;
}

/** A PostgreSQL for the tests of one file. */
export interface TestPostgres {
  /** A database of its own with everything migrated; answers its URL. */
  createDatabase(): Promise<string>;
  /** A database with nothing in it. */
  createEmptyDatabase(): Promise<string>;
}

/** Starts a PostgreSQL before the tests of a file and removes it after them. Call it at the top of a file or `describe`. */
export function withPostgres({ durable = false }: WithPostgresOptions = {}): TestPostgres {
  let folder = '';
  let server: EmbeddedPostgres | undefined;
  let made = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'containr-pg-'));
    server = await startEmbeddedPostgres({
      dataDir: folder,
      log: silent,
      settings: durable ? {} : { fsync: 'off', synchronous_commit: 'off' },
    });
    const url = await create(TEMPLATE);
    const database = connectPostgres(url, { max: 1 });
    await migrate(database, await readMigrations(), silent);
    await database.end();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  async function create(name: string, template?: string): Promise<string> {
    if (!server) throw new Error('PostgreSQL did not start.');
    const database = connectPostgres(server.url, { max: 1 });
    await database.script(`CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`);
    await database.end();
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  return {
    createDatabase: () => create(`test_${(made += 1)}`, TEMPLATE),
    createEmptyDatabase: () => create(`test_${(made += 1)}`),
  };
}
