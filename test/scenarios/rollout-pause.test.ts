import { describe, expect, it } from 'vitest';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { RolloutWorld } from './rollout-world.ts';

const HOURS_MS = 3 * 3_600_000;

async function serve(scene: RolloutWorld, replicas = 2): Promise<void> {
  await scene.prepare({ replicas });
  await scene.push(1);
  await scene.run();
  scene.watch();
}

async function readyOf(scene: RolloutWorld, revision: number): Promise<string> {
  const { conditions } = (await scene.revision(revision)).status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return `${ready?.status} ${ready?.reason}: ${ready?.message}`;
}

describe('a pause', () => {
  it('holds a new revision back and says how to go on', async () => {
    const scene = new RolloutWorld();
    await serve(scene);
    await scene.pause(true);
    await scene.push(2);
    await scene.run();
    await scene.expectEnd(['web-r1-0', 'web-r1-1'], 'r1 Active, r2 Pending');
    expect(await readyOf(scene, 2)).toMatch(/^False Paused: .*containr rollout resume web$/);
    await scene.pause(false);
    await scene.run();
    await scene.expectEnd(['web-r2-0', 'web-r2-1'], 'r1 Superseded, r2 Active');
  });

  it.each(['Provisioning', 'Verifying', 'Promoting'])(
    'holds a rollout that is %s for hours, and its time does not run out',
    async (state) => {
      const scene = new RolloutWorld();
      await serve(scene, 3);
      if (state === 'Verifying') scene.doing.set('web-r2', 'slow');
      await scene.push(2);
      await scene.runUntil(2, state);
      await scene.pause(true);
      await scene.world.run(HOURS_MS);
      expect(await scene.phases()).toBe(`r1 Active, r2 ${state}`);
      expect(await readyOf(scene, 2)).toMatch(/^False Paused/);
      expect(scene.host.upstreams.length).toBeGreaterThanOrEqual(3);
      await scene.pause(false);
      await scene.run();
      await scene.expectEnd(['web-r2-0', 'web-r2-1', 'web-r2-2'], 'r1 Superseded, r2 Active');
    },
  );

  it('does not keep a rollback from taking the place of what it holds; that waits in turn', async () => {
    const scene = new RolloutWorld();
    await serve(scene);
    await scene.push(2);
    await scene.runUntil(2, 'Promoting');
    await scene.pause(true);
    await scene.push(3, {}, 'web-r1');
    await scene.run();
    await scene.expectEnd(['web-r1-0', 'web-r1-1'], 'r1 Active, r2 Superseded, r3 Pending');
  });

  it('does not keep the revision that serves from being scaled', async () => {
    const scene = new RolloutWorld();
    await serve(scene);
    await scene.pause(true);
    await scene.edit({ replicas: 3 });
    await scene.run();
    await scene.expectEnd(['web-r1-0', 'web-r1-1', 'web-r1-2'], 'r1 Active');
  });
});

describe('a process that dies at any call around a pause', () => {
  it('is held and goes on all the same', { timeout: 120_000 }, async () => {
    await crashMatrix({
      make: async (crash) => {
        const scene = new RolloutWorld();
        await serve(scene);
        return scene.takeOver(crash);
      },
      async story(scene) {
        await scene.push(2);
        await scene.runUntil(2, 'Promoting');
        await scene.pause(true);
        await scene.world.run(60_000);
        expect(await scene.phases()).toBe('r1 Active, r2 Promoting');
        await scene.pause(false);
        await scene.run();
      },
      check: (scene) => scene.expectEnd(['web-r2-0', 'web-r2-1'], 'r1 Superseded, r2 Active'),
    });
  });
});
