import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { DatabaseWorld } from './database-world.ts';

/** A life in short: made, given more, brought to a newer release, stopped and started, deleted and kept; the process dies once. */
async function live(crash?: CrashPoint): Promise<DatabaseWorld> {
  const scene = new DatabaseWorld({ crash });
  await scene.create(Database, 'main', { engine: 'postgresql', version: '17.5' });
  await scene.world.runUntilQuiet();
  const { endpoint } = await serves(scene);

  await scene.edit({ plan: 'standard' });
  expect((await scene.get(Volume, 'main-db-data')).status.size).toBe('20Gi');
  await scene.edit({ version: '17.6' });
  expect((await serves(scene)).endpoint).toBe(endpoint);
  await scene.edit({ power: 'stopped' });
  expect(scene.host.running()).toEqual([]);
  await scene.edit({ power: 'running' });
  expect((await serves(scene)).endpoint).toBe(endpoint);

  await scene.remove(Database, 'main');
  expect(await scene.all(Database)).toEqual([]);
  expect(scene.host.guests.size).toBe(0);
  expect([await scene.all(Volume), await scene.all(Secret)]).toMatchObject([{ length: 1 }, { length: 1 }]);
  return scene;
}

/** One guest, one disk, one login that fits, and the truth in the status. */
async function serves(scene: DatabaseWorld): Promise<Database['status']> {
  expect(await scene.said()).toContain('True Answering');
  expect(scene.host.running()).toHaveLength(1);
  expect(scene.host.guests.size).toBe(1);
  expect(await scene.all(Guest)).toHaveLength(1);
  expect(await scene.all(Build)).toHaveLength(1);
  const { data } = (await scene.get(Secret, 'main-credentials')).spec;
  expect([...scene.host.disks]).toEqual([['main-db-data', data['password']]]);
  const { status } = await scene.get(Database, 'main');
  expect(data['url']).toContain(`@${status.endpoint}/`);
  return status;
}

describe.each(['before', 'after'] as const)('a process that dies %s any call in the life of a database', (when) => {
  it('ends in the same world', { timeout: 300_000 }, async () => {
    const { calls } = (await live()).world;
    expect(calls).toBeGreaterThan(50);
    for (let call = 1; call <= calls; call += 1) {
      const scene = await live({ call, when }).catch((cause: unknown) => {
        throw new Error(`died ${when} call ${call} of ${calls}`, { cause });
      });
      expect(scene.world.diedAt, `the process should have died ${when} call ${call}`).toBeDefined();
    }
    console.log(`  died ${when} each of ${calls} calls, the same world each time`);
  });
});
