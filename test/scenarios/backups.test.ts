import { describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { BackupWorld, DIGEST } from './backup-world.ts';

const HOUR_MS = 3_600_000;

async function scene(names?: string[], backup?: Record<string, unknown>): Promise<BackupWorld> {
  const made = new BackupWorld();
  await made.begin(names, backup);
  expect(await made.said(Database, 'main')).toContain('True Answering');
  return made;
}

/** Nothing is left of a trial. */
async function expectTidy(here: BackupWorld, databases = 1): Promise<void> {
  expect(await here.all(Guest)).toHaveLength(databases);
  expect(await here.all(Volume)).toHaveLength(databases);
  for (const { lock } of here.proxmox.guests.values()) expect(lock).toBeUndefined();
}

describe('a backup', () => {
  it('is completed once it was restored beside the database and read, and says what it took', async () => {
    const here = await scene();
    await here.backUp('one');
    await here.world.runUntilQuiet();
    const { status } = await here.get(Backup, 'one');
    expect(status).toMatchObject({ phase: 'Completed', checksum: DIGEST, verified: false, engine: 'postgresql' });
    expect(status.sizeBytes).toBeGreaterThan(0);
    expect(status.duration).toMatch(/^\d+s$/);
    expect(status.origin).toMatchObject({ mountPath: '/var/lib/postgresql', plan: 'starter' });
    expect(here.archives).toMatchObject([{ volid: status.volid, notes: expect.stringContaining('shop/one') }]);
    expect(await here.said(Backup, 'one', 'ReadBack')).toContain('True');
    expect(await here.said(Backup, 'one', 'RestoreVerified')).toContain('Unknown RestoreUnverified');
    // The engine was made ready once, before the copy.
    expect(here.runs.begun.map(({ command }) => command)).toEqual(['quiesce', 'digest']);
    await expectTidy(here);
    expect((await here.get(Database, 'main')).status.lastBackup).toMatchObject({ name: 'one', verified: false });
  });

  it('keeps the login that its data know, and takes it along when it goes', async () => {
    const here = await scene();
    await here.backUp('one');
    await here.world.runUntilQuiet();
    const { credentialsSecretRef } = (await here.get(Backup, 'one')).status;
    const kept = await here.get(Secret, credentialsSecretRef?.name ?? '');
    const { data } = (await here.get(Secret, 'main-credentials')).spec;
    expect(kept.spec.data).toMatchObject({ username: 'app', password: data['password'] });
    await here.remove(Backup, 'one');
    await here.world.runUntilQuiet();
    expect(await here.all(Backup)).toEqual([]);
    expect(here.archives).toEqual([]);
    expect((await here.all(Secret)).map(({ metadata }) => metadata.name)).toEqual(['main-credentials']);
  });

  it('is queried where that is asked for, and says how long a restore took', async () => {
    const here = await scene();
    await here.backUp('one', { verify: true });
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status).toMatchObject({
      verified: true,
      restoreTime: expect.stringMatching(/^\d+s$/),
    });
    expect(await here.said(Backup, 'one', 'RestoreVerified')).toContain('True RestoreVerified');
    expect(await here.said(Database, 'main', 'BackupVerified')).toContain('True RestoreVerified');
    await expectTidy(here);
  });

  it('is queried later, too, and stays good when that comes to nothing', async () => {
    const here = await scene();
    await here.backUp('one', { deadline: '10m' });
    await here.world.runUntilQuiet();
    here.refusal = 'it recovers';
    await here.edit('one', { verify: true });
    await here.world.run(12 * 60_000);
    expect((await here.get(Backup, 'one')).status).toMatchObject({ phase: 'Completed', verified: false });
    expect(await here.said(Backup, 'one', 'RestoreVerified')).toMatch(/False DeadlineExceeded: .*it recovers/);
    expect(here.archives).toHaveLength(1);
    here.refusal = undefined;
    await here.edit('one', { verify: false });
    await here.world.runUntilQuiet();
    await here.edit('one', { verify: true });
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status).toMatchObject({ phase: 'Completed', verified: true });
    await expectTidy(here);
  });

  it('has a dump that is in the archive as it was written, and that the engine takes in again', async () => {
    const here = await scene();
    await here.backUp('one', { mode: 'dump', verify: true });
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status).toMatchObject({ phase: 'Completed', dump: { sizeBytes: 9 } });
    expect(here.runs.begun.map(({ command }) => command)).toEqual(['dump', 'dump-read', 'digest', 'load']);
  });
});

describe('a backup of a volume without a file', () => {
  it('is one all the same', async () => {
    const here = await scene();
    here.engines.digest = `${DIGEST} 0 0\n`;
    await here.backUp('one', { source: { kind: 'Volume', name: 'main-db-data' }, verify: true });
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status).toMatchObject({ phase: 'Completed', verified: true });
  });
});

