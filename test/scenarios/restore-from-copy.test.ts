import { describe, expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';

const s3 = { endpoint: 'https://s3.example.com', bucket: 'backups', secretRef: { name: 'bucket' } };

/** A database with a row and a copied backup, whose archive is gone; then another row was written. */
async function scene(): Promise<DataWorld> {
  const here = new DataWorld();
  await here.begin();
  await here.create(Secret, 'bucket', { data: { accessKeyId: 'an-id', secretAccessKey: 'a-key' } }, 'shop');
  await here.born();
  await here.write('before');
  await here.backUp('one', { copyTo: { s3 } });
  await here.world.runUntilQuiet();
  expect((await here.get(Backup, 'one')).status.copy).toBeDefined();
  await here.write('after');
  here.proxmox.storages.get('local')?.backups.clear();
  await here.world.run(40 * 60_000);
  expect((await here.get(Backup, 'one')).status.phase).toBe('Expired');
  return here;
}

async function expectNoFiller(here: DataWorld, guests: number): Promise<void> {
  expect((await here.store.list(Guest)).items).toHaveLength(guests);
}

describe('a restore from a copy, when the storage with the archive is lost', () => {
  it('brings a database back in place', async () => {
    const here = await scene();
    await here.restore('friday', 'one');
    await here.world.runUntilQuiet();
    expect((await here.get(Restore, 'friday')).status).toMatchObject({ phase: 'Completed' });
    expect(await here.rows()).toEqual(['before']);
    await expectNoFiller(here, 1);
  });

  it('makes a new database', async () => {
    const here = await scene();
    await here.restore('friday', 'one', 'other');
    await here.world.runUntilQuiet();
    expect((await here.get(Restore, 'friday')).status).toMatchObject({ phase: 'Completed' });
    expect(await here.rows('other')).toEqual(['before']);
    expect(await here.rows('main')).toEqual(['before', 'after']);
    await expectNoFiller(here, 2);
  });

  it('goes on after the bucket was away, and after the process died', async () => {
    const here = await scene();
    here.bucket.refusal = 'unreachable';
    await here.restore('friday', 'one', 'other');
    await here.world.run(5 * 60_000);
    const [volume] = (await here.store.list(Volume)).items.filter(({ spec }) => spec.source !== undefined);
    const ready = volume?.status.conditions.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'BucketUnreachable' });
    await here.world.restart();
    here.bucket.refusal = undefined;
    await here.world.runUntilQuiet();
    expect(await here.rows('other')).toEqual(['before']);
  });

  it('takes nothing that is not what was backed up', async () => {
    const here = await scene();
    for (const [key, content] of here.bucket.objects)
      if (key.endsWith('.age')) here.bucket.objects.set(key, Buffer.concat([content, Buffer.from('x')]));
    await here.restore('friday', 'one', 'main', { deadline: '10m' });
    await here.world.run(30 * 60_000);
    expect((await here.get(Restore, 'friday')).status.phase).toBe('Failed');
    expect(await here.rows()).toEqual(['before', 'after']);
    expect((await here.get(Database, 'main')).status.phase).toBe('Running');
    await expectNoFiller(here, 1);
  });
});
