import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from './testing/test-sandbox.ts';

let test: TestSandbox;
beforeEach(async () => {
  test = await startTestSandbox();
});
afterEach(() => test.close());

describe('a sandbox started again on its folder', () => {
  it('has its guests, running and stopped, with their volumes, tasks, users and pools', async () => {
    test.sandbox.addPool('blue');
    test.sandbox.addStorage({ name: 'fast', totalBytes: 10 * 1024 ** 3 });
    await test.create(100, { pool: 'blue', tags: 'x', rootfs: 'fast:1' });
    await test.create(101);
    await test.api.task('POST', '/nodes/pve1/lxc/100/status/start');
    const before = await test.api.data('GET', '/nodes/pve1/lxc/100/config');
    await test.restart();
    expect(await test.api.data('GET', '/nodes/pve1/lxc/100/config')).toEqual(before);
    expect(await test.api.data('GET', '/cluster/resources', { type: 'vm' })).toMatchObject([
      { vmid: 100, status: 'running', pool: 'blue', tags: 'x' },
      { vmid: 101, status: 'stopped' },
    ]);
    expect(await test.api.data('GET', '/nodes/pve1/storage/fast/content', { content: 'rootdir' })).toHaveLength(1);
    expect(await test.api.data('GET', '/nodes/pve1/tasks', { typefilter: 'vzcreate' })).toHaveLength(2);
    expect(await test.create(100).catch(String)).toContain("CT 100 already exists on node 'pve1'");
  });

  it('keeps the lock of a create that died with it, as a node does that crashed', async () => {
    test.sandbox.faults.onTask({ match: { type: 'vzcreate' }, killed: true });
    await test.create(100);
    await test.restart();
    expect(await test.api.data('GET', '/nodes/pve1/lxc/100/config')).toMatchObject({ lock: 'create' });
  });

  it('undoes what died with it where it is told to', async () => {
    await test.close();
    test = await startTestSandbox({ taskTimes: { vzcreate: 60_000 } });
    const { readFile, writeFile } = await import('node:fs/promises');
    const journal = `${test.folder}/data/nodes/pve1/tasks.jsonl`;
    const parameters = { vmid: 100, ostemplate: 'local:vztmpl/web.tar' };
    await test.api.data('POST', '/nodes/pve1/lxc', parameters);
    const asAtTheCrash = await readFile(journal);
    for (const upid of test.sandbox.admin.runningTasks()) test.sandbox.admin.killTask(upid);
    await test.sandbox.close({ stopGuests: false });
    await writeFile(journal, asAtTheCrash);
    await test.restart({ interruptedTasks: 'undo', taskTimes: {} });
    expect(await test.api.data('GET', '/nodes/pve1/lxc')).toEqual([]);
    expect(await test.create(100)).toBe('OK');
  });
});