describe('a backup that comes to nothing', () => {
  it.each<[string, Record<string, unknown>, (here: BackupWorld) => void, string, RegExp]>([
    [
      'an engine that cannot make its data ready',
      {},
      ({ engines }) => (engines.quiesce = { output: 'no space', code: 3 }),
      'DumpFailed',
      /"quiesce" .* code 3: no space/,
    ],
    [
      'a dump that fails',
      { mode: 'dump' },
      ({ engines }) => (engines.dump = { output: 'denied', code: 1 }),
      'DumpFailed',
      /code 1: denied/,
    ],
    [
      'a dump of nothing',
      { mode: 'dump' },
      ({ engines }) => (engines.dump = { output: '' }),
      'ArchiveEmpty',
      /no bytes/,
    ],
    [
      'a dump that is another one in the archive',
      { mode: 'dump' },
      ({ engines }) => (engines.dumpRead = 'all of i'),
      'DigestMismatch',
      /8 bytes/,
    ],
    [
      'a restored folder without a file',
      {},
      ({ engines }) => (engines.digest = `${DIGEST} 0 0\n`),
      'ArchiveEmpty',
      /no file/,
    ],
    [
      'a digest that cannot be read',
      {},
      ({ engines }) => (engines.digest = 'cannot open'),
      'ReadBackFailed',
      /cannot open/,
    ],
    [
      'a task that fails',
      {},
      ({ proxmox }) => proxmox.planTask('vzdump', { exit: 'job errors' }),
      'BackupFailed',
      /job errors/,
    ],
    [
      'a copy that never answers',
      { verify: true, deadline: '10m' },
      (here) => (here.refusal = 'it is not there'),
      'DeadlineExceeded',
      /it is not there/,
    ],
    [
      'a spec that cannot be',
      { mode: 'dump', source: { kind: 'Volume', name: 'main-db-data' } },
      () => undefined,
      'Rejected',
      /no engine/,
    ],
    [
      'a source that is not there',
      { source: { kind: 'Database', name: 'none' }, deadline: '10m' },
      () => undefined,
      'DeadlineExceeded',
      /no Database none/,
    ],
  ])('says so after %s, tidies up and leaves the good one alone', async (_, spec, harm, reason, words) => {
    const here = await scene();
    await here.backUp('good');
    await here.world.runUntilQuiet();
    harm(here);
    // Guests say the new answer from now on.
    for (const { metadata } of await here.all(Guest)) {
      here.runs.answer(metadata.uid, 'quiesce', here.engines.quiesce);
      here.runs.answer(metadata.uid, 'dump', here.engines.dump);
    }
    await here.backUp('bad', spec);
    await here.world.run(12 * 60_000);
    expect((await here.get(Backup, 'bad')).status).toMatchObject({ phase: 'Failed', failureReason: reason });
    expect(await here.said(Backup, 'bad')).toMatch(words);
    expect(here.world.events.some(({ type, reason: told }) => type === 'Warning' && told === reason)).toBe(true);
    expect((await here.get(Backup, 'good')).status.phase).toBe('Completed');
    expect((await here.get(Database, 'main')).status.lastBackup?.name).toBe('good');
    here.refusal = undefined;
    await here.world.runUntilQuiet();
    await expectTidy(here);
    await here.remove(Backup, 'bad');
    await here.world.runUntilQuiet();
    expect(here.archives).toHaveLength(1);
  });

  it('fails with an archive that is cut short', async () => {
    const here = await scene();
    await here.backUp('one');
    await here.world.runUntilQuiet({ until: () => here.archives.length > 0 });
    for (const archive of here.archives) archive.isDamaged = true;
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one')).toContain('False ReadBackFailed: The archive ends too early.');
    await expectTidy(here);
  });

  it('waits while the storage is full, and fails where it fills up on the way', async () => {
    const here = await scene();
    const { storage } = here;
    const usedBytes = storage.usedBytes;
    storage.usedBytes = storage.totalBytes;
    await here.backUp('one');
    await here.world.run(60_000);
    expect(await here.said(Backup, 'one')).toContain('False StorageFull');
    storage.usedBytes = usedBytes;
    await here.world.runUntilQuiet({ until: async () => (await here.get(Backup, 'one')).status.task !== undefined });
    storage.usedBytes = storage.totalBytes;
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one')).toMatch(/False StorageFull: .*No space left/);
    storage.usedBytes = usedBytes;
  });

  it('waits for a lock that somebody else has on the guest', async () => {
    const here = await scene();
    const [vmid = 0] = here.proxmox.guests.keys();
    here.proxmox.touch(vmid, (guest) => (guest.lock = 'snapshot'));
    await here.world.run(61_000);
    await here.backUp('one');
    await here.world.run(60_000);
    expect(await here.said(Backup, 'one')).toMatch(/False Locked: .*snapshot/);
    here.proxmox.touch(vmid, (guest) => (guest.lock = undefined));
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status.phase).toBe('Completed');
  });
});

