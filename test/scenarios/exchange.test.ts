import { afterEach, describe, expect, it } from 'vitest';
import { Restore } from '../../crds/backup.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { HealthCheck } from '../../crds/workload.ts';
import { ExchangeWorld, MONDAY, TODAY } from './exchange-world.ts';

const worlds: ExchangeWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

async function scene(options: { guest?: boolean } = {}): Promise<ExchangeWorld> {
  const made = new ExchangeWorld();
  worlds.push(made);
  await made.beginWithVolume(options);
  return made;
}

const outcome = (here: ExchangeWorld): Promise<string> => here.said(Restore, 'friday');

describe('a volume that is restored in place', () => {
  it('has the data of the backup under its own name, in its own guest, and the disk from before is kept', async () => {
    const here = await scene();
    await here.restoreVolume();
    await here.world.runUntilQuiet();
    expect(await outcome(here)).toContain('Completed True RestoreCompleted');
    expect(await outcome(here)).toContain('The disk that it had before is that of Volume friday-restored now');
    await here.expectDisks({ data: MONDAY, kept: TODAY });
    expect((await here.get(Restore, 'friday')).status).toMatchObject({
      volume: 'data',
      previousVolume: 'friday-restored',
    });
  });

  it('serves until all that was restored has been read', async () => {
    const here = await scene();
    await here.restoreVolume();
    const isSwitching = async () => (await here.get(Restore, 'friday')).status.phase === 'Switching';
    await here.world.runUntilQuiet({
      until: async () => {
        const { vmid } = (await here.get(Guest, 'web')).status;
        expect(here.runningVmids()).toContain(vmid);
        return isSwitching();
      },
    });
    expect(here.readyOf(await here.get(Guest, 'web'))).toBe('True Healthy');
  });

  it('is restored where it is parked', async () => {
    const here = await scene({ guest: false });
    await here.restoreVolume();
    await here.world.runUntilQuiet();
    expect(await outcome(here)).toContain('Completed True RestoreCompleted');
    await here.expectDisks({ data: MONDAY, kept: TODAY, inUse: false });
  });

  it('gets back what it had when its guest does not come up with what was restored', async () => {
    const here = await scene();
    here.isPicky = true;
    await here.restoreVolume();
    await here.world.runUntilQuiet();
    expect(await outcome(here)).toContain('Failed False CrashLoop');
    expect(await outcome(here)).toContain('Volume data has what it had before; the restored data stay in Volume');
    await here.expectDisks({ data: TODAY, kept: MONDAY });
  });

  it('gets back what it had when its guest is not ready in time', async () => {
    const here = await scene();
    here.processes = 'unhealthy';
    await here.edit(Guest, 'web', (spec) => ({
      ...spec,
      healthCheck: HealthCheck.parse({ http: { path: '/', port: 80 } }),
    }));
    await here.restoreVolume();
    await here.world.runUntilQuiet({
      until: async () => (await here.get(Restore, 'friday')).status.phase === 'PuttingBack',
    });
    here.processes = 'healthy';
    await here.world.runUntilQuiet();
    expect(await outcome(here)).toContain('not ready with what was restored within ten minutes');
    expect((await here.diskOf('data'))?.content).toBe(TODAY);
  });

  it('keeps what it had when the restore is deleted half-way', async () => {
    const here = await scene();
    await here.restoreVolume();
    const isLeaving = async () => (await here.get(Volume, 'data')).status.exchange?.stage === 'leaving';
    await here.world.runUntilQuiet({ until: isLeaving });
    await here.remove(Restore, 'friday');
    await here.world.runUntilQuiet();
    expect(await here.names(Restore)).toEqual([]);
    await here.expectDisks({ data: TODAY, kept: MONDAY });
  });

  it('gets back what it had when the restore is deleted after the change', async () => {
    const here = await scene();
    here.isPicky = true;
    await here.restoreVolume();
    const isDone = async () => (await here.get(Volume, 'data')).status.exchange?.stage === 'done';
    await here.world.runUntilQuiet({ until: isDone });
    await here.remove(Restore, 'friday');
    await here.world.runUntilQuiet();
    expect(await here.names(Restore)).toEqual([]);
    await here.expectDisks({ data: TODAY, kept: MONDAY });
  });

  it('changes nothing when what was restored is not what was backed up', async () => {
    const here = await scene();
    here.broken.set('digest', { output: `${'0'.repeat(64)} 1 2\n` });
    await here.restoreVolume();
    await here.world.runUntilQuiet();
    expect(await outcome(here)).toContain('Failed False DigestMismatch');
    expect(await here.names(Volume)).toEqual(['data']);
    expect(here.disks()).toMatchObject([{ content: TODAY }]);
    expect(here.readyOf(await here.get(Guest, 'web'))).toBe('True Healthy');
  });

  it('can be restored again, and keeps each disk that it had', async () => {
    const here = await scene();
    await here.restoreVolume();
    await here.world.runUntilQuiet();
    await here.restoreVolume('saturday');
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'saturday')).toContain('Completed True RestoreCompleted');
    const contents = await Promise.all(
      ['data', 'friday-restored', 'saturday-restored'].map(async (name) => (await here.diskOf(name))?.content),
    );
    expect(contents).toEqual([MONDAY, TODAY, MONDAY]);
  });

  it.each([
    ['is larger in the backup', { size: '3Gi' }, 'Let it grow to 3Gi first'],
    ['was never made', undefined, 'was never made'],
  ])('is not begun with when it %s', async (_, origin, words) => {
    const here = await scene();
    if (origin) await here.sayOrigin(origin);
    else await here.create(Volume, 'fresh', {}, 'shop');
    await here.restoreVolume('friday', origin ? {} : { target: { kind: 'Volume', name: 'fresh' }, deadline: '10m' });
    await here.world.run(60_000);
    expect(await outcome(here)).toContain(words);
    expect((await here.get(Restore, 'friday')).status.volume).toBeUndefined();
  });
});
