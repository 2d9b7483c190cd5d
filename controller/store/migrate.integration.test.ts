import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres, type Database } from './connect-postgres.ts';
import { migrate, readMigrations, type Migration } from './migrate.ts';
import { createPostgresStore } from './postgres-store.ts';

const log = pino({ level: 'silent' });
const Row = z.object({ n: z.int() });

function migration(number: number, text: string): Migration {
  return { number, name: `00${number}-step`, checksum: createHash('sha256').update(text).digest('hex'), text };
}

describe('migrate', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  function connect(url: string): Database {
    const database = connectPostgres(url, { max: 2 });
    cleanups.push(() => database.end());
    return database;
  }

  async function tables(database: Database): Promise<string[]> {
    const rows = await database.read(
      z.object({ tablename: z.string() }),
      (sql) => sql`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
    );
    return rows.map(({ tablename }) => tablename);
  }

  it('applies what is pending, once', async () => {
    const database = connect(await server.createEmptyDatabase());
    const first = migration(1, 'CREATE TABLE a (n int); INSERT INTO a VALUES (1);');
    await migrate(database, [first], log);
    await migrate(database, [first, migration(2, 'INSERT INTO a VALUES (2);')], log);
    await migrate(database, [first, migration(2, 'INSERT INTO a VALUES (2);')], log);
    expect(await database.read(Row, (sql) => sql`SELECT n FROM a ORDER BY n`)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('applies each once when several processes start together', async () => {
    const url = await server.createEmptyDatabase();
    const steps = [migration(1, 'CREATE TABLE a (n int);'), migration(2, 'INSERT INTO a VALUES (1);')];
    await Promise.all([1, 2, 3, 4].map(() => migrate(connect(url), steps, log)));
    expect(await connect(url).read(Row, (sql) => sql`SELECT n FROM a`)).toEqual([{ n: 1 }]);
  });

  it('leaves nothing of a migration that fails, and keeps those before it', async () => {
    const database = connect(await server.createEmptyDatabase());
    const steps = [migration(1, 'CREATE TABLE a (n int);'), migration(2, 'CREATE TABLE b (n int); SELECT 1 / 0;')];
    await expect(migrate(database, steps, log)).rejects.toThrow('division by zero');
    expect(await tables(database)).toEqual(['a', 'schema_migrations']);
  });

  it('leaves nothing of a migration that was killed in the middle, and applies it at the next start', async () => {
    const url = await server.createEmptyDatabase();
    const database = connect(url);
    const slow = migration(1, 'CREATE TABLE a (n int); SELECT pg_sleep(60);');
    const killed = expect(migrate(connect(url), [slow], log)).rejects.toThrow();
    for (let ended = 0; ended === 0; await pause(20)) {
      ended = await database.execute(
        (sql) => sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`,
      );
    }
    await killed;
    expect(await tables(database)).toEqual(['schema_migrations']);
    await migrate(database, [migration(1, 'CREATE TABLE a (n int);')], log);
    expect(await tables(database)).toEqual(['a', 'schema_migrations']);
  });

  it('keeps a store from starting on the database of a newer version, and changes nothing there', async () => {
    const url = await server.createDatabase();
    const database = connect(url);
    const next = (await readMigrations()).length + 1;
    await database.execute(
      (sql) => sql`INSERT INTO schema_migrations (number, name, checksum) VALUES (${next}, '999-future', 'x')`,
    );
    await expect(createPostgresStore({ url, log })).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringContaining('newer version'),
    });
  });
});
