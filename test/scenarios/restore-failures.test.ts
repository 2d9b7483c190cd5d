import { afterEach, describe, expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';
import { dataText, readData } from './engine-data.ts';

const MINUTE_MS = 60_000;
const worlds: DataWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** A database with "first", of which a good backup was taken, and "second", written after that. */
async function scene(): Promise<DataWorld> {
  const here = new DataWorld();
  worlds.push(here);
  await here.begin();
  await here.born();
  await here.write('first');
  await here.backUp('good');
  await here.world.runUntilQuiet();
  expect(await here.said(Backup, 'good')).toContain('Completed True');
  await here.write('second');
  return here;
}

async function until(here: DataWorld, phase: Restore['status']['phase']): Promise<void> {
  const report = await here.world.runUntilQuiet({
    until: async () => (await here.get(Restore, 'back')).status.phase === phase,
  });
  expect(report.because).toBe('until');
}

/** The database serves all that was ever acknowledged, and nothing of the restore is left. */
async function expectUnharmed(here: DataWorld): Promise<void> {
  await here.world.runUntilQuiet();
  expect(await here.said(Database, 'main')).toContain('Running True Answering');
  expect(await here.rows()).toEqual(['first', 'second']);
  expect(await here.names(Guest)).toHaveLength(1);
  expect(await here.names(Volume)).toEqual(['main-db-data']);
  expect(here.disks()).toHaveLength(1);
  expect(here.proxmox.guests.size).toBe(1);
}

/** The database has what the backup has; what it had is parked. */
async function expectRestored(here: DataWorld): Promise<void> {
  await here.world.runUntilQuiet();
  expect(await here.said(Restore, 'back')).toContain('Completed True RestoreCompleted');
  expect(await here.said(Database, 'main')).toContain('Running True Answering');
  expect(await here.rows()).toEqual(['first']);
  expect((await here.diskOf('main-db-data'))?.content).toContain('second');
  expect(await here.names(Guest)).toHaveLength(1);
  expect(here.disks()).toHaveLength(2);
  expect(here.proxmox.guests.size).toBe(2);
}

describe('a restore that cannot be had', () => {
  it.each<[string, (here: DataWorld) => void, RegExp]>([
    [
      'its archive was removed by hand',
      ({ backups }) => backups.backups.clear(),
      /Failed False BackupUnreadable: .*does not exist/,
    ],
    [
      'its archive is damaged by now',
      ({ archives }) => archives.forEach((one) => (one.isDamaged = true)),
      /Failed False BackupUnreadable: .*premature end/,
    ],
    [
      'its archive was replaced by another of the same name',
      ({ archives }) =>
        archives.forEach((archive) => {
          const [[key, { bytes, content }] = ['mp0', { bytes: 1, content: '' }]] = archive.volumes;
          const rows = ['what somebody else wrote'];
          const data = readData(content);
          archive.volumes = new Map([[key, { bytes, content: data ? dataText({ ...data, rows }) : '' }]]);
        }),
      /Failed False DigestMismatch: What was restored is not what was backed up.* Restore another backup/,
    ],
  ])('says why when %s, and the database serves on', async (_, harm, words) => {
    const here = await scene();
    harm(here);
    await here.restore('back', 'good', 'main', { deadline: '30m' });
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'back')).toMatch(words);
    await expectUnharmed(here);
    await here.backUp('again');
    await here.world.runUntilQuiet();
    await here.restore('once-more', 'again');
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'once-more')).toContain('Completed True');
    expect(await here.rows()).toEqual(['first', 'second']);
  });

  it.each<[string, (here: DataWorld) => void, (here: DataWorld) => void, RegExp]>([
    [
      'the storage for disks is full',
      ({ proxmox }) => proxmox.storages.forEach((one) => (one.totalBytes = one.usedBytes)),
      ({ proxmox }) => proxmox.storages.forEach((one) => (one.totalBytes = 2 ** 40)),
      /Restoring False \w+: .*insufficient free space.* Free space/,
    ],
    [
      'the node is offline',
      ({ proxmox }) => proxmox.isolateNode('pve1'),
      ({ proxmox }) => proxmox.bringNodeBack('pve1'),
      /Restoring False \w+: No node of region "default" that answers has the storage local with Backup good/,
    ],
  ])('waits while %s, says so, and is done after that', async (_, harm, mend, words) => {
    const here = await scene();
    harm(here);
    await here.world.run(30_000);
    await here.restore('back', 'good');
    await here.world.run(5 * MINUTE_MS);
    expect(await here.said(Restore, 'back')).toMatch(words);
    mend(here);
    await expectRestored(here);
  });
});

