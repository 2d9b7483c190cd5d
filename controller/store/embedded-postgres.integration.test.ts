import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connectPostgres, type Database } from './connect-postgres.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';

const log = pino({ level: 'silent' });
const settings = { fsync: 'off' };
const Row = z.object({ value: z.string() });

describe('startEmbeddedPostgres', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'containr-embedded-'));
    cleanups.push(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  async function start(dataDir: string, options: { port?: number } = {}): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dataDir, log, settings, ...options });
    cleanups.push(() => server.stop());
    return server;
  }

  async function using<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
    const database = connectPostgres(url, { max: 1 });
    try {
      return await work(database);
    } finally {
      await database.end();
    }
  }

  const ask = (url: string) =>
    using(url, async (database) => (await database.read(Row, (sql) => sql`SELECT v AS value FROM kept`))[0]?.value);

  const postmasterOf = async (dataDir: string) =>
    Number((await readFile(join(dataDir, 'data/postmaster.pid'), 'utf8')).split('\n')[0]);

  it('keeps what was written from one start to the next', async () => {
    const dataDir = await folder();
    const first = await start(dataDir);
    await using(first.url, (database) => database.script(`CREATE TABLE kept (v text); INSERT INTO kept VALUES ('x');`));
    await first.stop();
    const second = await start(dataDir);
    expect(await ask(second.url)).toBe('x');
  });

  it('lets in nobody without the password, which it made itself and keeps to its owner', async () => {
    const dataDir = await folder();
    const { url } = await start(dataDir);
    const password = await readFile(join(dataDir, 'password'), 'utf8');
    expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect((await stat(join(dataDir, 'password'))).mode & 0o077).toBe(0);
    expect((await stat(join(dataDir, 'data'))).mode & 0o077).toBe(0);
    for (const wrong of ['', 'password', 'postgres', 'containr']) {
      await expect(using(url.replace(password, wrong), (database) => database.script('SELECT 1'))).rejects.toThrow();
    }
    const other = await start(await folder());
    expect(other.url).not.toContain(password);
  });

  it('listens nowhere on the network unless it is told to', async () => {
    const { url } = await start(await folder());
    const [setting] = await using(url, (database) =>
      database.read(Row, (sql) => sql`SELECT setting AS value FROM pg_settings WHERE name = 'listen_addresses'`),
    );
    expect(setting?.value).toBe('');
  });

  it('listens on a port of this machine when it is told to, or when the path is too long for a socket', async () => {
    const deep = join(await folder(), 'a'.repeat(60), 'b'.repeat(60));
    const { url } = await start(deep);
    expect(new URL(url).hostname).toBe('127.0.0.1');
    await using(url, (database) => database.script('SELECT 1'));
    const port = Number(new URL(url).port);
    await cleanups.pop()?.();
    const again = await start(await folder(), { port });
    expect(new URL(again.url).port).toBe(String(port));
    await using(again.url, (database) => database.script('SELECT 1'));
  });

  it('refuses a folder that another process works in, and leaves its database alone', async () => {
    const dataDir = await folder();
    const { url } = await start(dataDir);
    await expect(startEmbeddedPostgres({ dataDir, log, settings })).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining(`Process ${process.pid}`),
    });
    await using(url, (database) => database.script('SELECT 1'));
  });

  it('takes over from a process that was killed, whose database still runs', async () => {
    const dataDir = await folder();
    const child = fork(join(import.meta.dirname, 'testing/write-for-ever.ts'), [dataDir, '1'], { silent: true });
    await once(child.stdout ?? child, 'data');
    const orphan = await postmasterOf(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { url } = await start(dataDir);
    expect(await postmasterOf(dataDir)).not.toBe(orphan);
    await using(url, (database) => database.script('SELECT 1'));
  });

  it('is not kept out by the traces of a process whose number somebody else has by now', async () => {
    const dataDir = await folder();
    const first = await start(dataDir);
    await first.stop();
    const innocent = process.ppid;
    await writeFile(join(dataDir, 'data/postmaster.pid'), `${innocent}\n${dataDir}/data\n1\n5432\n\n\n`);
    await writeFile(join(dataDir, 'owner.json'), JSON.stringify({ pid: innocent, startedAt: '1' }));
    const { url } = await start(dataDir);
    await using(url, (database) => database.script('SELECT 1'));
    expect(() => process.kill(innocent, 0)).not.toThrow();
  });

  it('begins anew when making the files was interrupted', async () => {
    const dataDir = await folder();
    await mkdir(join(dataDir, 'draft-abc/data'), { recursive: true });
    await writeFile(join(dataDir, 'draft-abc/data/PG_VERSION'), '18\n');
    await writeFile(join(dataDir, 'password'), 'kept-from-before');
    const { url } = await start(dataDir);
    await using(url, (database) => database.script('SELECT 1'));
    expect(new URL(url).password).toBe('kept-from-before');
    await expect(stat(join(dataDir, 'draft-abc'))).rejects.toThrow();
  });

  it('refuses files of another version of PostgreSQL, and files without their password', async () => {
    const dataDir = await folder();
    const server = await start(dataDir);
    await server.stop();
    await writeFile(join(dataDir, 'data/PG_VERSION'), '17\n');
    await expect(startEmbeddedPostgres({ dataDir, log, settings })).rejects.toThrow('is of PostgreSQL 17');
    await rm(join(dataDir, 'password'));
    await expect(startEmbeddedPostgres({ dataDir, log, settings })).rejects.toThrow(
      'password of the database is missing',
    );
  });

  it('starts the database again when it ends on its own', async () => {
    const dataDir = await folder();
    const { url } = await start(dataDir);
    await using(url, (database) => database.script(`CREATE TABLE kept (v text); INSERT INTO kept VALUES ('x');`));
    process.kill(await postmasterOf(dataDir), 'SIGKILL');
    let value: string | undefined;
    while (value === undefined) {
      value = await ask(url).catch(() => undefined);
      await pause(50);
    }
    expect(value).toBe('x');
  });

  it('stops fast although somebody is connected, and twice does no harm', async () => {
    const dataDir = await folder();
    const server = await start(dataDir);
    const database = connectPostgres(server.url, { max: 1 });
    await database.script('SELECT 1');
    await server.stop();
    await server.stop();
    await database.end();
    await expect(stat(join(dataDir, 'data/postmaster.pid'))).rejects.toThrow();
    await expect(stat(join(dataDir, 'owner.json'))).rejects.toThrow();
  });
});
