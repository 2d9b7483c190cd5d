import { describe, expect, it } from 'vitest';
import { Restore } from '../../crds/backup.ts';
import { Volume } from '../../crds/volume.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { ExchangeWorld, MONDAY, TODAY } from './exchange-world.ts';

function make(crash: CrashPoint | undefined): ExchangeWorld {
  return new ExchangeWorld(crash ? { crash } : {});
}

/** How it is restored and read is the story of other restores; here it begins where something is taken from the target. */
async function untilPhase(scene: ExchangeWorld, phase: Restore['status']['phase']): Promise<void> {
  const isThere = async () => (await scene.get(Restore, 'friday')).status.phase === phase;
  expect(await scene.world.runUntilQuiet({ until: isThere })).toMatchObject({ because: 'until' });
}

async function settle(scene: ExchangeWorld): Promise<void> {
  await scene.world.runUntilQuiet();
  scene.dispose();
}

describe('a process that dies before or after any change that an exchange of disks makes', () => {
  it('leaves each disk with one volume: what was restored is in use', { timeout: 600_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make,
      async before(scene) {
        await scene.beginWithVolume({ asIf: true });
        await scene.restoreVolume();
        await untilPhase(scene, 'Switching');
      },
      story: settle,
      async check(scene) {
        expect(await scene.said(Restore, 'friday')).toContain('Completed True RestoreCompleted');
        await scene.expectDisks({ data: MONDAY, kept: TODAY });
      },
    });
    console.log(`  ${runs} runs, the same world each time`);
    expect(runs).toBeGreaterThan(60);
  });

  it('leaves each disk with one volume: what was there before is put back', { timeout: 600_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make,
      async before(scene) {
        scene.isPicky = true;
        await scene.beginWithVolume({ asIf: true });
        await scene.restoreVolume();
        await untilPhase(scene, 'PuttingBack');
      },
      story: settle,
      async check(scene) {
        expect(await scene.said(Restore, 'friday')).toContain('Failed False CrashLoop');
        await scene.expectDisks({ data: TODAY, kept: MONDAY });
      },
    });
    console.log(`  ${runs} runs, the same world each time`);
  });

  it('leaves each disk with one volume: the restore is deleted on the way', { timeout: 600_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make,
      async before(scene) {
        scene.isPicky = true;
        await scene.beginWithVolume({ guest: false, asIf: true });
        await scene.restoreVolume();
        const isLeaving = async () => (await scene.get(Volume, 'data')).status.exchange?.stage === 'leaving';
        await scene.world.runUntilQuiet({ until: isLeaving });
      },
      async story(scene) {
        await scene.remove(Restore, 'friday');
        await settle(scene);
      },
      check: (scene) => scene.expectEither(),
      varies: true,
    });
    console.log(`  ${runs} runs, no disk lost`);
  });
});
