import { afterEach, describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;
const worlds: DataWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** A database with rows of which one good backup was taken. */
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

/** The database serves all that was written, the good backup is good, and nothing of a trial is left. */
async function expectUnharmed(here: DataWorld): Promise<void> {
  await here.world.runUntilQuiet();
  expect(await here.said(Database, 'main')).toContain('Running True Answering');
  expect(await here.rows()).toEqual(['first', 'second']);
  expect(await here.said(Backup, 'good')).toContain('Completed True');
  expect((await here.get(Database, 'main')).status.lastBackup?.name).toBe('good');
  expect(await here.names(Guest)).toHaveLength(1);
  expect(await here.names(Volume)).toHaveLength(1);
  expect(here.disks()).toHaveLength(1);
  for (const { lock } of here.proxmox.guests.values()) expect(lock).toBeUndefined();
}

async function expectUnharmedButFor(here: DataWorld, name: string): Promise<void> {
  expect((await here.get(Database, 'main')).status.lastBackup?.name).toBe(name);
  expect(await here.rows()).toEqual(['first', 'second']);
  expect(here.archives).toHaveLength(2);
}

/** What went wrong is over: the next backup is taken and read back, and the failed one goes with all that it left. */
async function expectCleanRetry(here: DataWorld): Promise<void> {
  await here.backUp('again', { verify: true });
  await here.world.runUntilQuiet();
  expect(await here.said(Backup, 'again')).toContain('Completed True');
  expect((await here.get(Backup, 'again')).status.verified).toBe(true);
  if (await here.has(Backup, 'bad')) await here.remove(Backup, 'bad');
  await here.world.runUntilQuiet();
  expect(await here.names(Backup)).toEqual(['again', 'good']);
  const kept = (await here.all(Backup)).map(({ status }) => status.volid).toSorted();
  expect(here.archives.map(({ volid }) => volid).toSorted()).toEqual(kept);
}

async function until(here: DataWorld, phase: Backup['status']['phase'], name = 'bad'): Promise<void> {
  const report = await here.world.runUntilQuiet({
    until: async () => (await here.get(Backup, name)).status.phase === phase,
  });
  expect(report.because).toBe('until');
}

async function vmidOf(here: DataWorld): Promise<number> {
  const [guest] = await here.all(Guest);
  return guest?.status.vmid ?? 0;
}

describe('a backup that cannot be had', () => {
  it.each<[string, Record<string, unknown>, (here: DataWorld) => void | Promise<void>, RegExp]>([
    [
      'its archive is cut short',
      {},
      async (here) => {
        await until(here, 'Verifying');
        for (const archive of here.archives) archive.isDamaged = archive.notes.endsWith('/bad');
      },
      /Failed False ReadBackFailed: .*premature end/,
    ],
    [
      'the dump has no bytes',
      { mode: 'dump' },
      (here) => void here.broken.set('dump', { output: '' }),
      /Failed False ArchiveEmpty: The dump of guest .* has no bytes/,
    ],
    [
      'the dump program is missing',
      { mode: 'dump' },
      (here) => void here.broken.set('dump', { output: 'sh: pg_dump: not found', code: 127 }),
      /Failed False DumpFailed: .* code 127: sh: pg_dump: not found/,
    ],
    [
      'the dump program fails',
      { mode: 'dump' },
      (here) => void here.broken.set('dump', { output: 'out of memory', code: 1 }),
      /Failed False DumpFailed: .* code 1: out of memory/,
    ],
    [
      'the engine does not take its own dump in again',
      { mode: 'dump', verify: true },
      (here) => void here.broken.set('load', { output: 'syntax error', code: 1 }),
      /Failed False ReadBackFailed: .*"load".* code 1: syntax error/,
    ],
    [
      'the storage fills up while it is written',
      {},
      (here) => here.proxmox.planTask('vzdump', { exit: 'zstd: error 70 : Write error : No space left on device' }),
      /Failed False StorageFull: .*No space left.* Free space on storage local/,
    ],
    [
      'the storage keeps no more backups of a guest',
      {},
      (here) =>
        here.proxmox.planTask('vzdump', { exit: 'There is a max backup limit of (2) enforced by the target storage' }),
      /Failed False BackupLimit: .* Raise the limit of storage local/,
    ],
    [
      'its archive is removed by hand before it was read back',
      {},
      async (here) => {
        await until(here, 'Verifying');
        for (const { volid, notes } of here.archives) if (notes.endsWith('/bad')) here.backups.backups.delete(volid);
      },
      /Failed False ReadBackFailed: .*does not exist/,
    ],
    [
      'its task is said to be done and no archive is there',
      {},
      async (here) => {
        await here.world.runUntilQuiet({
          until: async () => (await here.get(Backup, 'bad')).status.task !== undefined,
        });
        const before = new Set(here.backups.backups.keys());
        await here.clock.advance(2_500);
        for (const volid of here.backups.backups.keys()) if (!before.has(volid)) here.backups.backups.delete(volid);
      },
      /Failed False ArchiveMissing: Proxmox says that the backup is done/,
    ],
  ])('says why and what helps when %s, harms nothing and works the next time', async (_, spec, harm, words) => {
    const here = await scene();
    await here.backUp('bad', { deadline: '20m', ...spec });
    await harm(here);
    await here.world.runUntilQuiet();
    await here.world.run(21 * MINUTE_MS);
    expect(await here.said(Backup, 'bad')).toMatch(words);
    await expectUnharmed(here);
    here.broken.clear();
    await expectCleanRetry(here);
  });

  it.each<[string, (here: DataWorld) => void, (here: DataWorld) => void, RegExp]>([
    [
      'its storage is full',
      ({ backups }) => (backups.totalBytes = backups.usedBytes),
      ({ backups }) => (backups.totalBytes = 2 ** 40),
      /Pending False StorageFull: .* Free space, or delete old backups/,
    ],
    [
      'its storage is offline',
      ({ backups }) => (backups.offline = true),
      ({ backups }) => (backups.offline = false),
      /Pending False StorageMissing: Storage local takes no backups on node pve1 now/,
    ],
    [
      'an administrator backs the guest up',
      ({ proxmox }) => proxmox.guests.forEach(({ vmid }) => proxmox.touch(vmid, (one) => (one.lock = 'backup'))),
      ({ proxmox }) => proxmox.guests.forEach(({ vmid }) => proxmox.touch(vmid, (one) => (one.lock = undefined))),
      /Pending False Locked: Proxmox has locked guest \d+ \(backup\)/,
    ],
    [
      'the cluster does not answer',
      ({ proxmox }) => (proxmox.unreachable = true),
      ({ proxmox }) => (proxmox.unreachable = false),
      /Pending False (ProviderUnavailable|WaitingForGuest): /,
    ],
  ])('waits while %s, and is taken after that', async (_, harm, mend, words) => {
    const here = await scene();
    harm(here);
    await here.world.run(30_000);
    await here.backUp('bad');
    await here.world.run(3 * MINUTE_MS);
    expect(await here.said(Backup, 'bad')).toMatch(words);
    mend(here);
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'bad')).toContain('Completed True');
    expect(await here.rows()).toEqual(['first', 'second']);
    await expectCleanRetry(here);
  });
});