const STATES = ['Pending', 'Safeguarding', 'Restoring', 'Starting', 'Verifying', 'Switching'] as const;

describe('a restore in place', () => {
  it.each(STATES)('ends well when the process is killed while it is %s', async (state) => {
    const here = await scene();
    await here.restore('back', 'good');
    await until(here, state);
    await here.world.restart();
    await expectRestored(here);
  });

  it.each(STATES)('leaves the database as it was when it is deleted while it is %s', async (state) => {
    const here = await scene();
    await here.restore('back', 'good');
    await until(here, state);
    await here.remove(Restore, 'back');
    await here.world.runUntilQuiet();
    expect(await here.names(Restore)).toEqual([]);
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.rows()).toEqual(['first', 'second']);
    for (const name of await here.names(Guest)) expect(name).toMatch(/^main-db-/);
  });

  it.each(STATES)('loses nothing when the database is deleted while it is %s', async (state) => {
    const here = await scene();
    await here.restore('back', 'good', 'main', { deadline: '30m' });
    await until(here, state);
    await here.remove(Database, 'main');
    await here.world.runUntilQuiet();
    await here.world.run(40 * MINUTE_MS);
    expect(await here.names(Database)).toEqual([]);
    expect(await here.said(Restore, 'back')).toMatch(/^Failed False \w+: .*\w/);
    expect(await here.names(Guest)).toEqual([]);
    expect(here.disks().some(({ content }) => content.includes('second'))).toBe(true);
    await here.remove(Restore, 'back');
    await here.world.runUntilQuiet();
    expect(await here.names(Restore)).toEqual([]);
    // A database of the same name takes up what was left.
    await here.born();
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.rows()).toContain('first');
  });

  it.each(STATES)('keeps the archive until it is done when the backup is deleted while it is %s', async (state) => {
    const here = await scene();
    await here.restore('back', 'good');
    await until(here, state);
    await here.remove(Backup, 'good');
    await expectRestored(here);
    expect(await here.names(Backup)).toEqual([]);
    expect(here.archives).toEqual([]);
  });

  it('is over a live database under writes: all that was acknowledged is in one of the two', async () => {
    const here = await scene();
    await here.restore('back', 'good');
    const acknowledged = ['first', 'second'];
    let count = 0;
    const writeMore = async (): Promise<boolean> => {
      const row = `row ${(count += 1)}`;
      if (await here.write(row)) acknowledged.push(row);
      return (await here.get(Restore, 'back')).status.phase === 'Completed';
    };
    await here.world.runUntilQuiet({ until: writeMore });
    await here.world.runUntilQuiet();
    const before = readData((await here.diskOf('main-db-data'))?.content ?? '')?.rows ?? [];
    const after = await here.rows();
    expect(acknowledged.filter((row) => !before.includes(row) && !after.includes(row))).toEqual([]);
    expect(before.length).toBeGreaterThan(3);
    expect(after[0]).toBe('first');
    expect(after).not.toContain('second');
  });

  it('comes after another of the same database, and both are done', async () => {
    const here = await scene();
    await here.restore('back', 'good');
    await here.clock.advance(10);
    await here.restore('back-again', 'good');
    await here.world.runUntilQuiet();
    for (const name of ['back', 'back-again'])
      expect(await here.said(Restore, name)).toContain('Completed True RestoreCompleted');
    expect(await here.rows()).toEqual(['first']);
    expect(here.disks()).toHaveLength(3);
    expect(here.disks().filter(({ content }) => content.includes('second'))).toHaveLength(1);
  });

  it('puts back what the database had when that does not come up with what was restored', async () => {
    const here = await scene();
    await here.restore('back', 'good');
    await until(here, 'Switching');
    const disk = await here.diskOf('back-restored');
    if (disk) disk.content = 'scribbled over';
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'back')).toMatch(/Failed False \w+: .*main-db-data again/);
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.rows()).toEqual(['first', 'second']);
  });
});