describe('several backups', () => {
  it('are taken one at a time on a node, the oldest first, and say whom they wait for', async () => {
    const here = await scene(['main', 'other', 'third']);
    for (const name of ['main', 'other', 'third']) {
      await here.backUp(name, {}, name);
      await here.clock.advance(10);
    }
    const order: string[] = [];
    let most = 0;
    let said = '';
    await here.world.runUntilQuiet({
      until: async () => {
        const taking = (await here.all(Backup)).filter(({ status }) => status.phase === 'Taking');
        most = Math.max(most, taking.length);
        for (const { metadata } of taking) if (!order.includes(metadata.name)) order.push(metadata.name);
        if (taking[0]?.metadata.name === 'main') said = await here.said(Backup, 'third');
        return false;
      },
    });
    expect([most, order]).toEqual([1, ['main', 'other', 'third']]);
    expect(said).toMatch(/False BackupQueued: Backup shop\/(main|other) .* on node pve1/);
    for (const { status } of await here.all(Backup)) expect(status.phase).toBe('Completed');
    expect(here.archives).toHaveLength(3);
  });

  it('come by schedule, as many as are kept, and one for all that were missed', async () => {
    const here = await scene(['main'], { enabled: true, schedule: '0 * * * *', retention: 2 });
    await here.world.run(4.5 * HOUR_MS);
    expect(here.archives).toHaveLength(2);
    const before = (await here.all(Backup)).map(({ metadata }) => metadata.name);
    expect(before).toHaveLength(2);
    for (const name of before) expect(name).toMatch(/^main-\d{8}-\d{4}$/);
    const { status } = await here.get(Database, 'main');
    expect(Date.parse(status.nextBackupAt ?? '')).toBeGreaterThan(here.clock.now().getTime());
    expect(await here.said(Database, 'main', 'BackupHealthy')).toContain('True BackupsHealthy');

    await here.world.restart();
    await here.clock.advance(10 * HOUR_MS);
    const notes = new Set(here.archives.map((archive) => archive.notes));
    await here.world.run(10 * 60_000);
    const fresh = here.archives.filter((archive) => !notes.has(archive.notes));
    expect(fresh).toHaveLength(1);
    expect(here.archives).toHaveLength(2);
  });

  it('say on the database since when none is good', async () => {
    const here = await scene(['main'], { enabled: true, schedule: '0 * * * *', retention: 2 });
    await here.world.run(1.5 * HOUR_MS);
    const { lastBackup } = (await here.get(Database, 'main')).status;
    here.proxmox.planTask('vzdump', { exit: 'job errors', times: 10 });
    await here.world.run(2 * HOUR_MS);
    const words = await here.said(Database, 'main', 'BackupHealthy');
    expect(words).toMatch(/^False BackupFailed: /);
    expect(words).toContain(lastBackup?.at ?? 'never');
    expect((await here.get(Database, 'main')).status.lastBackup).toEqual(lastBackup);
    expect(here.archives).toHaveLength(1);
  });
});

describe('an archive', () => {
  it('that is missed by two looks is known to be gone, and comes back with its storage', async () => {
    const here = await scene();
    await here.backUp('one');
    await here.world.runUntilQuiet();
    const [archive] = here.archives;
    if (!archive) throw new Error('There is no archive.');
    here.storage.backups.delete(archive.volid);
    await here.world.run(11 * 60_000);
    expect((await here.get(Backup, 'one')).status.phase).toBe('Completed');
    await here.world.run(25 * 60_000);
    expect((await here.get(Backup, 'one')).status.phase).toBe('Expired');
    expect(await here.said(Backup, 'one')).toContain('False ArchiveMissing');
    here.storage.backups.set(archive.volid, archive);
    await here.world.run(25 * 60_000);
    expect((await here.get(Backup, 'one')).status.phase).toBe('Completed');
  });

  it('stays while its backup is protected', async () => {
    const here = await scene();
    await here.backUp('one', { protected: true });
    await here.world.runUntilQuiet();
    await here.remove(Backup, 'one');
    await here.world.run(60_000);
    expect(here.archives).toHaveLength(1);
    await here.edit('one', { protected: false });
    await here.world.runUntilQuiet();
    expect([here.archives, await here.all(Backup)]).toEqual([[], []]);
  });

  it('outlives the database that it is of', async () => {
    const here = await scene();
    await here.backUp('one');
    await here.world.runUntilQuiet();
    await here.remove(Database, 'main');
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status.phase).toBe('Completed');
    expect(here.archives).toHaveLength(1);
  });
});
