import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Volume } from '../../crds/volume.ts';
import { DataFixture, condition, queried, taken } from './cli-data-fixture.ts';

let data: DataFixture;
beforeEach(async () => {
  data = await DataFixture.create();
});
afterEach(() => data.cli.dispose());

describe('containr restore', () => {
  it('does nothing in place unless the name is said again, and says what it would do', async () => {
    await data.create(Database, 'main', { engine: 'postgresql' });
    await data.report(Database, 'main', { volume: 'main-db-data' });
    await data.backup('b', taken);
    const { code, stderr } = await data.inShop('restore', 'b');
    expect(code).toBe(2);
    expect(stderr.replace(/\d+\w+ ago/, 'AGE ago')).toMatchInlineSnapshot(`
      "containr: database/main gets the data of backup/b, taken AGE ago (2026-01-31T12:00:00.000Z). If you mean it: --confirm main, or --yes
        It serves until those were restored, read and queried beside it, and is down only while it changes over.
        What it holds now is kept in volume/main-db-data until you delete that; what was written since the backup is there alone.
        To restore beside it instead: --as NAME
      "
    `);
    expect(await data.inShop('restore', 'b', '--confirm', 'other')).toMatchObject({ code: 2 });
    expect(await data.all(Restore)).toEqual([]);
    expect(await data.inShop('restore', 'b', '--confirm', 'main')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^restore\/main-\d{14} created\n$/),
    });
    expect((await data.only(Restore)).spec).toMatchObject({ backup: 'b', target: { kind: 'Database', name: 'main' } });
  });

  it('tells at the end what was kept', async () => {
    await data.create(Database, 'main', { engine: 'postgresql' });
    await data.backup('b', taken);
    const running = data.cli.start(['restore', 'b', '-n', 'shop', '--name', 'r', '--yes', '--wait']);
    await running.says('created');
    const done = {
      phase: 'Completed',
      inPlace: true,
      restoreTime: '54s',
      volume: 'r-restored',
      previousVolume: 'main-db-data',
    };
    await data.report(Restore, 'r', done);
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "restore/r created
      restore/r completed
      Backup:    backup/b
      Target:    database/main
      Took:      54s
      Data on:   volume/r-restored
      Kept:      volume/main-db-data, what database/main held before, until you delete it; its disk goes with it only if spec.retain is false
      "
    `);
  });

  it('ends with 1 when what was there was put back', async () => {
    await data.create(Database, 'main', { engine: 'postgresql' });
    await data.backup('b', taken);
    const running = data.cli.start(['restore', 'b', '-n', 'shop', '--name', 'r', '--yes', '--wait']);
    await running.says('created');
    const why = 'No answer. The target has Volume main-db-data again.';
    await data.report(Restore, 'r', { phase: 'Failed', conditions: [condition('Ready', 'False', why)] });
    expect(await running.ended).toMatchObject({ code: 1, stderr: `containr: restore/r is Failed: ${why}\n` });
  });

  it('makes what is not there without asking', async () => {
    await data.backup('b', taken);
    expect(await data.inShop('restore', 'b', '--as', 'copy')).toMatchObject({ code: 0 });
    expect((await data.only(Restore)).spec.target).toEqual({ kind: 'Database', name: 'copy' });
  });

  it('refuses backups that are not completed', async () => {
    await data.backup('going', { phase: 'Taking' });
    expect(await data.inShop('restore', 'going')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('it can be restored once it is Completed'),
    });
    await data.backup('bad', { phase: 'Failed' });
    expect(await data.inShop('restore', 'bad')).toMatchObject({ code: 4 });
    expect(await data.all(Restore)).toEqual([]);
  });
});

describe('containr restore of a volume', () => {
  beforeEach(async () => {
    await data.create(Volume, 'web-data', {});
    await data.backup('disk', taken, { source: { kind: 'Volume', name: 'web-data' } });
  });

  it('does nothing in place unless the name is said again, and says when its guest stops', async () => {
    const { code, stderr } = await data.inShop('restore', 'disk');
    expect(code).toBe(2);
    expect(stderr).toContain('is stopped only while the disks change over');
    expect(await data.all(Restore)).toEqual([]);
    expect(await data.inShop('restore', 'disk', '--confirm', 'web-data')).toMatchObject({ code: 0 });
    expect((await data.only(Restore)).spec.target).toEqual({ kind: 'Volume', name: 'web-data' });
  });

  it('leaves what was there below the volume that had it', async () => {
    await data.create(Volume, 'r-restored', {}, { labels: { 'containr.dev/safeguard-of': 'web-data' } });
    await data.create(Database, 'web-data', { engine: 'redis' });
    expect((await data.inShop('tree', 'volume/web-data')).stdout).toMatch(
      /^├─ volume\/r-restored {2}kept from before/m,
    );
    expect((await data.inShop('tree', 'database/web-data')).stdout).toBe('database/web-data\n');
  });
});

describe('containr tree and describe', () => {
  it('show backups, restores and what was kept below their database', async () => {
    await data.create(Database, 'main', { engine: 'postgresql' });
    await data.report(Database, 'main', {
      phase: 'Running',
      endpoint: '10.0.0.7:5432',
      lastBackup: { name: 'b', at: taken.takenAt, verified: true },
    });
    await data.backup('b', { ...taken, ...queried });
    await data.backup('of-the-gone', taken, { source: { kind: 'Database', name: 'gone' } });
    await data.create(Restore, 'r', { backup: 'b', target: { kind: 'Database', name: 'main' } });
    await data.report(Restore, 'r', {
      phase: 'Completed',
      inPlace: true,
      restoreTime: '54s',
      previousVolume: 'main-db-data',
    });
    await data.create(
      Volume,
      'main-db-data',
      {},
      { labels: { 'containr.dev/safeguard-of': 'main', 'containr.dev/database': 'main' } },
    );
    expect((await data.cli.run('tree', 'project/shop')).stdout).toMatchInlineSnapshot(`
      "project/shop
      ├─ database/main  Running, 10.0.0.7:5432
      │  ├─ volume/main-db-data  kept from before a restore
      │  ├─ backup/b  Completed, 12.3 MiB, verified in 23s, nas:backup/vzdump-lxc-20001.tar.zst
      │  └─ restore/r  Completed, of backup/b, in 54s
      └─ backup/of-the-gone  Completed, 12.3 MiB, nas:backup/vzdump-lxc-20001.tar.zst
      "
    `);
    const { stdout } = await data.inShop('describe', 'db/main');
    expect(stdout).toMatch(/^Last backup: +backup\/b, \w+ ago, verified$/m);
    expect(stdout).toMatch(/^ +volume\/main-db-data +Kept from before a restore\.$/m);
    expect(stdout).toMatch(/^ +backup\/b$/m);
    expect((await data.inShop('describe', 'backup/b')).stdout).toMatch(
      /^Verified: +yes, restored and queried in 23s$/m,
    );
    expect((await data.inShop('describe', 'restore/r')).stdout).toMatch(
      /^Kept: +volume\/main-db-data, what database\/main held/m,
    );
  });
});
