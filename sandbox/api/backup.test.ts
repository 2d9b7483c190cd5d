import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startTestSandbox, type TestSandbox } from '../testing/test-sandbox.ts';

let test: TestSandbox;
/** Backups are named by the second they were taken in. */
let clock = Date.now();
beforeEach(async () => {
  test = await startTestSandbox({ lockWaitMs: 200, now: () => (clock += 1000) });
  await test.create(100, { mp0: 'local:1,mp=/data,backup=1', mp1: 'local:1,mp=/cache' });
  writeFileSync(join(volumeOf(100, 1), 'file'), 'kept');
  writeFileSync(join(volumeOf(100, 2), 'file'), 'not in the backup');
});
afterEach(() => test.close());

function volumeOf(vmid: number, disk: number): string {
  return test.sandbox.admin.volumePath('pve1', `local:${vmid}/vm-${vmid}-disk-${disk}.raw`);
}

async function backUp(parameters: Record<string, unknown> = {}): Promise<string> {
  expect(
    await test.api.task('POST', '/nodes/pve1/vzdump', {
      vmid: '100',
      storage: 'local',
      compress: 'zstd',
      ...parameters,
    }),
  ).toBe('OK');
  const listed = await test.api.data('GET', '/nodes/pve1/storage/local/content', { content: 'backup' });
  return (
    z
      .array(z.object({ volid: z.string() }))
      .parse(listed)
      .at(-1)?.volid ?? ''
  );
}

function restore(parameters: Record<string, unknown>): Promise<string> {
  return test.api.task('POST', '/nodes/pve1/lxc', { restore: 1, storage: 'local', ...parameters });
}

describe('a backup', () => {
  it.each(['0', 'gzip', 'zstd'])(
    'is restored to a new guest with the content of its volumes (%s)',
    async (compress) => {
      const ostemplate = await backUp({ compress });
      expect(await restore({ vmid: 101, ostemplate })).toBe('WARNINGS: 1');
      expect(readFileSync(join(volumeOf(101, 1), 'file'), 'utf8')).toBe('kept');
      expect(existsSync(join(volumeOf(101, 2), 'file'))).toBe(false);
      expect(existsSync(join(volumeOf(101, 0), 'etc/vzdump'))).toBe(false);
      const config = await test.api.data('GET', '/nodes/pve1/lxc/101/config');
      expect(config).toMatchObject({
        entrypoint: '/bin/httpd -f',
        mp0: 'local:101/vm-101-disk-1.raw,mp=/data,backup=1,size=1G',
      });
      expect(config).not.toHaveProperty('lxc');
      expect(await test.api.task('POST', '/nodes/pve1/lxc/101/status/start')).toBe('OK');
    },
  );

  it('restored in place destroys every volume, also those that it does not hold', async () => {
    const ostemplate = await backUp();
    expect(await restore({ vmid: 100, ostemplate, force: 1 })).toBe('WARNINGS: 1');
    const listed = await test.api.data('GET', '/nodes/pve1/storage/local/content', { content: 'rootdir' });
    expect(
      z
        .array(z.object({ volid: z.string() }))
        .parse(listed)
        .map(({ volid }) => volid),
    ).toEqual(['local:100/vm-100-disk-3.raw', 'local:100/vm-100-disk-4.raw', 'local:100/vm-100-disk-5.raw']);
    expect(existsSync(join(volumeOf(100, 5), 'file'))).toBe(false);
  });

  it('restored in place leaves no guest when the archive is broken', async () => {
    const ostemplate = await backUp({ compress: '0' });
    const path = test.sandbox.admin.volumePath('pve1', ostemplate);
    writeFileSync(path, readFileSync(path).subarray(0, 700));
    expect(await restore({ vmid: 100, ostemplate, force: 1 })).toMatch(/^unable to restore CT 100 - /);
    expect((await test.api.call('GET', '/nodes/pve1/lxc/100/config')).status).toBe(500);
  });

  it('locks its guest while it is taken, and one is taken at a time on a node', async () => {
    await test.create(101);
    test.sandbox.faults.onTask({ match: { type: 'vzdump' }, extraMs: 400 });
    const start = async (vmid: number): Promise<string> =>
      z.string().parse(await test.api.data('POST', '/nodes/pve1/vzdump', { vmid: String(vmid) }));
    const upids = [await start(100), await start(101)];
    await new Promise((resolve) => setTimeout(resolve, 30));
    const lockOf = async (vmid: number): Promise<unknown> =>
      z.object({ lock: z.string().optional() }).parse(await test.api.data('GET', `/nodes/pve1/lxc/${vmid}/config`))
        .lock;
    expect([await lockOf(100), await lockOf(101)]).toEqual(['backup', undefined]);
    expect((await test.api.call('DELETE', '/nodes/pve1/lxc/100')).statusText).toBe('CT is locked (backup)');
    expect(await Promise.all(upids.map((upid) => test.api.taskEnd(upid)))).toEqual(['OK', 'OK']);
    expect([await lockOf(100), await lockOf(101)]).toEqual([undefined, undefined]);
  });

  it('makes older ones go when few are to be kept, but for the protected', async () => {
    const kept = await backUp({ protected: 1 });
    await backUp({ 'prune-backups': 'keep-last=1' });
    const last = await backUp({ 'prune-backups': 'keep-last=1' });
    const listed = await test.api.data('GET', '/nodes/pve1/storage/local/content', { content: 'backup', vmid: 100 });
    const volids = z
      .array(z.object({ volid: z.string() }))
      .parse(listed)
      .map(({ volid }) => volid);
    expect(volids).toEqual([kept, last]);
  });
});

