import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { API_VERSION } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { systemClock } from '../clock.ts';
import { connectPostgres } from '../store/connect-postgres.ts';
import { createPostgresStore } from '../store/postgres-store.ts';
import { openObserveMode, type ObserveMode } from './observe-mode.ts';
import { readLastSeen, writeLastSeen } from './last-seen.ts';

const log = pino({ level: 'silent' });
const by = { manager: 'test', user: 'ann' };

describe('openObserveMode', () => {
  const server = withPostgres();
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function installation() {
    const url = await server.createDatabase();
    const sql = connectPostgres(url, { max: 2 });
    const store = await createPostgresStore({ url, log });
    ends.push(
      () => store.close(),
      () => sql.end(),
    );
    async function folder(): Promise<string> {
      const made = await mkdtemp(join(tmpdir(), 'containr-observe-'));
      ends.push(() => rm(made, { recursive: true }));
      return made;
    }
    let resumed = 0;
    const open = (dataDir: string): Promise<ObserveMode> =>
      openObserveMode({
        sql,
        store,
        storeName: 'postgres',
        dataDir,
        clock: systemClock,
        log,
        onResume: () => (resumed += 1),
      });
    const write = (name: string) =>
      store.create(
        Project,
        Project.parseManifest({ apiVersion: API_VERSION, kind: 'Project', metadata: { name }, spec: {} }),
        by,
      );
    return { sql, store, folder, open, write, resumedTimes: () => resumed };
  }

  it('trusts the store that it left, and notes how far it is', async () => {
    const { folder, open, write, store } = await installation();
    const dataDir = await folder();
    expect((await open(dataDir)).observing()).toBeUndefined();
    await write('shop');
    expect((await open(dataDir)).observing()).toBeUndefined();
    expect((await readLastSeen(dataDir))?.version).toBe(await store.currentVersion());
  });

  it('observes only when the store was further on, through restarts, until somebody resumes', async () => {
    const { folder, open, write, resumedTimes, sql } = await installation();
    const dataDir = await folder();
    await write('shop');
    await writeLastSeen(dataDir, { store: 'postgres', version: '500', at: new Date().toISOString() });
    expect((await open(dataDir)).observing()?.because).toContain('was at 500');
    expect((await readLastSeen(dataDir))?.version).toBe('500');
    const later = await open(dataDir);
    expect(later.observing()?.because).toContain('was at 500');
    expect(await later.resume(by)).toBe(true);
    expect([later.observing(), resumedTimes()]).toEqual([undefined, 1]);
    expect(await later.resume(by)).toBe(false);
    expect((await open(dataDir)).observing()).toBeUndefined();
    const audited = await sql.execute((pool) => pool`SELECT FROM audit WHERE kind = 'Installation' AND "user" = 'ann'`);
    expect(audited).toBe(1);
  });

  it('observes only when a dump was loaded into another server, where nobody has seen it', async () => {
    const { folder, open, write, sql } = await installation();
    await write('shop');
    const first = await folder();
    await open(first);
    await sql.execute((pool) => pool`UPDATE installation SET database_system = '1'`);
    expect((await open(await folder())).observing()?.because).toContain('another PostgreSQL server');
  });

  it('follows what another process finds and ends', async () => {
    const { folder, open, write, resumedTimes } = await installation();
    await write('shop');
    const standby = await open(await folder());
    expect(standby.observing()).toBeUndefined();
    const dataDir = await folder();
    await writeLastSeen(dataDir, { store: 'postgres', version: '500', at: new Date().toISOString() });
    const leader = await open(dataDir);
    const once = (): Promise<void> => {
      const ended = new AbortController();
      const following = standby.follow(ended.signal);
      ended.abort();
      return following;
    };
    await once();
    expect(standby.observing()?.because).toContain('was at 500');
    await leader.resume(by);
    await once();
    expect([standby.observing(), resumedTimes()]).toEqual([undefined, 2]);
  });
});
