import { describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { ABANDON_COPY, CopyNote } from '../../reconcilers/shared/copy-place.ts';
import type { StorageMeaning } from '../../reconcilers/providers/object-storage/fault.ts';
import { BackupWorld, DIGEST } from './backup-world.ts';

const SECRET = { accessKeyId: 'GK31c2f218a2e44f485b94239e', secretAccessKey: 'b892c0665f0ada8a4755dae98baa3b13' };
const s3 = {
  endpoint: 'https://s3.example.com',
  region: 'garage',
  bucket: 'backups',
  prefix: 'home/nightly',
  secretRef: { name: 'bucket' },
};
const copyTo = { s3 };

async function scene(backup?: Record<string, unknown>): Promise<BackupWorld> {
  const made = new BackupWorld();
  await made.create(Secret, 'bucket', { data: SECRET });
  await made.begin(['main'], backup);
  return made;
}

async function keyOf(here: BackupWorld, name = 'one'): Promise<string> {
  return `home/nightly/a1b2c3d4/shop/${(await here.get(Backup, name)).metadata.uid}`;
}

async function expectTidy(here: BackupWorld): Promise<void> {
  expect(await here.all(Guest)).toHaveLength(1);
  expect(await here.all(Volume)).toHaveLength(1);
  expect(here.bucket.uploads).toEqual([]);
}

describe('the copy of a backup', () => {
  it.each([false, true])(
    'is made once the backup is good, encrypted, with a note that says what it is (verify: %s)',
    async (verify) => {
      const here = await scene();
      await here.backUp('one', { copyTo, verify });
      await here.world.runUntilQuiet();
      const { status } = await here.get(Backup, 'one');
      const key = await keyOf(here);
      expect([...here.bucket.objects.keys()].toSorted()).toEqual([`${key}.json`, `${key}.tar.age`]);
      const content = here.bucket.objects.get(`${key}.tar.age`) ?? Buffer.alloc(0);
      expect(content.toString()).not.toContain('a tar of it');
      expect(status).toMatchObject({ phase: 'Completed', verified: verify });
      expect(status.copy).toMatchObject({
        url: `https://s3.example.com/backups/${key}.tar.age`,
        sizeBytes: content.length,
        checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      const note = CopyNote.parse(JSON.parse(here.bucket.objects.get(`${key}.json`)?.toString() ?? ''));
      expect(note).toMatchObject({
        engine: 'postgresql',
        mountPath: '/var/lib/postgresql',
        dataDigest: DIGEST,
        tar: { sizeBytes: 11, sha256: status.copy?.checksum },
        object: { key: `${key}.tar.age`, sizeBytes: content.length },
      });
      expect(await here.said(Backup, 'one', 'Copied')).toContain('True CopyCompleted');
      expect(here.runs.begun.filter(({ command }) => command === 'archive')).toHaveLength(1);
      await expectTidy(here);
    },
  );

  it('is nothing that anybody could log in with, nor is its note, the status or an event', async () => {
    const here = await scene();
    await here.backUp('one', { copyTo });
    await here.world.runUntilQuiet();
    const { data } = (await here.get(Secret, 'main-credentials')).spec;
    const secrets = [...Object.values(SECRET), data['password'] ?? 'none'];
    const told = JSON.stringify([await here.all(Backup), here.world.events]);
    const stored = [...here.bucket.objects].map(([key, content]) => `${key} ${content.toString('latin1')}`);
    for (const secret of secrets) expect([told, ...stored].join('\n')).not.toContain(secret);
  });

  it.each<[StorageMeaning, string]>([
    ['unreachable', 'BucketUnreachable'],
    ['denied', 'BucketDenied'],
    ['noBucket', 'BucketMissing'],
    ['elsewhere', 'BucketUnreachable'],
    ['full', 'StorageFull'],
  ])('is tried again while the bucket says %s, and the backup is good meanwhile', async (refusal, reason) => {
    const here = await scene();
    here.bucket.refusal = refusal;
    await here.backUp('one', { copyTo });
    await here.world.run(15 * 60_000);
    expect(await here.said(Backup, 'one')).toContain('True BackupCompleted');
    expect(await here.said(Backup, 'one', 'Copied')).toContain(`False ${reason}: `);
    const tries = here.bucket.accesses;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(20);
    here.bucket.refusal = undefined;
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one', 'Copied')).toContain('True CopyCompleted');
    await expectTidy(here);
  });

  it('is given up at the deadline, and nothing of the trial stays', async () => {
    const here = await scene();
    here.bucket.refusal = 'denied';
    await here.backUp('one', { copyTo, deadline: '20m' });
    await here.world.run(30 * 60_000);
    expect(await here.said(Backup, 'one')).toContain('True BackupCompleted');
    expect(await here.said(Backup, 'one', 'Copied')).toMatch(/False BucketDenied: .*take another backup/);
    await expectTidy(here);
    const tries = here.bucket.accesses;
    here.bucket.refusal = undefined;
    await here.world.run(60 * 60_000);
    expect(here.bucket.accesses).toBe(tries);
  });

  it('waits for a Secret that has what the bucket needs', async () => {
    const here = await scene();
    await here.backUp('one', { copyTo: { s3: { ...s3, secretRef: { name: 'other' } } } });
    await here.world.run(60_000);
    expect(await here.said(Backup, 'one', 'Copied')).toContain('False SecretNotFound');
    await here.create(Secret, 'other', { data: { accessKeyId: 'x' } });
    await here.world.run(10 * 60_000);
    expect(await here.said(Backup, 'one', 'Copied')).toContain('"secretAccessKey"');
    const secret = await here.get(Secret, 'other');
    await here.store.update(Secret, { ...secret, spec: { ...secret.spec, data: SECRET } }, { manager: 'test' });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one', 'Copied')).toContain('True');
  });

  it('is not made of an archive that could not be read in full', async () => {
    const here = await scene();
    here.engines.archive = { output: 'half', code: 1 };
    await here.backUp('one', { copyTo, deadline: '10m' });
    await here.world.run(20 * 60_000);
    expect(await here.said(Backup, 'one', 'Copied')).toContain('ended with code 1');
    expect(here.bucket.objects.size).toBe(0);
    await expectTidy(here);
  });

  it('is found again by the next process, whether half of it was there or all of it', async () => {
    const here = await scene();
    let open: () => void = () => undefined;
    here.bucket.gate = new Promise((resolve) => (open = resolve));
    await here.backUp('one', { copyTo });
    await here.world.run(60_000);
    expect(here.bucket.uploads).toHaveLength(1);
    await here.world.restart();
    here.bucket.gate = Promise.resolve();
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status.copy).toBeDefined();
    open();
    await here.world.runUntilQuiet();
    await expectTidy(here);
    // The process died between the last write to the bucket and the status.
    const { copy: _, ...status } = (await here.get(Backup, 'one')).status;
    const backup = await here.get(Backup, 'one');
    const copying = { startedAt: here.clock.now().toISOString(), over: false };
    await here.store.updateStatus(Backup, { ...backup, status: { ...status, copying } }, { manager: 'test' });
    const before = here.runs.begun.filter(({ command }) => command === 'archive').length;
    await here.world.restart();
    await here.world.runUntilQuiet();
    expect((await here.get(Backup, 'one')).status.copy).toMatchObject({ checksum: expect.any(String) });
    expect(here.runs.begun.filter(({ command }) => command === 'archive')).toHaveLength(before);
  });

  it('goes with its backup, before the archive does', async () => {
    const here = await scene();
    await here.backUp('one', { copyTo });
    await here.world.runUntilQuiet();
    here.bucket.refusal = 'unreachable';
    await here.remove(Backup, 'one');
    await here.world.run(10 * 60_000);
    expect(here.archives).toHaveLength(1);
    expect(await here.said(Backup, 'one', 'Reconciling')).toMatch(/BucketUnreachable: .*abandon-copy=true/);
    here.bucket.refusal = undefined;
    await here.world.runUntilQuiet();
    expect(await here.all(Backup)).toEqual([]);
    expect([here.bucket.objects.size, here.archives.length]).toEqual([0, 0]);
  });

  it('is left where it is when a person says so', async () => {
    const here = await scene();
    await here.backUp('one', { copyTo });
    await here.world.runUntilQuiet();
    here.bucket.refusal = 'noBucket';
    const backup = await here.get(Backup, 'one');
    const metadata = { ...backup.metadata, annotations: { [ABANDON_COPY]: 'true' } };
    await here.store.update(Backup, { ...backup, metadata }, { manager: 'test' });
    await here.remove(Backup, 'one');
    await here.world.runUntilQuiet();
    expect(await here.all(Backup)).toEqual([]);
    expect(here.bucket.objects.size).toBe(2);
    expect(here.world.events.map(({ reason }) => reason)).toContain('CopyAbandoned');
  });

  it('is stopped, and its half removed, when its backup is deleted meanwhile', async () => {
    const here = await scene();
    let open: () => void = () => undefined;
    here.bucket.gate = new Promise((resolve) => (open = resolve));
    await here.backUp('one', { copyTo });
    await here.world.run(60_000);
    await here.remove(Backup, 'one');
    await here.world.run(60_000);
    open();
    await here.world.runUntilQuiet();
    expect(await here.all(Backup)).toEqual([]);
    expect([here.bucket.objects.size, here.bucket.uploads.length]).toEqual([0, 0]);
  });

  it('is asked for by the schedule of a database', async () => {
    const here = await scene({ enabled: true, schedule: '5 0 * * *', copyTo });
    await here.world.run(10 * 60_000);
    const [backup] = await here.all(Backup);
    expect(backup?.spec.copyTo?.s3).toMatchObject({ bucket: 'backups', pathStyle: true });
    expect(backup?.status.copy).toBeDefined();
    expect(await here.said(Database, 'main', 'BackupHealthy')).toContain('True');
  });
});
