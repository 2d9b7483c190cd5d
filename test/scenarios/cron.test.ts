import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Service } from '../../crds/service.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { expectLeavesNothing } from './expectations.ts';
import { ServiceWorld } from './service-world.ts';
import { SpineWorld } from './spine-world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface CronOptions {
  crash?: CrashPoint | undefined;
  startedAt?: Date;
  spec?: Record<string, unknown>;
}

async function cron({ spec = {}, ...options }: CronOptions = {}): Promise<ServiceWorld> {
  const scene = new ServiceWorld(options);
  await scene.service('nightly', { type: 'cron', schedule: '*/10 * * * *', ...spec });
  await scene.world.run(MINUTE_MS);
  return scene;
}

/** When runs were due, and how they stand. */
async function runsOf(scene: ServiceWorld): Promise<string[]> {
  const jobs = await scene.all(Job);
  return jobs.map(({ spec, status }) => `${spec.scheduledAt?.slice(11, 16)} ${status.phase}`).toSorted();
}

function skipped(scene: ServiceWorld): string[] {
  return scene.world.events.filter(({ reason }) => reason === 'RunSkipped').map(({ message }) => message);
}

describe('a service on a schedule', () => {
  it('makes a run when one is due, each in a guest of its own that goes afterwards', async () => {
    const scene = await cron();
    expect(await scene.said('nightly')).toBe('True Available: Revision 1 runs by its schedule.');
    expect(await scene.all(Guest)).toEqual([]);
    await scene.world.run(30 * MINUTE_MS);
    expect(await runsOf(scene)).toEqual(['00:10 Succeeded', '00:20 Succeeded', '00:30 Succeeded']);
    expect(await scene.all(Guest)).toEqual([]);
    expect(scene.host.started).toHaveLength(3);
    const { status } = await scene.get(Service, 'nightly');
    expect(status).toMatchObject({
      lastScheduledAt: '2026-01-01T00:30:00.000Z',
      nextScheduleAt: '2026-01-01T00:40:00.000Z',
      replicas: { summary: '0/0' },
    });
    expect(await scene.said('nightly', 'LastRunSucceeded')).toContain('True JobSucceeded');
  });

  it('starts each run within a second of its time', async () => {
    const scene = await cron();
    await scene.world.run(HOUR_MS);
    for (const { spec, metadata } of await scene.all(Job)) {
      const lateMs = Date.parse(metadata.creationTimestamp) - Date.parse(spec.scheduledAt ?? '');
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(1_000);
    }
  });

  it('keeps as many ended runs as it is asked to, and the newest', async () => {
    const scene = await cron({ spec: { historyLimit: 2 } });
    await scene.world.run(65 * MINUTE_MS);
    expect(await runsOf(scene)).toEqual(['00:50 Succeeded', '01:00 Succeeded']);
    expect([...scene.logs.lines.keys()]).toEqual([]);
  });

  it('says how a run failed', async () => {
    const scene = await cron();
    scene.runs.code = 3;
    await scene.world.run(12 * MINUTE_MS);
    expect(await runsOf(scene)).toEqual(['00:10 Failed']);
    const [job] = await scene.all(Job);
    expect(job?.status).toMatchObject({ exitCode: 3, failure: 'The run ended with code 3.' });
    expect(await scene.said('nightly', 'LastRunSucceeded')).toContain('ended with code 3');
    expect(await scene.said('nightly')).toContain('True Available');
  });

  it.each([
    ['Forbid', ['00:10 Running'], 1],
    ['Allow', ['00:10 Running', '00:20 Running'], 2],
    ['Replace', ['00:10 Cancelled', '00:20 Running'], 1],
  ] as const)('%s: what happens while the run before still goes on', async (concurrencyPolicy, runs, guests) => {
    const scene = await cron({ spec: { concurrencyPolicy } });
    scene.runs.ms = 24 * HOUR_MS;
    await scene.world.run(22 * MINUTE_MS);
    expect(await runsOf(scene)).toEqual(runs);
    expect(scene.host.guests.size).toBe(guests);
    expect(skipped(scene)).toHaveLength(concurrencyPolicy === 'Forbid' ? 1 : 0);
  });

  it('makes up for the latest of the runs that were missed, and records the others', async () => {
    const scene = await cron();
    await scene.world.restart();
    scene.clock.pause(35 * MINUTE_MS);
    await scene.world.run(MINUTE_MS);
    expect(await runsOf(scene)).toEqual(['00:30 Succeeded']);
    expect(skipped(scene)).toEqual([expect.stringMatching(/^2 runs were missed/)]);
  });

  it('leaves out what is too late', async () => {
    const scene = await cron({ spec: { schedule: '0 3 * * *' } });
    await scene.world.restart();
    scene.clock.pause(9 * HOUR_MS);
    await scene.world.run(MINUTE_MS);
    expect(await runsOf(scene)).toEqual([]);
    expect(skipped(scene)).toEqual([expect.stringMatching(/^A run was missed/)]);
    expect((await scene.get(Service, 'nightly')).status.nextScheduleAt).toBe('2026-01-02T03:00:00.000Z');
  });

  it('does nothing while it is suspended, and catches nothing up after that', async () => {
    const scene = await cron();
    await scene.edit(Service, 'nightly', (spec) => ({ ...spec, suspended: true }));
    await scene.world.run(35 * MINUTE_MS);
    expect((await scene.get(Service, 'nightly')).status.nextScheduleAt).toBeUndefined();
    await scene.edit(Service, 'nightly', (spec) => ({ ...spec, suspended: false }));
    await scene.world.run(MINUTE_MS);
    expect(await runsOf(scene)).toEqual([]);
    await scene.world.run(5 * MINUTE_MS);
    expect(await runsOf(scene)).toEqual(['00:40 Succeeded']);
    expect(skipped(scene)).toEqual([]);
  });

  it('begins another schedule without a past', async () => {
    const scene = await cron({ spec: { schedule: '0 3 * * *' } });
    await scene.world.run(35 * MINUTE_MS);
    await scene.edit(Service, 'nightly', (spec) => ({ ...spec, schedule: '*/30 * * * *' }));
    await scene.world.run(MINUTE_MS);
    expect(await runsOf(scene)).toEqual([]);
    expect((await scene.get(Service, 'nightly')).status.nextScheduleAt).toBe('2026-01-01T01:00:00.000Z');
  });

  it('goes by the clocks of its time zone', async () => {
    const spec = { schedule: '30 2 * * *', timeZone: 'Europe/Berlin' };
    // In this night clocks go back, and half past two comes twice.
    const scene = await cron({ startedAt: new Date('2026-10-25T00:00:00Z'), spec });
    await scene.world.run(3 * HOUR_MS);
    expect(await runsOf(scene)).toEqual(['00:30 Succeeded']);
  });

  it('says so when the schedule never comes due', async () => {
    const scene = await cron({ spec: { schedule: '0 0 30 2 *' } });
    expect(await scene.said('nightly')).toBe(
      'False ScheduleInvalid: spec.schedule never comes due. Correct the day or the month.',
    );
    expect(await scene.said('nightly', 'Stalled')).toContain('True ScheduleInvalid');
  });

  it('ends a run that is cancelled, and takes its runs along when it goes', async () => {
    const scene = await cron();
    scene.runs.ms = 24 * HOUR_MS;
    await scene.world.run(10 * MINUTE_MS);
    const [job] = await scene.all(Job);
    await scene.edit(Job, job?.metadata.name ?? '', (spec) => ({ ...spec, cancelled: true }));
    await scene.world.run(MINUTE_MS);
    expect(await runsOf(scene)).toEqual(['00:10 Cancelled']);
    expect(scene.host.guests.size).toBe(0);
    await scene.world.run(10 * MINUTE_MS);
    await scene.remove(Service, 'nightly');
    await scene.world.run(MINUTE_MS);
    expect(await scene.all(Job)).toEqual([]);
    expect(scene.host.guests.size).toBe(0);
  });

  it('makes every run exactly once wherever the process dies', async () => {
    const runs = await crashMatrix({
      make: (crash) => new ServiceWorld({ crash }),
      async story(scene) {
        await scene.service('nightly', { type: 'cron', schedule: '* * * * *', historyLimit: 1 });
        await scene.world.run(2.5 * MINUTE_MS);
      },
      async check(scene) {
        expect(scene.host.started).toHaveLength(2);
        expect(new Set(scene.host.started).size).toBe(2);
        expect(await runsOf(scene)).toEqual(['00:02 Succeeded']);
        expect(scene.host.guests.size).toBe(0);
        expect(skipped(scene)).toEqual([]);
      },
    });
    expect(runs).toBeGreaterThan(50);
  });
});

describe('a service on a schedule, with all that is below it', () => {
  const worlds: SpineWorld[] = [];

  afterEach(() => {
    for (const world of worlds.splice(0)) world.dispose();
  });

  it('runs in guests on Proxmox, one for each run, and leaves nothing behind', async () => {
    const spine = new SpineWorld();
    worlds.push(spine);
    spine.processes = 'ending';
    await spine.prepare();
    await spine.createService('nightly', { type: 'cron', schedule: '*/10 * * * *', historyLimit: 2 });
    await spine.world.run(33 * MINUTE_MS);
    const jobs = await spine.all(Job);
    expect(jobs.map(({ spec, status }) => `${spec.scheduledAt?.slice(11, 16)} ${status.phase}`).toSorted()).toEqual([
      '00:20 Succeeded',
      '00:30 Succeeded',
    ]);
    expect(jobs.map(({ status }) => status.exitCode)).toEqual([0, 0]);
    expect([...spine.proxmox.guests.keys()]).toEqual([]);
    await expectLeavesNothing(spine, 'nightly');
    expect(await spine.all(Job)).toEqual([]);
  });
});
