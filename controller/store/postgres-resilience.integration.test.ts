import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterEach, describe, expect, it } from 'vitest';
import { follow, loop, secretManifest, words } from '../../test/conformance/store/fixtures.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { Secret } from '../../crds/secret.ts';
import { isFault } from '../errors.ts';
import { connectPostgres, type Database } from './connect-postgres.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { createPostgresLeaseStore } from './postgres-lease-store.ts';
import { createPostgresStore } from './postgres-store.ts';
import type { ResourceStore } from './store.ts';

const log = pino({ level: 'silent' });

describe('a store whose database fails', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function open(url: string): Promise<ResourceStore> {
    const store = await createPostgresStore({ url, log });
    cleanups.push(() => store.close());
    return store;
  }

  function connect(url: string): Database {
    const database = connectPostgres(url, { max: 1 });
    cleanups.push(() => database.end());
    return database;
  }

  /** Ends every session of the database but the one that asks; how many. */
  function cutSessions(database: Database): Promise<number> {
    return database.execute(
      (sql) => sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
  }

  it('goes on when its sessions are cut, again and again, losing no acknowledged write and telling each once', async () => {
    const url = await server.createDatabase();
    const [store, database] = [await open(url), connect(url)];
    const watch = follow(store, Secret, { since: '0' });
    const acknowledged: string[] = [];
    let unavailable = 0;
    const over = new AbortController();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; !over.signal.aborted; n += 1) {
        const name = `s${writer}-${n}`;
        try {
          await store.create(Secret, secretManifest(name), loop);
          acknowledged.push(name);
        } catch (error) {
          if (!isFault(error, 'Unavailable')) throw error;
          unavailable += 1;
        }
      }
    });
    for (let cut = 0; cut < 20; cut += 1) {
      await pause(30);
      await cutSessions(database);
    }
    over.abort();
    await Promise.all(writers);
    await store.create(Secret, secretManifest('last'), loop);

    const { items } = await store.list(Secret);
    const told = words(await watch.told(items.length));
    await watch.stop();
    expect(unavailable).toBeGreaterThan(0);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(acknowledged));
    expect(new Set(told)).toEqual(new Set(items.map(({ metadata }) => `ADDED ${metadata.name}`)));
    expect(told).toHaveLength(items.length);
  });

  it('hears of the changes of another process again after its listening session was cut', async () => {
    const url = await server.createDatabase();
    const [writer, watcher, database] = [await open(url), await open(url), connect(url)];
    const watch = follow(watcher, Secret, { since: '0' });
    await writer.create(Secret, secretManifest('before'), loop);
    await watch.told(1);
    await cutSessions(database);
    await writer.create(Secret, secretManifest('while'), loop).catch(() => undefined);
    await writer.create(Secret, secretManifest('after'), loop);
    const { items } = await writer.list(Secret);
    expect(words(await watch.told(items.length))).toContain('ADDED after');
    await watch.stop();
  });

  it('answers Unavailable, not forever nothing, while there is no database', async () => {
    const store = await createPostgresStore({ url: await server.createDatabase(), log });
    await store.close();
    await expect(store.get(Secret, { namespace: 'shop', name: 'a' })).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(store.create(Secret, secretManifest('a'), loop)).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(createPostgresStore({ url: 'postgres://nobody:nothing@127.0.0.1:1/none', log })).rejects.toMatchObject(
      { code: 'Unavailable' },
    );
  });
});

