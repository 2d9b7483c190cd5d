import { describe, expect, it } from 'vitest';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { RolloutWorld } from './rollout-world.ts';

async function serving(replicas: number, maxSurge: number): Promise<RolloutWorld> {
  const scene = new RolloutWorld();
  await scene.prepare({ replicas, rollout: { maxSurge } });
  await scene.push(1);
  await scene.run();
  scene.watch();
  return scene;
}

describe('a rolling rollout', () => {
  it.each([
    [1, 1],
    [2, 1],
    [4, 1],
    [5, 2],
    [2, 5],
  ])('of %i guests with %i more keeps to both numbers, and no request fails', async (replicas, maxSurge) => {
    const scene = await serving(replicas, maxSurge);
    await scene.push(2);
    await scene.run();
    const names = Array.from({ length: replicas }, (_, index) => `web-r2-${index}`);
    await scene.expectEnd(names, 'r1 Superseded, r2 Active');
    expect(scene.fewest).toBeGreaterThanOrEqual(replicas);
    expect(scene.most).toBeLessThanOrEqual(replicas + maxSurge);
  });

  it('leaves the old guests in the traffic until enough new ones take it', async () => {
    const scene = await serving(3, 1);
    await scene.push(2);
    await scene.run(() => scene.host.upstreams.length > 3);
    expect(scene.host.upstreams).toEqual(['web-r1-0', 'web-r1-1', 'web-r1-2', 'web-r2-0']);
    await scene.run();
    expect(scene.host.upstreams).toEqual(['web-r2-0', 'web-r2-1', 'web-r2-2']);
  });

  it('gives the traffic back when a later guest is not healthy, says why, and is gone', async () => {
    const scene = await serving(3, 1);
    await scene.push(2);
    await scene.runUntil(2, 'Promoting');
    scene.doing.set('web-r2', 'unhealthy');
    await scene.run();
    await scene.expectEnd(['web-r1-0', 'web-r1-1', 'web-r1-2'], 'r1 Active, r2 Failed');
    expect(scene.host.upstreams).toHaveLength(3);
    const { status } = await scene.revision(2);
    expect(status.promoted).toBe(false);
    expect(status.failure).toMatch(/^Guest web-r2-1 was not ready in time: .*\nIts last lines:\nlast words$/s);
    expect(status.guestUids.length).toBeGreaterThan(0);
  });

  it('waits for the drain before a guest goes that is one too many', async () => {
    const scene = await serving(3, 1);
    await scene.edit({ replicas: 1 });
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active');
    await scene.edit({ suspended: true });
    await scene.run();
    await scene.expectEnd([], 'r1 Active');
    await scene.edit({ suspended: false, replicas: 2 });
    await scene.run();
    await scene.expectEnd(['web-r1-0', 'web-r1-1'], 'r1 Active');
  });

  it('lets go of a guest in the end when the proxy does not', async () => {
    const scene = await serving(2, 1);
    scene.host.route = async () => undefined;
    await scene.edit({ replicas: 1 });
    await scene.run(() => scene.host.guests.size === 1);
    expect(scene.host.running()).toEqual(['web-r1-0']);
  });

  it('fails, and the old guests serve on, when the proxy never lets the new ones take requests', async () => {
    const scene = await serving(1, 1);
    const { upstreams } = scene.host;
    scene.host.route = () => Promise.reject(new Error('The proxy does not answer.'));
    await scene.push(2);
    await scene.world.run(30 * 60_000).catch(() => undefined);
    expect((await scene.revision(1)).status.phase).toBe('Active');
    expect(scene.host.upstreams).toEqual(upstreams);
  });

  it('rolls a worker without waiting for requests that it does not get', async () => {
    const scene = new RolloutWorld();
    await scene.prepare({ type: 'worker', replicas: 2 });
    await scene.push(1);
    await scene.run();
    await scene.push(2);
    const startMs = scene.clock.monotonicMs();
    await scene.run(async () => (await scene.phases()) === 'r1 Superseded, r2 Active');
    expect(scene.clock.monotonicMs() - startMs).toBeLessThan(5_000);
    await scene.run();
    await scene.expectEnd(['web-r2-0', 'web-r2-1'], 'r1 Superseded, r2 Active');
  });

  it('makes no guest for a schedule, and is active once it is built', async () => {
    const scene = new RolloutWorld();
    await scene.prepare({ type: 'cron', schedule: '0 3 * * *' });
    await scene.push(1);
    await scene.push(2);
    await scene.run();
    await scene.expectEnd([], 'r1 Superseded, r2 Active');
  });
});

describe('a rollback', () => {
  it('serves within ten seconds while the artifact is there, runs no command again, and says what it replaced', async () => {
    const scene = new RolloutWorld();
    await scene.prepare({ replicas: 2 }, { preDeploy: { command: 'migrate' } });
    await scene.push(1);
    await scene.run();
    await scene.push(2);
    await scene.run();
    await scene.push(3, {}, 'web-r1');
    const startMs = scene.clock.monotonicMs();
    await scene.run(() => scene.host.upstreams.includes('web-r3-0'));
    expect(scene.clock.monotonicMs() - startMs).toBeLessThan(10_000);
    await scene.run();
    await scene.expectEnd(['web-r3-0', 'web-r3-1'], 'r1 Superseded, r2 RolledBack, r3 Active');
    expect([...scene.host.runs.values()]).toEqual(['web-r1-pre', 'web-r2-pre']);
  });
});

describe('a process that dies at any call of a rolling rollout', () => {
  it('ends in the same world, and no request fails', { timeout: 120_000 }, async () => {
    const runs = await crashMatrix({
      make: (crash) => new RolloutWorld(crash),
      async story(scene) {
        await scene.prepare({ replicas: 2 });
        await scene.push(1);
        await scene.run();
        await scene.push(2);
        await scene.run();
      },
      check: (scene) => scene.expectEnd(['web-r2-0', 'web-r2-1'], 'r1 Superseded, r2 Active'),
    });
    expect(runs).toBeGreaterThan(100);
  });

  it('ends with the old guests and no others when the rollout fails half-way', { timeout: 120_000 }, async () => {
    await crashMatrix({
      make: async (crash) => (await serving(2, 1)).takeOver(crash),
      async story(scene) {
        await scene.push(2);
        await scene.runUntil(2, 'Promoting');
        scene.doing.set('web-r2', 'unhealthy');
        await scene.run();
      },
      check: (scene) => scene.expectEnd(['web-r1-0', 'web-r1-1'], 'r1 Active, r2 Failed'),
    });
  });
});
