import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { logStoreConformance } from '../../test/conformance/log-store.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres } from './connect-postgres.ts';
import { createPostgresLogStore } from './postgres-log-store.ts';

const log = pino({ level: 'silent' });

describe('createPostgresLogStore', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  function open(url: string) {
    const sql = connectPostgres(url, { max: 3 });
    cleanups.push(() => sql.end());
    return createPostgresLogStore({ sql, log });
  }

  logStoreConformance(async () => open(await server.createDatabase()));

  it('wakes who waits in another process', async () => {
    const url = await server.createDatabase();
    const [writer, reader] = [open(url), open(url)];
    const line = { position: 1, time: new Date(0), source: 'stdout', text: 'hello' } as const;
    const gaveUp = AbortSignal.timeout(30_000);
    const waiting = reader.changed('guest/1', 60_000, gaveUp).then(() => 'changed');
    // Again and again, because the reader may not listen yet.
    for (let position = 1, heard = ''; heard !== 'changed'; position += 1) {
      await writer.append('guest/1', [{ ...line, position }], position);
      heard = await Promise.race([waiting, pause(50, '')]);
    }
    expect(gaveUp.aborted).toBe(false);
    expect(await reader.read('guest/1', { limit: 1 })).toEqual([line]);
  });

  it('stores the lines of the others when one append cannot be stored', async () => {
    const store = open(await server.createDatabase());
    const good = { position: 1, time: new Date(0), source: 'stdout', text: 'good' } as const;
    const bad = { ...good, position: 2 ** 70 };
    const results = await Promise.allSettled([
      store.append('guest/1', [good], 1),
      store.append('guest/2', [bad], 1),
      store.append('guest/3', [good], 1),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await store.read('guest/3', {})).toEqual([good]);
    expect(await store.resumeAt('guest/2')).toBeUndefined();
  });
});
