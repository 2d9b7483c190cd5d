import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { DatabaseWorld } from './database-world.ts';

async function born(spec: Record<string, unknown> = {}): Promise<DatabaseWorld> {
  const scene = new DatabaseWorld();
  await scene.create(Database, 'main', { engine: 'postgresql', version: '17.6', ...spec });
  await scene.world.runUntilQuiet();
  return scene;
}

describe('the life of a database', () => {
  it('is ready when a query was answered, and its Secret has what a program needs', async () => {
    const scene = await born();
    const { status } = await scene.get(Database, 'main');
    expect(status).toMatchObject({
      phase: 'Running',
      version: '17.6',
      credentialsSecretRef: { name: 'main-credentials' },
    });
    expect(await scene.said()).toContain('True Answering');
    for (const type of ['Provisioned', 'Initialised', 'CredentialsReady'])
      expect(await scene.said(type)).toContain('True');
    const { data } = (await scene.get(Secret, 'main-credentials')).spec;
    expect(Object.keys(data).sort()).toEqual(['database', 'host', 'password', 'port', 'url', 'username']);
    expect(data['url']).toBe(`postgresql://app:${data['password']}@${status.endpoint}/main`);
    expect((await scene.get(Volume, 'main-db-data')).spec).toMatchObject({ size: '5Gi', retain: true });
  });

  it('grows with its plan by one restart, and refuses to shrink its disk while it serves on', async () => {
    const scene = await born();
    const before = scene.host.starts;
    await scene.edit({ plan: 'standard' });
    expect((await scene.get(Volume, 'main-db-data')).status.size).toBe('20Gi');
    expect((await scene.all(Guest))[0]?.spec.resources).toMatchObject({ cpu: '2', memory: '2Gi' });
    expect(scene.host.starts).toBe(before + 1);
    await scene.edit({ plan: 'hobby' });
    expect((await scene.get(Volume, 'main-db-data')).spec.size).toBe('20Gi');
    expect((await scene.all(Guest))[0]?.spec.resources).toMatchObject({ memory: '256Mi' });
    expect(await scene.said('Stalled')).toContain('ShrinkRefused');
    expect(await scene.said()).toContain('True Answering');
  });

  it('stops, starts and restarts with its data and address', async () => {
    const scene = await born();
    const { endpoint } = (await scene.get(Database, 'main')).status;
    await scene.edit({ power: 'stopped' });
    expect((await scene.get(Database, 'main')).status).toMatchObject({ phase: 'Stopped', endpoint });
    expect(scene.host.running()).toEqual([]);
    await scene.edit({ power: 'running' });
    await scene.edit({ restartedAt: 'now' });
    expect((await scene.get(Database, 'main')).status).toMatchObject({ phase: 'Running', endpoint });
    expect(scene.host.starts).toBe(3);
  });

  it('goes to a newer release in a new guest with the same disk and address, and to no other series and not back', async () => {
    const scene = await born({ version: '17.5' });
    const before = await scene.get(Database, 'main');
    await scene.edit({ version: '17.6' });
    const after = await scene.get(Database, 'main');
    expect(after.status.guest).not.toBe(before.status.guest);
    expect(after.status).toMatchObject({ phase: 'Running', endpoint: before.status.endpoint });
    expect(await scene.all(Guest)).toHaveLength(1);
    expect(await scene.all(Build)).toHaveLength(1);
    expect(scene.host.disks.size).toBe(1);

    for (const [change, words] of [
      [{ version: '18' }, '18 does not read'],
      [{ version: '17.4' }, 'does not go back'],
      [{ version: '9.6' }, 'is not offered'],
      [{ version: '17.6', engine: 'redis' as const }, 'is not offered'],
    ] as const) {
      await scene.edit(change);
      expect(await scene.said('Stalled')).toContain(words);
      expect(await scene.said()).toContain('True Answering');
    }
  });

  it('says why its image cannot be had, and gets on when it can', async () => {
    const scene = new DatabaseWorld();
    scene.isRegistryBroken = true;
    await scene.create(Database, 'main', { engine: 'redis' });
    await scene.world.runUntilQuiet();
    expect(await scene.said()).toContain(
      'BuildFailed: The image of Redis could not be fetched: There is no such image',
    );
    expect((await scene.get(Database, 'main')).status.phase).toBe('Failed');
    scene.isRegistryBroken = false;
    await scene.edit({ restartedAt: 'again' });
    expect(await scene.said()).toContain('True');
  });

  it('does without the Secret of its data nothing, and never sets up a second login', async () => {
    const scene = await born();
    const { data } = (await scene.get(Secret, 'main-credentials')).spec;
    await scene.remove(Secret, 'main-credentials');
    expect(await scene.said()).toContain('SecretNotFound');
    expect(await scene.all(Secret)).toEqual([]);
    await scene.create(Secret, 'other', { data: {} });
    expect(data['password']).not.toBe('');
  });

  it('says that the login is refused, with the last lines of the guest', async () => {
    const scene = await born();
    scene.host.disks.set('main-db-data', 'changed by hand');
    await scene.edit({ restartedAt: 'once' });
    expect(await scene.said()).toContain('LoginDenied');
    expect(await scene.said()).toContain('the last line');
  });

  it('keeps disk and login together when it is deleted, for the next one of its name', async () => {
    const scene = await born();
    const { data } = (await scene.get(Secret, 'main-credentials')).spec;
    await scene.remove(Database, 'main');
    expect(await scene.all(Guest)).toEqual([]);
    expect((await scene.get(Volume, 'main-db-data')).metadata.ownerReferences ?? []).toEqual([]);
    await scene.create(Database, 'main', { engine: 'redis' });
    await scene.world.runUntilQuiet();
    expect(await scene.said()).toContain('The data are those of postgresql');
    await scene.remove(Database, 'main');
    await scene.create(Database, 'main', { engine: 'postgresql', version: '17', retain: false });
    await scene.world.runUntilQuiet();
    expect(await scene.said()).toContain('True Answering');
    expect((await scene.get(Secret, 'main-credentials')).spec.data['password']).toBe(data['password']);
    await scene.remove(Database, 'main');
    const left = await Promise.all([scene.all(Guest), scene.all(Volume), scene.all(Secret), scene.all(Build)]);
    expect(left.flat()).toEqual([]);
  });

  it('takes no Secret or Volume that is not its own', async () => {
    const scene = new DatabaseWorld();
    await scene.create(Secret, 'main-credentials', { data: { password: 'mine' } });
    await scene.create(Database, 'main', { engine: 'postgresql' });
    await scene.world.runUntilQuiet();
    expect(await scene.said()).toContain('main-credentials exists and does not belong to the database');
    expect((await scene.get(Secret, 'main-credentials')).spec.data).toEqual({ password: 'mine' });
  });

  it('says which settings its engine does not have', async () => {
    const scene = await born({ settings: { ssl: true, maxConnections: 20 } });
    expect(await scene.said('SettingsApplied')).toContain(
      'False UnsupportedSpec: PostgreSQL does not have all settings. ssl',
    );
    expect((await scene.all(Guest))[0]?.spec.process.command).toContain('max_connections=20');
  });
});