describe('a node on which somebody else backs up', () => {
  it('has the backup wait for the lock of that node, and end well', async () => {
    const here = await scene();
    here.proxmox.addStranger(900);
    here.proxmox.planTask('vzdump', { ms: 30 * MINUTE_MS });
    await here.proxmox.backUp('pve1', { vmid: 900, storage: 'local', mode: 'snapshot', notes: 'mine' }, signal);
    await here.backUp('bad');
    await here.world.run(10 * MINUTE_MS);
    expect(await here.said(Backup, 'bad')).toContain('Taking False BackupRunning');
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'bad')).toContain('Completed True');
    expect(here.archives.filter(({ notes }) => notes === 'mine')).toHaveLength(1);
  });

  it('has it tried again when that takes longer than Proxmox waits', async () => {
    const here = await scene();
    const exit = "can't acquire lock '/var/run/vzdump.lock' - got timeout";
    here.proxmox.planTask('vzdump', { exit });
    await here.backUp('bad');
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'bad')).toContain('Completed True');
    expect(here.archives.filter(({ notes }) => notes.endsWith('/bad'))).toHaveLength(1);
  });
});

describe('a guest that changes while it is backed up', () => {
  async function whileCopied(here: DataWorld, ms = 1_000): Promise<number> {
    await here.backUp('bad');
    await here.world.runUntilQuiet({ until: async () => (await here.get(Backup, 'bad')).status.task !== undefined });
    await here.world.run(ms);
    return vmidOf(here);
  }

  it.each<[string, (here: DataWorld, vmid: number) => void]>([
    ['crashes', (here, vmid) => here.proxmox.exitGuest(vmid)],
    [
      'is stopped by its owner',
      (here) => void here.edit(Database, 'main', (spec) => ({ ...spec, power: 'stopped' as const })),
    ],
    [
      'is restarted by its owner',
      (here) => void here.edit(Database, 'main', (spec) => ({ ...spec, restartedAt: 'now' })),
    ],
  ])('%s, and its backup is what it was all the same', async (_, harm) => {
    const here = await scene();
    harm(here, await whileCopied(here));
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'bad')).toContain('Completed True');
    await here.edit(Database, 'main', (spec) => ({ ...spec, power: 'running' as const }));
    await here.world.runUntilQuiet();
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.rows()).toEqual(['first', 'second']);
  });

  it('is on a node that loses power: the backup fails, and the next one says how to get rid of the lock that stays', async () => {
    const here = await scene();
    const vmid = await whileCopied(here);
    here.proxmox.crashNode('pve1');
    await here.world.run(5 * MINUTE_MS);
    expect(await here.said(Backup, 'bad')).toMatch(/Taking False NodeOffline/);
    here.proxmox.bringNodeBack('pve1', { booted: true });
    await here.world.run(3 * MINUTE_MS);
    expect(await here.said(Backup, 'bad')).toMatch(/Failed False BackupFailed: .*unexpected status/);
    await here.backUp('next');
    await here.world.run(3 * MINUTE_MS);
    expect(await here.said(Backup, 'next')).toMatch(
      /Pending False (Locked: .*pct unlock 20000, on pve1|WaitingForGuest)/,
    );
    here.proxmox.touch(vmid, (guest) => (guest.lock = undefined));
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'next')).toContain('Completed True');
    await expectUnharmedButFor(here, 'next');
  });
});
