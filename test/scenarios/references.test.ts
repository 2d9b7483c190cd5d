import { describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import type { EnvVar } from '../../crds/workload.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { ServiceWorld } from './service-world.ts';

const MINUTE_MS = 60_000;
const token = [{ name: 'TOKEN', valueFrom: { secretRef: { name: 'app', key: 'token' } } }];
const ports = [{ port: 8080 }];
const urlOf = (name: string): EnvVar[] => [{ name: 'PEER', valueFrom: { serviceRef: { name, key: 'url' } } }];

describe('a service that refers to a Secret', () => {
  async function running(crash?: CrashPoint): Promise<ServiceWorld> {
    const scene = new ServiceWorld({ crash });
    await scene.secret('app', { token: 'one' });
    await scene.service('web', { env: token });
    await scene.world.runUntilQuiet();
    return scene;
  }

  it('is rolled once for changes that come together, and sees the last', async () => {
    const scene = await running();
    for (const value of ['two', 'three', 'four']) {
      await scene.secret('app', { token: value });
      await scene.world.run(700);
    }
    await scene.world.runUntilQuiet();
    expect(await scene.revisions('web')).toEqual([1, 2]);
    expect(scene.seen('web', 'TOKEN')).toEqual(['four']);
    expect((await scene.get(Deployment, 'web-r2')).spec.trigger).toBe('references');
    expect(await scene.said('web')).toBe('True Available: Revision 2 serves.');
  });

  it('is not rolled for the same value once more, nor for a key that it does not use', async () => {
    const scene = await running();
    await scene.secret('app', { token: 'one', other: 'x' });
    await scene.world.runUntilQuiet();
    expect(await scene.revisions('web')).toEqual([1]);
  });

  it('is not rolled hot by a value that keeps changing', async () => {
    const scene = await running();
    for (let round = 0; round < 150; round += 1) {
      await scene.secret('app', { token: `value ${round}` });
      await scene.world.run(4_000);
    }
    // Ten minutes: the pauses double from half a minute on.
    expect((await scene.revisions('web')).length).toBeLessThan(8);
    await scene.world.runUntilQuiet();
    expect(scene.seen('web', 'TOKEN')).toEqual(['value 149']);
  });

  it('waits for one that is missing and names it; what serves is left alone', async () => {
    const scene = new ServiceWorld();
    await scene.service('web');
    await scene.world.runUntilQuiet();
    await scene.edit(Service, 'web', (spec) => ({ ...spec, env: token }));
    await scene.world.run(30 * MINUTE_MS);
    expect(await scene.revisions('web')).toEqual([1]);
    expect(scene.host.running('web-r1')).toHaveLength(1);
    const words = 'env TOKEN: There is no Secret "app" in the project. Create it.';
    expect(await scene.said('web')).toBe(`False ConfigMissing: ${words} Revision 1 still serves.`);
    expect(await scene.said('web', 'ConfigResolved')).toBe(`False ConfigMissing: ${words}`);
    await scene.secret('app', { token: 'here' });
    await scene.world.runUntilQuiet();
    expect(scene.seen('web', 'TOKEN')).toEqual(['here']);
    expect(await scene.said('web', 'ConfigResolved')).toContain('True ConfigResolved');
  });

  it('serves on when the Secret goes, and says what is missing', async () => {
    const scene = await running();
    await scene.remove(Secret, 'app');
    await scene.world.run(10 * MINUTE_MS);
    expect(await scene.revisions('web')).toEqual([1]);
    expect(await scene.said('web')).toBe('True Available: Revision 1 serves.');
    expect(await scene.said('web', 'ConfigResolved')).toContain('False ConfigMissing: env TOKEN');
  });

  it('is not rolled while new revisions are paused', async () => {
    const scene = await running();
    await scene.edit(Service, 'web', (spec) => ({ ...spec, rollout: { ...spec.rollout, paused: true } }));
    await scene.secret('app', { token: 'two' });
    await scene.world.run(10 * MINUTE_MS);
    expect(await scene.revisions('web')).toEqual([1]);
    expect(await scene.said('web', 'Paused')).toContain('True Paused');
    await scene.edit(Service, 'web', (spec) => ({ ...spec, rollout: { ...spec.rollout, paused: false } }));
    await scene.world.runUntilQuiet();
    expect(scene.seen('web', 'TOKEN')).toEqual(['two']);
    expect(await scene.said('web', 'Paused')).toBe('nothing');
  });

  it('ends with one more revision wherever the process dies', async () => {
    const runs = await crashMatrix({
      make: (crash) => new ServiceWorld({ crash }),
      async story(scene) {
        await scene.secret('app', { token: 'one' });
        await scene.service('web', { env: token });
        await scene.world.runUntilQuiet();
        await scene.secret('app', { token: 'two' });
        await scene.world.runUntilQuiet();
      },
      async check(scene) {
        expect(scene.seen('web', 'TOKEN')).toEqual(['two']);
        expect(await scene.revisions('web')).toEqual([1, 2]);
        expect(await scene.said('web')).toBe('True Available: Revision 2 serves.');
      },
    });
    expect(runs).toBeGreaterThan(50);
  });
});

describe('a service that refers to another', () => {
  it('follows its address when that changes', async () => {
    const scene = new ServiceWorld();
    await scene.service('api', { ports });
    await scene.service('web', { env: urlOf('api') });
    await scene.world.runUntilQuiet();
    expect(scene.seen('web', 'PEER')).toEqual(['http://10.0.0.50:8080']);
    await scene.edit(Service, 'api', (spec) => ({ ...spec, restartedAt: 'now' }));
    await scene.world.runUntilQuiet();
    const [api] = scene.host.running('api-r');
    expect(api?.address).not.toBe('10.0.0.50');
    expect(scene.seen('web', 'PEER')).toEqual([`http://${api?.address}:8080`]);
    expect(await scene.revisions('web')).toEqual([1, 2]);
  });

  it('has nothing to follow where a proxy keeps the address', async () => {
    const scene = new ServiceWorld();
    scene.hasProxy = true;
    await scene.service('api', { type: 'web', ports });
    await scene.service('web', { env: urlOf('api') });
    await scene.world.runUntilQuiet();
    expect(scene.seen('web', 'PEER')).toEqual(['https://api.example']);
    expect((await scene.get(Service, 'api')).status.url).toBe('https://api.example');
    await scene.edit(Service, 'api', (spec) => ({ ...spec, restartedAt: 'now' }));
    await scene.world.runUntilQuiet();
    expect(await scene.revisions('api')).toEqual([1, 2]);
    expect(await scene.revisions('web')).toEqual([1]);
  });

  it('does not roll the other for ever where that refers back: its guests are restarted where they are', async () => {
    const scene = new ServiceWorld();
    await scene.service('api', { ports });
    await scene.service('web', { ports, env: urlOf('api') });
    await scene.world.runUntilQuiet();
    await scene.edit(Service, 'api', (spec) => ({ ...spec, env: urlOf('web') }));
    await scene.world.run(60 * MINUTE_MS);
    const [api] = scene.host.running('api-r');
    const [web] = scene.host.running('web-r');
    expect(scene.seen('web', 'PEER')).toEqual([`http://${api?.address}:8080`]);
    expect(scene.seen('api', 'PEER')).toEqual([`http://${web?.address}:8080`]);
    expect(await scene.revisions('api')).toEqual([1, 2]);
    expect(await scene.revisions('web')).toEqual([1]);
    const before = await scene.store.currentVersion();
    await scene.world.run(60 * MINUTE_MS);
    expect(await scene.store.currentVersion()).toBe(before);
  });
});
