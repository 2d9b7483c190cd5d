import { expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { BackupWorld } from './backup-world.ts';

it(
  'comes to one archive, and leaves nothing else, wherever the process dies over a backup',
  { timeout: 600_000 },
  async () => {
    const runs = await crashMatrix<BackupWorld>({
      make: (crash) => new BackupWorld({ crash }),
      async story(scene) {
        await scene.begin();
        await scene.backUp('one', { mode: 'dump', verify: true });
        await scene.world.runUntilQuiet();
      },
      async check(scene) {
        const { status } = await scene.get(Backup, 'one');
        expect(status.failure).toBeUndefined();
        expect(status).toMatchObject({ phase: 'Completed', verified: true });
        expect(scene.archives.map(({ volid }) => volid)).toEqual([status.volid]);
        expect([await scene.all(Guest), await scene.all(Volume)]).toMatchObject([{ length: 1 }, { length: 1 }]);
        // Each command ran once: a dump that is written twice would put load on the database twice.
        expect(scene.runs.begun.map(({ command }) => command)).toEqual(['dump', 'dump-read', 'digest', 'load']);
      },
    });
    console.log(`  ${runs} runs, one archive each time`);
  },
);

it('leaves no archive wherever the process dies over the deletion of a backup', { timeout: 600_000 }, async () => {
  await crashMatrix<BackupWorld>({
    make: (crash) => new BackupWorld({ crash }),
    async story(scene) {
      await scene.begin();
      await scene.backUp('one');
      await scene.world.runUntilQuiet({ until: () => scene.archives.length > 0 });
      await scene.remove(Backup, 'one');
      await scene.world.runUntilQuiet();
    },
    async check(scene) {
      expect([scene.archives, await scene.all(Backup)]).toEqual([[], []]);
      expect([await scene.all(Guest), await scene.all(Volume)]).toMatchObject([{ length: 1 }, { length: 1 }]);
    },
  });
});
