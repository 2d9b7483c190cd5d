import { describe, expect, it } from 'vitest';
import { Job } from '../../crds/job.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { RolloutWorld } from './rollout-world.ts';

async function prepare(scene: RolloutWorld): Promise<void> {
  await scene.prepare({ type: 'worker' }, { preDeploy: { command: '["/app", "migrate"]' } });
  await scene.push(1);
  await scene.run();
}

/** Every run that there ever was, by the Job: no command ran twice. */
function expectRuns(scene: RolloutWorld, jobs: readonly string[]): void {
  expect([...scene.host.runs.values()].toSorted()).toEqual(jobs);
}

describe('a command before the rollout', () => {
  it('runs once with the new configuration before the first guest of its revision', async () => {
    const scene = new RolloutWorld();
    await prepare(scene);
    await scene.push(2, { env: [{ name: 'MODE', value: 'two' }] });
    await scene.runUntil(2, 'PreDeploying');
    expect(scene.host.running()).toEqual(['web-r1-0']);
    await scene.run();
    await scene.expectEnd(['web-r2-0'], 'r1 Superseded, r2 Active');
    expectRuns(scene, ['web-r1-pre', 'web-r2-pre']);
    const job = await scene.store.get(Job, { namespace: 'shop', name: 'web-r2-pre' });
    expect(job?.spec).toMatchObject({ trigger: 'pre-deploy', deployment: 'web-r2', deadline: '10m' });
    expect(job?.spec.template).toMatchObject({ env: [{ name: 'MODE', value: 'two' }], volumes: [] });
  });

  it('stops the rollout when it fails, with its last lines, and no guest is made', async () => {
    const scene = new RolloutWorld();
    await prepare(scene);
    scene.doing.set('web-r2', 'unhealthy');
    await scene.push(2);
    scene.watch();
    await scene.run();
    expect(scene.most).toBe(1);
    await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Failed');
    const { status } = await scene.revision(2);
    expect(status.failure).toMatch(/^The command before the rollout failed[^]*code 3[^]*no such table/);
    expect(status.conditions.find(({ type }) => type === 'Ready')?.reason).toBe('PreDeployFailed');
  });

  it('is not asked for again when its Job was removed while it ran', async () => {
    const scene = new RolloutWorld();
    await prepare(scene);
    await scene.push(2);
    await scene.run(async () => (await scene.revision(2)).status.preDeployJob !== undefined);
    await scene.store.delete(Job, { namespace: 'shop', name: 'web-r2-pre' }, { manager: 'test' });
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Failed');
    expect((await scene.store.list(Job)).items.map(({ metadata }) => metadata.name)).toEqual(['web-r1-pre']);
  });

  it('gives way to a newer revision while it runs', async () => {
    const scene = new RolloutWorld();
    await prepare(scene);
    await scene.push(2);
    await scene.runUntil(2, 'PreDeploying');
    await scene.push(3);
    await scene.run();
    await scene.expectEnd(['web-r3-0'], 'r1 Superseded, r2 Superseded, r3 Active');
  });
});

describe('a process that dies at any call around a command before the rollout', () => {
  const make = (crash?: CrashPoint): RolloutWorld => new RolloutWorld(crash);

  it('runs it once for each revision all the same', { timeout: 120_000 }, async () => {
    await crashMatrix({
      make,
      async story(scene) {
        await prepare(scene);
        scene.doing.set('web-r2', 'unhealthy');
        await scene.push(2);
        await scene.run();
        await scene.push(3);
        await scene.run();
      },
      async check(scene) {
        await scene.expectEnd(['web-r3-0'], 'r1 Superseded, r2 Failed, r3 Active');
        expectRuns(scene, ['web-r1-pre', 'web-r2-pre', 'web-r3-pre']);
      },
    });
  });
});
