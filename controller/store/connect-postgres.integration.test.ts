import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres, type Database } from './connect-postgres.ts';

const Row = z.object({ value: z.string() });

describe('Database', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  async function open(): Promise<{ database: Database; other: Database }> {
    const url = await server.createEmptyDatabase();
    const [database, other] = [connectPostgres(url, { max: 2 }), connectPostgres(url, { max: 1 })];
    cleanups.push(
      () => database.end(),
      () => other.end(),
    );
    return { database, other };
  }

  const cut = (other: Database) =>
    other.execute(
      (sql) => sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );

  it('takes lists of any text as parameters', async () => {
    const { database } = await open();
    const list = ['plain', '', 'a"b', 'c\\d', '{e,f}', "g'h", 'NULL', ' пр😀 \n'];
    const rows = await database.read(Row, (sql) => sql`SELECT unnest(${list}::text[]) AS value`);
    expect(rows.map(({ value }) => value)).toEqual(list);
    expect(await database.read(Row, (sql) => sql`SELECT unnest(${[]}::text[]) AS value`)).toEqual([]);
  });

  it('throws mistakes in a statement as they are, and goes on', async () => {
    const { database } = await open();
    await expect(database.execute((sql) => sql`SELECT nonsense`)).rejects.toMatchObject({ name: 'PostgresError' });
    expect(await database.read(Row, (sql) => sql`SELECT 'x' AS value`)).toEqual([{ value: 'x' }]);
  });

  it('reads once more when its connection was cut, but does not write once more', async () => {
    const { database, other } = await open();
    await other.script('CREATE TABLE t (value text)');
    const insert = () => database.execute((sql) => sql`INSERT INTO t VALUES ('x')`);
    await insert();
    await cut(other);
    expect(await database.read(Row, (sql) => sql`SELECT value FROM t`)).toEqual([{ value: 'x' }]);

    const sleeping = database.execute((sql) => sql`INSERT INTO t SELECT 'late' FROM pg_sleep(30)`);
    const failed = expect(sleeping).rejects.toMatchObject({ code: 'Unavailable' });
    await pause(100);
    await cut(other);
    await failed;
    await insert();
    expect(await database.read(Row, (sql) => sql`SELECT value FROM t`)).toEqual([{ value: 'x' }, { value: 'x' }]);
  });

  it('runs a script as one transaction', async () => {
    const { database } = await open();
    await expect(database.script('CREATE TABLE a (n int); SELECT 1 / 0;')).rejects.toThrow('division by zero');
    await database.script('CREATE TABLE a (n int); CREATE TABLE b (n int);');
  });

  it('answers nothing once it has ended', async () => {
    const { database } = await open();
    await database.end();
    await expect(database.read(Row, (sql) => sql`SELECT 'x' AS value`)).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
