import { afterEach, describe, expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';

const worlds: DataWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

async function scene(options: ConstructorParameters<typeof DataWorld>[0] = {}): Promise<DataWorld> {
  const made = new DataWorld(options);
  worlds.push(made);
  await made.begin();
  return made;
}

describe('the life of a database with backups', () => {
  it('is backed up and verified, restored in place and as a new one, and leaves nothing but what is to be kept', async () => {
    const here = await scene();
    await here.born();
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.write('before the backup')).toBe(true);

    await here.backUp('one', { verify: true });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one')).toContain('Completed True BackupCompleted');
    expect(await here.said(Backup, 'one', 'RestoreVerified')).toContain('True RestoreVerified');
    expect(await here.names(Guest)).toHaveLength(1);
    expect(here.proxmox.guests.size).toBe(1);
    expect(here.disks()).toHaveLength(1);

    expect(await here.write('after the backup')).toBe(true);
    await here.restore('back', 'one');
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'back')).toContain('Completed True RestoreCompleted');
    expect(await here.rows()).toEqual(['before the backup']);
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    // What it had is kept, parked, and so is all that was written on it.
    const kept = (await here.get(Restore, 'back')).status.previousVolume ?? '';
    expect((await here.diskOf(kept))?.content).toContain('after the backup');
    await expectOnly(here, { guests: 1, volumes: 2 });

    await here.restore('copy-of-one', 'one', 'copy');
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'copy-of-one')).toContain('Completed True RestoreCompleted');
    expect(await here.rows('copy')).toEqual(['before the backup']);
    await expectOnly(here, { guests: 2, volumes: 3 });

    for (const name of ['back', 'copy-of-one']) await here.remove(Restore, name);
    for (const name of ['main', 'copy']) await here.remove(Database, name);
    await here.remove(Backup, 'one');
    await here.world.runUntilQuiet();
    expect([await here.names(Backup), await here.names(Restore), await here.names(Database)]).toEqual([[], [], []]);
    expect(here.archives).toEqual([]);
    // retain is the default: three volumes lie parked, each with the login that its data know.
    await expectOnly(here, { guests: 0, volumes: 3 });
    const logins = ['back-restored-credentials', 'copy-credentials', 'main-credentials', 'main-db-data-credentials'];
    expect(await here.names(Secret)).toEqual(logins);
    for (const name of await here.names(Volume)) {
      await here.edit(Volume, name, (spec) => ({ ...spec, retain: false }));
      await here.remove(Volume, name);
    }
    await here.world.runUntilQuiet();
    await expectOnly(here, { guests: 0, volumes: 0 });
    expect(here.proxmox.storages.get('local-lvm')?.usedBytes).toBeCloseTo(0);
  });

  it('is backed up with a dump that the engine takes in again', async () => {
    const here = await scene();
    await here.born();
    await here.write('one row');
    await here.backUp('dumped', { mode: 'dump', verify: true });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'dumped')).toContain('Completed True BackupCompleted');
    expect((await here.get(Backup, 'dumped')).status).toMatchObject({ verified: true, dump: { sizeBytes: 11 } });
    await expectOnly(here, { guests: 1, volumes: 1 });
  });

  it('is backed up while it is stopped, and with a stop', async () => {
    const here = await scene();
    await here.born();
    await here.write('one row');
    await here.backUp('with-a-stop', { mode: 'stop' });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'with-a-stop')).toContain('Completed True');
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    await here.edit(Database, 'main', (spec) => ({ ...spec, power: 'stopped' as const }));
    await here.world.runUntilQuiet();
    await here.backUp('stopped', { verify: true });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'stopped')).toContain('Completed True');
    expect((await here.get(Backup, 'stopped')).status.verified).toBe(true);
    expect(await here.said(Database, 'main')).toContain('Stopped');
    await here.edit(Database, 'main', (spec) => ({ ...spec, power: 'running' as const }));
    await here.world.runUntilQuiet();
    expect(await here.rows()).toEqual(['one row']);
  });
});

describe('the volume of a service', () => {
  const VOLUMES = { volumes: [{ name: 'files', mountPath: '/files', size: '1Gi' }], replicas: 1 };

  async function served(): Promise<DataWorld> {
    const here = await scene();
    await here.createService('web', VOLUMES);
    await here.world.runUntilQuiet();
    expect(here.readyOf(await here.service())).toBe('True Available');
    const disk = await here.diskOf('web-files');
    if (disk) disk.content = 'pictures';
    return here;
  }

  async function expectRestored(here: DataWorld): Promise<void> {
    await here.create(Restore, 'back', { backup: 'one', target: { kind: 'Volume', name: 'copy' } }, 'shop');
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'back')).toContain('Completed True RestoreCompleted');
    expect((await here.diskOf('copy'))?.content).toBe('pictures');
  }

  async function backUp(here: DataWorld): Promise<void> {
    await here.backUp('one', { source: { kind: 'Volume', name: 'web-files' }, verify: true });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one')).toContain('Completed True BackupCompleted');
    expect((await here.get(Backup, 'one')).status.verified).toBe(true);
  }

  it('is backed up through the guest that runs with it, and restored as a new one', async () => {
    const here = await served();
    await backUp(here);
    await expectOnly(here, { guests: 1, volumes: 1 });
    await expectRestored(here);
    expect(here.readyOf(await here.service())).toBe('True Available');
    await expectOnly(here, { guests: 1, volumes: 2 });
  });

  it('is backed up through its keeper while it is parked, and restored', async () => {
    const here = await served();
    await here.edit(Service, 'web', (spec) => ({ ...spec, replicas: 0 }));
    await here.world.runUntilQuiet();
    expect(here.readyOf(await here.get(Volume, 'web-files'))).toBe('True VolumeParked');
    await backUp(here);
    await expectRestored(here);
    await expectOnly(here, { guests: 0, volumes: 2 });
  });

  it('is mounted again by its keeper when a hand took it out, so that a backup takes it along', async () => {
    const here = await served();
    await here.edit(Service, 'web', (spec) => ({ ...spec, replicas: 0 }));
    await here.world.runUntilQuiet();
    const { keeperVmid = 0, key = '' } = (await here.get(Volume, 'web-files')).status;
    await here.proxmox.configureGuest('pve1', keeperVmid, { remove: [key] }, new AbortController().signal);
    expect(Object.keys(here.proxmox.guests.get(keeperVmid)?.config.unused ?? {})).toEqual(['unused0']);
    await here.world.run(10 * 60_000);
    expect(Object.keys(here.proxmox.guests.get(keeperVmid)?.config.unused ?? {})).toEqual([]);
    await backUp(here);
    await expectRestored(here);
    await expectOnly(here, { guests: 0, volumes: 2 });
  });
});

/** On Proxmox there are these guests, a keeper for each volume that no guest has, and not a disk besides. */
async function expectOnly(here: DataWorld, { guests, volumes }: { guests: number; volumes: number }): Promise<void> {
  const parked = (await here.all(Volume)).filter(({ status }) => status.attachedUid === undefined);
  expect(await here.names(Guest)).toHaveLength(guests);
  expect(await here.names(Volume)).toHaveLength(volumes);
  expect(here.proxmox.guests.size).toBe(guests + parked.length);
  expect(here.disks()).toHaveLength(volumes);
  for (const { lock } of here.proxmox.guests.values()) expect(lock).toBeUndefined();
}
