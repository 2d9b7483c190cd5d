import { describe, expect, it } from 'vitest';
import { Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { RestoreWorld } from './restore-world.ts';
import { OLD } from './restore-world.ts';

describe('a restore in place', () => {
  it('gives the database the data and the login of the backup, at the same address, and keeps what it had', async () => {
    const scene = new RestoreWorld();
    const { password, endpoint } = await scene.born();
    await scene.backUp();
    await scene.restore();
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Completed RestoreCompleted');
    expect((await scene.expectServing('friday-restored', OLD)).endpoint).toBe(endpoint);
    await scene.expectKept('main-db-data', password);
    expect(await scene.all(Guest)).toHaveLength(1);
    const { status } = await scene.get(Restore, 'friday');
    expect(status).toMatchObject({ previousVolume: 'main-db-data', switchTo: 'friday-restored' });
    expect(status.restoreTime).toMatch(/^\d+s$/);
  });

  it('leaves the database serving until the new data are proven', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    await scene.restore();
    const isProven = async (): Promise<boolean> => {
      const { status } = await scene.get(Restore, 'friday');
      if (status.phase === 'Switching') return true;
      expect(await scene.said()).toContain('True Answering');
      expect(scene.host.disks.get('main-db-data')).toBe(password);
      return false;
    };
    expect(await scene.world.runUntilQuiet({ until: isProven })).toMatchObject({ because: 'until' });
    await scene.world.runUntilQuiet({
      until: async () => (await scene.get(Database, 'main')).status.phase === 'Restoring',
    });
    expect((await scene.get(Database, 'main')).status.phase).toBe('Restoring');
    await scene.world.runUntilQuiet();
    await scene.expectServing('friday-restored', OLD);
  });

  it('changes nothing when what was restored is not what was backed up', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    scene.digest = 'd'.repeat(64);
    await scene.restore();
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Failed DigestMismatch');
    await scene.expectServing('main-db-data', password);
    expect(await scene.all(Volume)).toHaveLength(1);
    expect(await scene.all(Guest)).toHaveLength(1);
  });

  it('changes nothing when the archive cannot be read', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    scene.host.archives.clear();
    await scene.restore();
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Failed BackupUnreadable');
    await scene.expectServing('main-db-data', password);
    expect(await scene.all(Volume)).toHaveLength(1);
  });

  it('changes nothing when the engine refuses the login of the backup', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    scene.host.archives.set('monday', 'set up with yet another');
    await scene.restore();
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Failed LoginDenied');
    await scene.expectServing('main-db-data', password);
  });

  it('puts back what the database had, login and all, when it does not come up', async () => {
    const scene = new RestoreWorld();
    const { password, endpoint } = await scene.born();
    await scene.backUp();
    scene.isRefused = true;
    await scene.restore();
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Failed LoginDenied');
    expect(await scene.outcome()).toContain('has Volume main-db-data again');
    expect((await scene.expectServing('main-db-data', password)).endpoint).toBe(endpoint);
    await scene.expectKept('friday-restored', OLD);
  });

  it('is taken back when it is deleted half-way, and leaves nothing else', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    await scene.restore();
    const isSwitching = async () => (await scene.get(Database, 'main')).status.phase === 'Restoring';
    await scene.world.runUntilQuiet({ until: isSwitching });
    await scene.remove(Restore, 'friday');
    expect(await scene.all(Restore)).toEqual([]);
    await scene.expectServing('main-db-data', password);
  });

  it('stays done when it is deleted, and what was done before it is not done again', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    await scene.restore();
    await scene.world.runUntilQuiet();
    await scene.restore('main', 'saturday');
    await scene.world.runUntilQuiet();
    await scene.expectServing('saturday-restored', OLD);
    await scene.remove(Restore, 'saturday');
    await scene.expectServing('saturday-restored', OLD);
    await scene.expectKept('main-db-data', password);
  });

  it('waits for another of the same database', async () => {
    const scene = new RestoreWorld();
    await scene.born();
    await scene.backUp();
    await scene.restore();
    const hasBegun = async () => (await scene.get(Restore, 'friday')).status.inPlace === true;
    await scene.world.runUntilQuiet({ until: hasBegun });
    await scene.restore('main', 'saturday');
    await scene.world.runUntilQuiet({ until: async () => (await scene.outcome('saturday')).includes('RestoreQueued') });
    expect(await scene.outcome('saturday')).toContain('Restore friday of Database main comes first');
    await scene.world.runUntilQuiet();
    expect(await scene.outcome('friday')).toContain('Completed');
    expect(await scene.outcome('saturday')).toContain('Completed');
    await scene.expectServing('saturday-restored', OLD);
  });

  it.each([
    ['of another engine', {}, { engine: 'redis', version: '8' }, 'one of Redis'],
    ['of a newer series', {}, { version: '18.1' }, 'newer than the 17'],
    ['that failed', {}, { phase: 'Failed' }, 'is Failed'],
    ['to a database that is stopped', { power: 'stopped' }, {}, 'is stopped'],
  ])('is refused with a backup %s', async (_, change, status, words) => {
    const scene = new RestoreWorld();
    await scene.born();
    if ('power' in change) await scene.edit({ power: 'stopped' });
    await scene.backUp(status);
    await scene.restore();
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Failed');
    expect(await scene.outcome()).toContain(words);
    expect(await scene.all(Volume)).toHaveLength(1);
  });

  it('is taken up with the right disk by the next database of the name', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp();
    await scene.restore();
    await scene.world.runUntilQuiet();
    await scene.remove(Database, 'main');
    await scene.create(Database, 'main', { engine: 'postgresql', version: '17' });
    await scene.world.runUntilQuiet();
    await scene.expectServing('friday-restored', OLD);
    await scene.expectKept('main-db-data', password);
  });
});

