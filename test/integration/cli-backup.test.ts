import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Volume } from '../../crds/volume.ts';
import { DataFixture, condition, queried, taken } from './cli-data-fixture.ts';

let data: DataFixture;
beforeEach(async () => {
  data = await DataFixture.create();
});
afterEach(() => data.cli.dispose());

describe('containr backup now', () => {
  it('asks for a backup named after its source and the time, verified as the schedule has it', async () => {
    await data.create(Database, 'main', { engine: 'postgresql', backup: { verify: true } });
    const { code, stdout, stderr } = await data.inShop('backup', 'now', 'main');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^backup\/main-\d{14} created\n$/);
    expect(stderr).toMatch(/containr wait backup\/main-\d{14} -n shop --for=condition=Ready/);
    expect((await data.only(Backup)).spec).toMatchObject({
      source: { kind: 'Database', name: 'main' },
      mode: 'snapshot',
      trigger: 'manual',
      verify: true,
      protected: false,
    });
  });

  it('tells at the end where it lies and that it was read back only', async () => {
    await data.create(Volume, 'web-data', {});
    const running = data.cli.start([
      'backup',
      'now',
      'vol/web-data',
      '-n',
      'shop',
      '--name',
      'b',
      '--protect',
      '--wait',
    ]);
    await running.says('created');
    await data.report(Backup, 'b', taken);
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout.replace(/\(\d+\w+ ago\)/, '(AGE ago)')).toMatchInlineSnapshot(`
      "backup/b created
      backup/b completed
      Source:      volume/web-data
      Archive:     nas:backup/vzdump-lxc-20001.tar.zst on node pve1
      Size:        12.3 MiB
      Taken:       2026-01-31T12:00:00.000Z (AGE ago), in 12s
      Checksum:    cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
      Verified:    no, only read back; to have it restored and read: containr backup verify b -n shop
      Protected:   yes
      "
    `);
  });

  it('ends with 1 and the reason when it fails', async () => {
    await data.create(Database, 'main', { engine: 'postgresql' });
    const running = data.cli.start(['backup', 'now', 'main', '-n', 'shop', '--name', 'b', '--mode', 'dump', '--wait']);
    await running.says('created');
    await data.report(Backup, 'b', {
      phase: 'Failed',
      conditions: [condition('Ready', 'False', 'The dump is empty.')],
    });
    expect(await running.ended).toMatchObject({
      code: 1,
      stderr: 'containr: backup/b is Failed: The dump is empty.\n',
    });
  });

  it('ends with 6 when it takes longer, and says how far it is', async () => {
    await data.create(Database, 'main', { engine: 'postgresql' });
    const ended = await data.inShop('backup', 'now', 'main', '--name', 'b', '--wait', '--timeout', '100ms');
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringContaining('backup/b: timed out') });
  });

  it('is for databases and volumes that are there', async () => {
    expect(await data.inShop('backup', 'now', 'nothing')).toMatchObject({ code: 3 });
    expect(await data.inShop('backup', 'now', 'service/web')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DATABASE or volume/NAME'),
    });
    expect(await data.inShop('backup', 'now', 'volume/web-data', '--mode', 'dump')).toMatchObject({ code: 2 });
    expect(await data.cli.run('backup', 'now', 'main')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('-n PROJECT'),
    });
  });
});

describe('containr backup list', () => {
  it('shows them newest first, with what a restore took', async () => {
    await data.backup('old', { ...taken, ...queried, takenAt: '2026-01-01T12:00:00.000Z' });
    await data.backup('unproven', { ...taken, conditions: [condition('RestoreVerified', 'False', 'No answer.')] });
    await data.backup('going', { phase: 'Taking' });
    await data.create(Backup, 'disk', { source: { kind: 'Volume', name: 'web-data' } });
    const { stdout } = await data.inShop('backup', 'list');
    expect(stdout.replaceAll(/ \d+[smhdy]\w* +/g, ' AGE   ')).toMatchInlineSnapshot(`
      "NAME       SOURCE            PHASE       SIZE       TAKEN   VERIFIED   RTO
      disk       volume/web-data   Pending                        no
      going      main              Taking                         no
      unproven   main              Completed   12.3 MiB   AGE   failed
      old        main              Completed   12.3 MiB   AGE   yes        23s
      "
    `);
    expect((await data.inShop('backup', 'list', 'volume/web-data', '--no-headers')).stdout).toMatch(
      /^disk +volume\/web-data +Pending/,
    );
    expect((await data.cli.run('backup', 'list', '-A')).stdout).toMatch(/^NAMESPACE +NAME/);
    expect((await data.inShop('backup', 'list', 'main', '-o', 'name')).stdout.split('\n')).toEqual([
      'backup/going',
      'backup/unproven',
      'backup/old',
      '',
    ]);
    expect((await data.inShop('backup', 'list', '-o', 'wide')).stdout).toContain('No answer.');
  });

  it('says when there is none', async () => {
    expect(await data.inShop('backup', 'list', 'main')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'No backups of main found in shop.\n',
    });
  });
});

describe('containr backup verify', () => {
  it('has a completed one queried, and tells how long that took', async () => {
    await data.backup('b', taken);
    const running = data.cli.start(['backup', 'verify', 'b', '-n', 'shop']);
    while (!(await data.only(Backup)).spec.verify) await pause(10);
    await data.report(Backup, 'b', queried);
    expect(await running.ended).toMatchObject({
      code: 0,
      stdout: 'backup/b is verified: restored and queried in 23s\n',
    });
  });

  it('tries again what failed before, and ends with 1 when it fails again', async () => {
    const broken = {
      failure: 'No answer.',
      failureReason: 'ReadBackFailed',
      conditions: [condition('RestoreVerified', 'False', 'No answer.')],
    };
    await data.backup('b', { ...taken, ...broken }, { verify: true });
    const running = data.cli.start(['backup', 'verify', 'b', '-n', 'shop']);
    while ((await data.only(Backup)).spec.verify) await pause(10);
    await data.report(Backup, 'b', { failure: undefined, failureReason: undefined, conditions: [] });
    while (!(await data.only(Backup)).spec.verify) await pause(10);
    await data.report(Backup, 'b', broken);
    expect(await running.ended).toMatchObject({ code: 1, stderr: 'containr: backup/b is not verified: No answer.\n' });
  });

  it('refuses one that cannot be restored, and does nothing for one that was verified', async () => {
    await data.backup('bad', { phase: 'Failed', conditions: [condition('Ready', 'False', 'The storage is full.')] });
    expect(await data.inShop('backup', 'verify', 'bad')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The storage is full.'),
    });
    await data.backup('good', { ...taken, ...queried });
    expect(await data.inShop('backup', 'verify', 'backup/good')).toMatchObject({
      code: 0,
      stdout: 'backup/good is verified: restored and queried in 23s\n',
    });
  });
});

describe('containr backup protect', () => {
  it('keeps a backup from being deleted until it is unprotected', async () => {
    await data.backup('b', taken);
    expect((await data.inShop('backup', 'protect', 'b')).stdout).toBe('backup/b protected\n');
    expect(await data.inShop('delete', 'backup/b', '--no-wait')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('protected'),
    });
    expect((await data.inShop('backup', 'unprotect', 'b')).stdout).toBe('backup/b is not protected any more\n');
    expect(await data.inShop('delete', 'backup/b', '--no-wait')).toMatchObject({ code: 0 });
  });
});
