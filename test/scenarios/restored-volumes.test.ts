import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { RESTORED, RestoredVolumes, VOLID } from './restored-volumes.ts';

const worlds: RestoredVolumes[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

function world(options: ConstructorParameters<typeof RestoredVolumes>[0] = {}): RestoredVolumes {
  const made = new RestoredVolumes(options);
  worlds.push(made);
  return made;
}

const FROM = { source: { backup: 'monday' } };

describe('a volume that is made from a backup', () => {
  it('is parked with what the backup has, and with nothing else of the guest that was backed up', async () => {
    const scene = world();
    await scene.beginWithBackup();
    await scene.addVolume(FROM);
    await scene.world.runUntilQuiet();
    await scene.expectParked();
    expect((await scene.volume()).status.size).toBe('2Gi');
  });

  it('grows to what is asked for, and goes to the guest that is to have it', async () => {
    const scene = world();
    await scene.beginWithBackup();
    await scene.addVolume({ ...FROM, size: '3Gi', guest: 'web-1' });
    await scene.addGuest('web-1');
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-1', RESTORED);
    expect((await scene.volume()).status.size).toBe('3Gi');
  });

  it('keeps its data when the backup is gone, and is never restored over', async () => {
    const scene = world();
    await scene.beginWithBackup();
    await scene.addVolume(FROM);
    await scene.world.runUntilQuiet();
    for (const disk of scene.disks()) disk.content = 'written since';
    scene.proxmox.storages.get('local')?.backups.clear();
    await scene.say({ phase: 'Expired' });
    await scene.addGuest('web-1');
    await scene.give('web-1');
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-1', 'written since');
  });

  it.each([
    ['is damaged', { isDamaged: true }, 'premature end'],
    ['has no such volume', { volumes: new Map() }, 'no volume at /data'],
  ])('says why when the archive %s, leaves nothing, and can be deleted', async (_, over, words) => {
    const scene = world();
    await scene.beginWithBackup();
    scene.keepArchive(over);
    await scene.addVolume(FROM);
    await scene.world.run(120_000);
    const { status } = await scene.volume();
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'BackupUnreadable' });
    expect(ready?.message).toContain(words);
    await scene.drop(Volume, 'data');
    await scene.world.runUntilQuiet();
    await scene.expectNothing();
  });

  it('says why when the archive is gone, and goes on when it is back', async () => {
    const scene = world();
    await scene.beginWithBackup();
    scene.proxmox.storages.get('local')?.backups.delete(VOLID);
    await scene.addVolume(FROM);
    await scene.world.run(60_000);
    expect(scene.readyOf(await scene.volume())).toBe('False BackupUnreadable');
    scene.keepArchive();
    await scene.world.run(400_000);
    await scene.expectParked();
  });

  it.each([
    ['there is none', 'tuesday', {}, 'BackupNotFound'],
    ['it failed', 'monday', { phase: 'Failed' }, 'BackupNotFound'],
    ['it was not read back yet', 'monday', { phase: 'Verifying' }, 'Waiting'],
  ])('makes nothing of a backup when %s', async (_, backup, status, reason) => {
    const scene = world();
    await scene.beginWithBackup(status);
    await scene.addVolume({ source: { backup }, guest: 'web-1', retain: false });
    await scene.addGuest('web-1');
    await scene.world.run(60_000);
    expect(scene.readyOf(await scene.volume())).toBe(`False ${reason}`);
    expect(scene.disks()).toEqual([]);
    await scene.drop(Volume, 'data');
    await scene.drop(Guest, 'web-1');
    await scene.world.runUntilQuiet();
    await scene.expectNothing();
  });

  it('is made for the trial of a backup before that is completed', async () => {
    const scene = world();
    await scene.beginWithBackup({ phase: 'Verifying', trial: { volume: 'data', guest: 'trial' } });
    await scene.addVolume(FROM);
    await scene.world.runUntilQuiet();
    await scene.expectParked();
  });

  it('is made on a node that has the storage of the backup', async () => {
    const scene = world({ nodes: ['pve1', 'pve2'] });
    await scene.beginWithBackup();
    await scene.addVolume(FROM);
    await scene.world.runUntilQuiet();
    expect((await scene.volume()).status.node).toBe('pve1');

    scene.proxmox.isolateNode('pve1');
    await scene.world.run(60_000);
    await scene.addVolume(FROM, 'late');
    await scene.world.run(60_000);
    expect(scene.readyOf(await scene.volume('late'))).toBe('False Unschedulable');
    scene.proxmox.bringNodeBack('pve1');
    await scene.world.runUntilQuiet();
    expect(scene.readyOf(await scene.volume('late'))).toBe('True VolumeParked');
  });

  it('leaves no second guest and loses none when its vmid is taken meanwhile', async () => {
    const scene = world();
    await scene.beginWithBackup();
    scene.proxmox.intercept('restoreGuest', { before: () => scene.proxmox.addStranger(20_000) });
    await scene.addVolume(FROM);
    await scene.world.runUntilQuiet();
    const { status } = await scene.volume();
    expect(status.vmid).toBe(20_001);
    expect([...scene.proxmox.guests.keys()].sort()).toEqual([20_000, 20_001]);
  });

  it('finds the restore whose answer was lost', async () => {
    const scene = world();
    await scene.beginWithBackup();
    scene.proxmox.intercept('restoreGuest', { loseAnswer: true });
    await scene.addVolume(FROM);
    await scene.world.runUntilQuiet();
    await scene.expectParked();
  });

  it('ends in the same world wherever the process dies', { timeout: 900_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make: (crash) => world(crash ? { crash } : {}),
      before: (scene) => scene.beginWithBackup(),
      async story(scene) {
        await scene.addVolume({ ...FROM, retain: false });
        await scene.world.runUntilQuiet();
        await scene.expectParked();
        await scene.addGuest('web-1');
        await scene.give('web-1');
        await scene.world.runUntilQuiet();
        await scene.expectServing('web-1', RESTORED);
        await scene.drop(Guest, 'web-1');
        await scene.drop(Volume, 'data');
        await scene.world.runUntilQuiet();
      },
      check: (scene) => scene.expectNothing(),
    });
    console.log(`  ${runs} runs, the same world each time`);
    expect(runs).toBeGreaterThan(60);
  });

  it('leaves nothing of a restore that fails, wherever the process dies', { timeout: 900_000 }, async () => {
    const runs = await crashMatrix({
      onlyChanges: true,
      make: (crash) => world(crash ? { crash } : {}),
      before: (scene) => scene.beginWithBackup(),
      async story(scene) {
        scene.keepArchive({ isDamaged: true });
        await scene.addVolume(FROM);
        const hasFailed = async () => scene.readyOf(await scene.volume()) === 'False BackupUnreadable';
        expect(await scene.world.runUntilQuiet({ until: hasFailed })).toMatchObject({ because: 'until' });
        await scene.drop(Volume, 'data');
        await scene.world.runUntilQuiet();
      },
      check: (scene) => scene.expectNothing(),
      varies: true,
    });
    console.log(`  ${runs} runs, nothing left each time`);
  });
});
