import { describe, expect, it } from 'vitest';
import { Restore } from '../../crds/backup.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { OLD, RestoreWorld } from './restore-world.ts';

/** What the database had before, in each run. */
const passwords = new WeakMap<RestoreWorld, string>();

async function begin(scene: RestoreWorld): Promise<void> {
  const { password } = await scene.born();
  passwords.set(scene, password);
  await scene.backUp();
}

describe('a process that dies over any change that a restore makes', () => {
  it('ends in the same world: in place', { timeout: 900_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make: (crash) => new RestoreWorld({ crash }),
      before: begin,
      async story(scene) {
        await scene.restore();
        await scene.world.runUntilQuiet();
      },
      async check(scene) {
        expect(await scene.outcome()).toContain('Completed RestoreCompleted');
        await scene.expectServing('friday-restored', OLD);
        await scene.expectKept('main-db-data', passwords.get(scene) ?? '');
        expect(await scene.all(Guest)).toHaveLength(1);
        expect(scene.host.guests.size).toBe(1);
      },
    });
    console.log(`  ${runs} runs, the same world each time`);
    expect(runs).toBeGreaterThan(80);
  });

  it('ends in the same world: to a new database', { timeout: 900_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make: (crash) => new RestoreWorld({ crash }),
      before: (scene) => scene.backUp(),
      async story(scene) {
        await scene.restore('copy');
        await scene.world.runUntilQuiet();
      },
      async check(scene) {
        expect(await scene.outcome()).toContain('Completed RestoreCompleted');
        await scene.expectServing('copy-db-data', OLD, 'copy');
        expect(await scene.all(Volume)).toHaveLength(1);
        expect(scene.host.guests.size).toBe(1);
      },
    });
    console.log(`  ${runs} runs, the same world each time`);
  });

  it('ends in the same world: put back', { timeout: 900_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make: (crash) => {
        const scene = new RestoreWorld({ crash });
        scene.isRefused = true;
        return scene;
      },
      async before(scene) {
        await begin(scene);
        await scene.restore();
        const isSwitching = async () => (await scene.get(Restore, 'friday')).status.phase === 'Switching';
        await scene.world.runUntilQuiet({ until: isSwitching });
      },
      async story(scene) {
        await scene.world.runUntilQuiet();
        expect(await scene.outcome()).toContain('Failed LoginDenied');
        await scene.remove(Restore, 'friday');
      },
      async check(scene) {
        await scene.expectServing('main-db-data', passwords.get(scene) ?? '');
        await scene.expectKept('friday-restored', OLD);
        expect(scene.host.guests.size).toBe(1);
      },
    });
    console.log(`  ${runs} runs, the same world each time`);
  });
});