describe('a volume', () => {
  it('outlives its guest as part of another', async () => {
    await test.create(101);
    const moved = await test.api.task('POST', '/nodes/pve1/lxc/100/move_volume', {
      volume: 'mp0',
      'target-vmid': 101,
      'target-volume': 'mp0',
    });
    expect(moved).toBe('OK');
    expect(await test.api.task('DELETE', '/nodes/pve1/lxc/100', { purge: 1 })).toBe('OK');
    expect(await test.api.data('GET', '/nodes/pve1/lxc/101/config')).toMatchObject({
      mp0: 'local:101/vm-101-disk-1.raw,mp=/data,backup=1,size=1G',
    });
    expect(readFileSync(join(volumeOf(101, 1), 'file'), 'utf8')).toBe('kept');
  });

  it.each([
    [
      'from a guest that runs',
      { volume: 'mp0', 'target-vmid': 101 },
      'Cannot move in-use volume while the source CT is running - detach or shutdown first',
    ],
    ['that is not there', { volume: 'mp7', 'target-vmid': 101 }, "volume 'mp7' for container '100' does not exist"],
  ])('is not moved %s', async (_, parameters, text) => {
    await test.create(101);
    await test.api.task('POST', '/nodes/pve1/lxc/100/status/start');
    const answer = await test.api.call('POST', '/nodes/pve1/lxc/100/move_volume', parameters);
    expect(answer.statusText).toBe(text);
  });

  it('goes to another storage with its content, and is kept as unused', async () => {
    test.sandbox.addStorage({ name: 'fast' });
    expect(await test.api.task('POST', '/nodes/pve1/lxc/100/move_volume', { volume: 'mp0', storage: 'fast' })).toBe(
      'OK',
    );
    expect(await test.api.data('GET', '/nodes/pve1/lxc/100/config')).toMatchObject({
      mp0: 'fast:100/vm-100-disk-0.raw,mp=/data,backup=1,size=1G',
      unused0: 'local:100/vm-100-disk-1.raw',
    });
    const path = test.sandbox.admin.volumePath('pve1', 'fast:100/vm-100-disk-0.raw');
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('kept');
  });

  it('of a destroyed guest goes with it, the unused too', async () => {
    await test.api.data('PUT', '/nodes/pve1/lxc/100/config', { delete: 'mp0' });
    await test.api.task('DELETE', '/nodes/pve1/lxc/100');
    expect(await test.api.data('GET', '/nodes/pve1/storage/local/content', { content: 'rootdir' })).toEqual([]);
    expect(existsSync(volumeOf(100, 1))).toBe(false);
  });
});
