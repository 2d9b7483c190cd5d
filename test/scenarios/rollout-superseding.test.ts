import { describe, expect, it } from 'vitest';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { RolloutWorld } from './rollout-world.ts';

async function serve(scene: RolloutWorld): Promise<void> {
  await scene.prepare({ replicas: 2 });
  await scene.push(1);
  await scene.run();
  scene.watch();
}

/** Revision 2 has this state when revision 3 comes. */
async function supersede(scene: RolloutWorld, state: string): Promise<void> {
  if (state === 'Verifying') scene.doing.set('web-r2', 'slow');
  await scene.push(2);
  await scene.runUntil(2, state);
  await scene.push(3);
  await scene.run();
}

async function expectThird(scene: RolloutWorld): Promise<void> {
  await scene.expectEnd(['web-r3-0', 'web-r3-1'], 'r1 Superseded, r2 Superseded, r3 Active');
}

describe('a newer revision', () => {
  it.each(['Provisioning', 'Verifying', 'Promoting', 'Draining'])(
    'takes the place of one that is %s, and none of the guests that serve is missed',
    async (state) => {
      const scene = new RolloutWorld();
      await serve(scene);
      await supersede(scene, state);
      await expectThird(scene);
      expect(scene.fewest).toBeGreaterThanOrEqual(state === 'Promoting' ? 1 : 2);
    },
  );

  it('leaves the revision that serves alone when it fails itself', async () => {
    const scene = new RolloutWorld();
    await serve(scene);
    scene.doing.set('web-r3', 'unhealthy');
    await supersede(scene, 'Verifying');
    await scene.expectEnd(['web-r1-0', 'web-r1-1'], 'r1 Active, r2 Superseded, r3 Failed');
    expect(scene.fewest).toBe(2);
  });

  it('comes last of many that come at once', async () => {
    const scene = new RolloutWorld();
    await serve(scene);
    for (const revision of [2, 3, 4, 5]) await scene.push(revision);
    await scene.run();
    const over = 'r1 Superseded, r2 Superseded, r3 Superseded, r4 Superseded';
    await scene.expectEnd(['web-r5-0', 'web-r5-1'], `${over}, r5 Active`);
  });
});

describe('a process that dies at any call while one revision supersedes another', () => {
  it.each(['Provisioning', 'Promoting'])(
    'ends with the newest, and no request fails: %s',
    { timeout: 120_000 },
    async (state) => {
      await crashMatrix({
        make: async (crash) => {
          const scene = new RolloutWorld();
          await serve(scene);
          return scene.takeOver(crash);
        },
        async story(scene) {
          await supersede(scene, state);
        },
        check: expectThird,
      });
    },
  );
});