describe('a store whose leader is replaced at the last moment', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  /** A session that holds the store's lock, so that what wants to commit waits. */
  async function holdLock(url: string) {
    const { hostname, username, password, pathname, searchParams } = new URL(url);
    const sql = postgres({
      host: searchParams.get('host') ?? hostname,
      username,
      password,
      database: pathname.slice(1),
      max: 1,
    });
    cleanups.push(() => sql.end());
    await sql`BEGIN`;
    await sql`SELECT FROM store_state FOR UPDATE`;
    return {
      takeOver: () => sql`UPDATE leases SET holder = 'two', epoch = epoch + 1`,
      release: () => sql`COMMIT`,
    };
  }

  async function waitForLock(url: string): Promise<void> {
    const database = connectPostgres(url, { max: 1 });
    cleanups.push(() => database.end());
    for (let waiting = 0; waiting === 0; await pause(10)) {
      waiting = await database.execute(
        (sql) => sql`
          SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
    }
  }

  async function setUp() {
    const url = await server.createDatabase();
    const database = connectPostgres(url, { max: 2 });
    const leases = createPostgresLeaseStore(database);
    const store = await createPostgresStore({ url, log });
    cleanups.push(
      () => database.end(),
      () => store.close(),
    );
    return { url, store, leases };
  }

  it('refuses a write that was decided while its leader still led', async () => {
    const { url, store, leases } = await setUp();
    await leases.acquire('controller', 'one', 60_000);
    const lock = await holdLock(url);
    const write = store.create(Secret, secretManifest('late'), { ...loop, fence: 1n });
    const refused = expect(write).rejects.toMatchObject({ code: 'Fenced' });
    await waitForLock(url);
    await lock.takeOver();
    await lock.release();
    await refused;
    expect((await store.list(Secret)).items).toEqual([]);
  });

  it('decides anew what somebody else changed after it was decided', async () => {
    const { url, store } = await setUp();
    const other = await createPostgresStore({ url, log });
    cleanups.push(() => other.close());
    const stale = await store.create(Secret, secretManifest('a', { v: '1' }), loop);
    const lock = await holdLock(url);
    const both = Promise.allSettled([
      store.update(Secret, { ...stale, spec: { data: { v: '2' } } }, loop),
      other.update(Secret, { ...stale, spec: { data: { v: '3' } } }, loop),
    ]);
    await waitForLock(url);
    await pause(50);
    await lock.release();
    expect((await both).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await store.get(Secret, { namespace: 'shop', name: 'a' }))?.metadata.generation).toBe(2);
  });

  it('lets nobody take over in the middle of a commit', async () => {
    const { url, leases } = await setUp();
    const lock = await holdLock(url);
    let taken = false;
    const acquired = leases.acquire('controller', 'two', 60_000).then(() => (taken = true));
    await waitForLock(url);
    expect(taken).toBe(false);
    await lock.release();
    await acquired;
  });
});

describe('a store whose process and database are killed', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  it('has every write that was acknowledged, and gives no version twice', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'containr-kill-'));
    cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
    const versions = new Set<string>();
    const names = new Set<string>();
    for (let life = 1; life <= 3; life += 1) {
      const child = fork(join(import.meta.dirname, 'testing/write-for-ever.ts'), [dataDir, String(life)], {
        silent: true,
      });
      await collect(child, 100, (name, version) => {
        expect(versions.has(version)).toBe(false);
        versions.add(version);
        names.add(name);
      });
      const postmaster = Number((await readFile(join(dataDir, 'data/postmaster.pid'), 'utf8')).split('\n')[0]);
      child.kill('SIGKILL');
      // In the second life the database lives on without us.
      if (life !== 2) process.kill(postmaster, 'SIGKILL');
      await once(child, 'exit');
    }
    const server = await startEmbeddedPostgres({ dataDir, log });
    cleanups.push(() => server.stop());
    const store = await createPostgresStore({ url: server.url, log });
    cleanups.push(() => store.close());
    const { items } = await store.list(Secret);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining([...names]));
    expect(names.size).toBeGreaterThanOrEqual(300);
  });
});

/** Reads what the child says it wrote, until that is enough. */
async function collect(
  child: ChildProcess,
  enough: number,
  note: (name: string, version: string) => void,
): Promise<void> {
  let said = '';
  let count = 0;
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const lines = said.split('\n');
    said = lines.pop() ?? '';
    for (const line of lines) {
      const [name = '', version = ''] = line.split(' ');
      note(name, version);
      count += 1;
    }
    if (count >= enough) return;
  }
  throw new Error(`The writer ended: ${complaint}`);
}
