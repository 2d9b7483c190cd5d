import { describe, expect, it } from 'vitest';
import { createApi, type ApiFixture, type Answer } from '../../api/testing/api-fixture.ts';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';

interface Shown {
  status: string;
  metrics?: Record<string, number>;
  backups: {
    enabled: boolean;
    retention: number;
    last_backup?: string;
    next_backup?: string;
    backups: { id: string; status: string; size?: string; created_at: string }[];
  };
}

/** The REST API over the store of a world in which every loop is the real one. */
class Scene extends DataWorld {
  readonly api: ApiFixture = createApi({ store: this.store, clock: this.clock });

  async ask(method: string, rest = '', body?: object): Promise<Answer> {
    const { uid } = (await this.get(Database, 'main')).metadata;
    return this.api.ask(method, `/api/v1/databases/${uid}${rest}`, body && { body });
  }

  async shown(): Promise<Shown> {
    const { status, body } = await this.ask('GET');
    if (status !== 200) throw new Error(`The database cannot be read: ${status}.`);
    const { backups, ...rest } = body as Shown;
    return { ...rest, backups };
  }

  /** Takes a backup to its end; answers its id. */
  async backedUp(): Promise<string> {
    const { body } = await this.ask('POST', '/backup');
    await this.world.runUntilQuiet();
    return (body as { backup_id: string }).backup_id;
  }

  async restoring(phase: Restore['status']['phase']): Promise<void> {
    const isSo = async (): Promise<boolean> => (await this.all(Restore)).some(({ status }) => status.phase === phase);
    expect(await this.world.runUntilQuiet({ until: isSo })).toMatchObject({ because: 'until' });
  }
}

async function begin(spec: Record<string, unknown> = {}): Promise<Scene> {
  const scene = new Scene();
  await scene.begin();
  await scene.born('main', spec);
  return scene;
}

describe('a backup over REST', () => {
  it('is in progress from the answer on, and completed with its size once it was read back', async () => {
    const scene = await begin();
    const asked = await scene.ask('POST', '/backup');
    expect(asked).toMatchObject({ status: 201, body: { status: 'in_progress', backup_id: expect.any(String) } });
    const { backup_id: id } = asked.body as { backup_id: string };
    for (const phase of ['Taking', 'Verifying'] as const) {
      const isSo = async () => (await scene.all(Backup))[0]?.status.phase === phase;
      expect(await scene.world.runUntilQuiet({ until: isSo })).toMatchObject({ because: 'until' });
      const { backups, status } = await scene.shown();
      expect({ status, backups }).toMatchObject({
        status: 'running',
        backups: { backups: [{ id, status: 'in_progress' }] },
      });
      expect(backups.last_backup).toBeUndefined();
      expect(await scene.ask('POST', '/restore', { backup_id: id })).toMatchObject({ status: 409 });
    }
    await scene.world.runUntilQuiet();
    const { backups } = await scene.shown();
    expect(backups.backups).toMatchObject([{ id, status: 'completed', size: expect.stringMatching(/^[\d.]+ \w+$/) }]);
    expect(backups.last_backup).toBe(backups.backups[0]?.created_at);
  });

  it('is failed when its archive cannot be read back, and is not restored then', async () => {
    const scene = await begin();
    scene.broken.set('digest', { output: 'input/output error', code: 1 });
    const id = await scene.backedUp();
    const { backups } = await scene.shown();
    expect(backups).toMatchObject({ backups: [{ id, status: 'failed' }] });
    expect(backups.last_backup).toBeUndefined();
    expect(await scene.ask('POST', '/restore', { backup_id: id })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await scene.all(Restore)).toEqual([]);
  });

  it('comes by schedule too, as next_backup says', async () => {
    const scene = await begin({ backup: { enabled: true, schedule: '10 * * * *', retention: 3 } });
    const { backups } = await scene.shown();
    expect(backups).toMatchObject({ enabled: true, retention: 3, backups: [] });
    const due = Date.parse(backups.next_backup ?? '');
    expect(due).toBeGreaterThan(scene.clock.now().getTime());
    expect(new Date(due).toISOString()).toContain(':10:00');
    await scene.world.run(due - scene.clock.now().getTime() + 3 * 60_000);
    const after = await scene.shown();
    expect(after.backups.backups).toMatchObject([{ status: 'completed' }]);
    expect(Date.parse(after.backups.next_backup ?? '')).toBe(due + 3_600_000);
  });
});

describe('a restore over REST', () => {
  it('brings the data of then back, serves until they are proven, and keeps those of now', async () => {
    const scene = await begin();
    await scene.write('before');
    const backup_id = await scene.backedUp();
    await scene.write('after');
    expect(await scene.ask('POST', '/restore', { backup_id })).toMatchObject({
      status: 200,
      body: { message: expect.stringContaining('kept as a volume') },
    });
    await scene.restoring('Verifying');
    expect((await scene.shown()).status).toBe('running');
    expect(await scene.ask('POST', '/restore', { backup_id })).toMatchObject({ status: 409 });
    const isDown = async () => (await scene.get(Database, 'main')).status.phase === 'Restoring';
    expect(await scene.world.runUntilQuiet({ until: isDown })).toMatchObject({ because: 'until' });
    expect((await scene.shown()).status).toBe('building');
    await scene.world.runUntilQuiet();
    expect((await scene.shown()).status).toBe('running');
    expect(await scene.rows()).toEqual(['before']);
    const [restore] = await scene.all(Restore);
    expect(restore?.status).toMatchObject({ phase: 'Completed', inPlace: true });
    expect(await scene.has(Volume, restore?.status.previousVolume ?? '')).toBe(true);
    expect(await scene.ask('POST', '/restore', { backup_id })).toMatchObject({ status: 200 });
  });

  it('is refused for a database that is stopped, and nothing is written', async () => {
    const scene = await begin();
    const backup_id = await scene.backedUp();
    expect(await scene.ask('POST', '/action', { action: 'stop' })).toMatchObject({ status: 200 });
    await scene.world.runUntilQuiet();
    expect((await scene.shown()).status).toBe('stopped');
    expect(await scene.ask('POST', '/restore', { backup_id })).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('is stopped. Start it') },
    });
    expect(await scene.ask('POST', '/restore', {})).toMatchObject({ status: 400 });
    expect(await scene.all(Restore)).toEqual([]);
  });
});

describe('a database over REST', () => {
  it('shows what was measured of it', async () => {
    const scene = await begin();
    await scene.world.run(3 * 60_000);
    const { metrics } = await scene.shown();
    expect(metrics).toMatchObject({ cpu: expect.any(Number), memory: expect.any(Number), connections: 1 });
  });

  it('is not deleted while it is protected; its backups outlive it', async () => {
    const scene = await begin({ deletionProtection: true });
    await scene.backedUp();
    expect(await scene.ask('DELETE')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await scene.world.runUntilQuiet();
    expect((await scene.shown()).status).toBe('running');
    const database = await scene.get(Database, 'main');
    await scene.store.update(
      Database,
      { ...database, spec: { ...database.spec, deletionProtection: false } },
      { manager: 'test' },
    );
    expect(await scene.ask('DELETE')).toMatchObject({ status: 200 });
    await scene.world.runUntilQuiet();
    expect(await scene.has(Database, 'main')).toBe(false);
    expect(await scene.all(Backup)).toMatchObject([{ status: { phase: 'Completed' } }]);
  });
});
