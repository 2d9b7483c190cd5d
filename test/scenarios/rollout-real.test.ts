import { afterEach, describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { rollBack } from './random-steps.ts';
import { SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];

afterEach(() => {
  for (const spine of worlds.splice(0)) spine.dispose();
});

async function serving(spec: Record<string, unknown> = {}): Promise<SpineWorld> {
  const spine = new SpineWorld();
  worlds.push(spine);
  await spine.prepare();
  await spine.createService('web', { rollout: { progressDeadline: '1m' }, ...spec });
  await spine.world.runUntilQuiet();
  expect(spine.readyOf(await spine.service())).toBe('True Available');
  return spine;
}

async function restart(spine: SpineWorld, at = 'now'): Promise<void> {
  await spine.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: at }));
}

async function revision(spine: SpineWorld, number: number): Promise<Deployment> {
  const found = (await spine.all(Deployment)).find(({ spec }) => spec.revision === number);
  if (!found) throw new Error(`There is no revision ${number}.`);
  return found;
}

/** Name of the guest that has the volume, which is one that is there. */
async function holderOf(spine: SpineWorld): Promise<string | undefined> {
  const [volume] = await spine.all(Volume);
  return (await spine.all(Guest)).find(({ metadata }) => metadata.uid === volume?.status.attachedUid)?.metadata.name;
}

describe('a rollout with the loops of guests, volumes and jobs', () => {
  const volumes = [{ name: 'data', mountPath: '/data' }];

  it('hands a volume to the new guest, and back when that is not healthy', { timeout: 30_000 }, async () => {
    const spine = await serving({ volumes });
    expect(await holderOf(spine)).toBe('web-r1-0');
    await restart(spine);
    await spine.world.runUntilQuiet();
    expect(spine.readyOf(await spine.service())).toBe('True Available');
    expect(await holderOf(spine)).toBe('web-r2-0');
    expect(spine.runningVmids()).toHaveLength(1);

    spine.processes = 'unhealthy';
    await restart(spine, 'later');
    await spine.world
      .runUntilQuiet({ until: async () => (await revision(spine, 3)).status.phase === 'Failed' })
      .catch(() => undefined);
    spine.processes = 'healthy';
    await spine.world.runUntilQuiet();
    expect((await revision(spine, 3)).status.failure).toMatch(/web-r3-0 was not ready in time: .*status 503/);
    expect((await revision(spine, 2)).status.phase).toBe('Active');
    expect(await holderOf(spine)).toBe('web-r2-0');
    expect(spine.runningVmids()).toHaveLength(1);
  });

  it('keeps the log of a guest that failed for as long as its revision', { timeout: 30_000 }, async () => {
    const spine = await serving();
    spine.processes = 'unhealthy';
    await restart(spine);
    await spine.world.runUntilQuiet();
    const failed = await revision(spine, 2);
    const [uid = ''] = failed.status.guestUids;
    await spine.logs.append(`guest/${uid}`, [], 0);
    expect(failed.status).toMatchObject({ phase: 'Failed', guests: [] });
    await spine.world.restart();
    await spine.world.runUntilQuiet();
    expect(spine.logs.lines.has(`guest/${uid}`)).toBe(true);
    await spine.deleteService();
    await spine.world.runUntilQuiet();
    expect([...spine.logs.lines.keys()]).toEqual([]);
  });

  it('rolls back within ten seconds, with no build and no archive made anew', { timeout: 30_000 }, async () => {
    const spine = await serving();
    await restart(spine);
    await spine.world.runUntilQuiet();
    const builds = (await spine.artifacts.list()).length;
    const startMs = spine.clock.monotonicMs();
    await rollBack(spine, 0);
    await spine.world.runUntilQuiet({ until: async () => (await revision(spine, 3)).status.promoted });
    expect(spine.clock.monotonicMs() - startMs).toBeLessThan(10_000);
    await spine.world.runUntilQuiet();
    expect(await spine.artifacts.list()).toHaveLength(builds);
    expect((await revision(spine, 2)).status.phase).toBe('RolledBack');
    expect((await revision(spine, 3)).status.phase).toBe('Active');
  });

  it('asks for the command of a revision before its guests', { timeout: 30_000 }, async () => {
    const spine = await serving();
    await spine.edit(Service, 'web', (spec) => ({
      ...spec,
      restartedAt: 'now',
      preDeploy: { command: 'migrate', timeout: '30s' },
    }));
    await spine.world.runUntilQuiet({ until: async () => (await spine.all(Job)).length > 0 });
    const [job] = await spine.all(Job);
    expect(job?.spec).toMatchObject({ trigger: 'pre-deploy', deployment: 'web-r2' });
    expect((await spine.all(Guest)).map(({ metadata }) => metadata.name)).toEqual(['web-r1-0', 'web-r2-pre-run']);
    // The process of the fake supervisor never ends, so the run comes to its deadline.
    await spine.world.runUntilQuiet();
    expect((await revision(spine, 2)).status.failure).toMatch(/command before the rollout failed\. .*longer than 30s/);
    expect((await revision(spine, 1)).status.phase).toBe('Active');
    expect(spine.runningVmids()).toHaveLength(1);
  });
});