describe('a restore to a new database', () => {
  it('makes it with data, login, series and plan of the backup, and leaves the other alone', async () => {
    const scene = new RestoreWorld();
    const { password } = await scene.born();
    await scene.backUp({ origin: { uid: 'x', region: 'default', plan: 'hobby', size: '5Gi', mountPath: '/d' } });
    await scene.restore('copy');
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Completed RestoreCompleted');
    await scene.expectServing('copy-db-data', OLD, 'copy');
    expect((await scene.get(Database, 'copy')).spec).toMatchObject({ version: '17', plan: 'hobby' });
    expect((await scene.get(Volume, 'copy-db-data')).spec.size).toBe('5Gi');
    await scene.expectServing('main-db-data', password);
    await scene.remove(Restore, 'friday');
    await scene.expectServing('copy-db-data', OLD, 'copy');
  });

  it('says Restoring meanwhile', async () => {
    const scene = new RestoreWorld();
    await scene.backUp();
    await scene.restore('copy');
    const isRestoring = async () => (await scene.all(Database)).some(({ status }) => status.phase === 'Restoring');
    expect(await scene.world.runUntilQuiet({ until: isRestoring })).toMatchObject({ because: 'until' });
  });

  it('says why when the archive cannot be read', async () => {
    const scene = new RestoreWorld();
    await scene.backUp();
    scene.host.archives.clear();
    await scene.restore('copy');
    await scene.world.runUntilQuiet();
    expect(await scene.outcome()).toContain('Failed BackupUnreadable');
    expect((await scene.get(Database, 'copy')).status.phase).toBe('Failed');
    await scene.remove(Database, 'copy');
    expect(await scene.all(Database)).toEqual([]);
  });

  it.each([
    [{ engine: 'redis' }, 'Rejected'],
    [{ engine: 'postgresql', version: '16' }, 'Rejected'],
    [{ engine: 'postgresql', source: { backup: 'tuesday' } }, 'BackupNotFound'],
  ])('is refused by a database that does not fit: %j', async (spec, reason) => {
    const scene = new RestoreWorld();
    await scene.backUp();
    await scene.create(Database, 'main', { source: { backup: 'monday' }, ...spec });
    await scene.world.runUntilQuiet();
    expect(await scene.said()).toContain(`False ${reason}`);
    expect(await scene.all(Volume)).toEqual([]);
    expect((await scene.all(Secret)).map(({ metadata }) => metadata.name)).toEqual(['monday-credentials']);
  });
});
