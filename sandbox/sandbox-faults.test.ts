import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from './testing/api-client.ts';
import { startTestSandbox, type TestSandbox } from './testing/test-sandbox.ts';

let test: TestSandbox;
beforeEach(async () => {
  test = await startTestSandbox({ lockWaitMs: 50 });
});
afterEach(() => test.close());

const config = '/nodes/pve1/lxc/100/config';

describe('planned faults', () => {
  it('answer in place of a call, as often as planned', async () => {
    test.sandbox.faults.onCall({
      match: { method: 'GET', path: '/version' },
      effect: { do: 'answer', status: 500, text: 'out of order' },
      times: 1,
    });
    const answers = [await test.api.call('GET', '/version'), await test.api.call('GET', '/version')];
    expect(answers.map(({ status, statusText }) => `${status} ${statusText}`)).toEqual(['500 out of order', '200 OK']);
  });

  it('drop the connection before a call had its effect, or after', async () => {
    await test.create(100);
    const match = { method: 'PUT', path: config } as const;
    for (const [when, memory] of [
      ['before', 64],
      ['after', 128],
    ] as const) {
      test.sandbox.faults.onCall({ match, effect: { do: 'drop', when }, times: 1 });
      await expect(test.api.call('PUT', config, { memory })).rejects.toThrow();
      expect(await test.api.data('GET', config)).toMatchObject({ memory: when === 'before' ? 512 : 128 });
    }
  });

  it('answer 596 without a body while the work goes on', async () => {
    test.sandbox.faults.onCall({ match: { path: /lxc$/, method: 'POST' }, effect: { do: 'proxy-timeout' } });
    const parameters = { vmid: 100, ostemplate: 'local:vztmpl/web.tar', ostype: 'unmanaged' };
    const answer = await test.api.call('POST', '/nodes/pve1/lxc', parameters);
    expect([answer.status, answer.text]).toEqual([596, '']);
    await test.sandbox.settle();
    expect(await test.api.data('GET', config)).toMatchObject({ hostname: 'CT100' });
  });

  it('fail a task, which then leaves nothing', async () => {
    test.sandbox.faults.onTask({ match: { type: 'vzcreate' }, error: 'no luck', times: 1 });
    expect(await test.create(100)).toBe('unable to create CT 100 - no luck');
    expect(await test.api.data('GET', '/nodes/pve1/lxc')).toEqual([]);
    expect(await test.create(100)).toBe('OK');
  });

  it('kill a task, whose lock stays until root takes it away', async () => {
    test.sandbox.faults.onTask({ match: { type: 'vzcreate' }, killed: true });
    expect(await test.create(100)).toBe('unexpected status');
    expect(await test.api.data('GET', config)).toMatchObject({ lock: 'create' });
    const locked = [
      await test.api.call('PUT', config, { memory: 64 }),
      await test.api.call('DELETE', '/nodes/pve1/lxc/100'),
    ];
    expect(locked.map(({ statusText }) => statusText)).toEqual(['CT is locked (create)', 'CT is locked (create)']);
    test.sandbox.admin.unlock(100);
    expect(await test.api.task('DELETE', '/nodes/pve1/lxc/100')).toBe('OK');
  });
});

describe('a node that is away', () => {
  it('is answered for with 595, and its guests are unknown', async () => {
    await test.create(100);
    await test.sandbox.admin.setNodeOnline('pve2', false);
    const answer = await test.api.call('GET', '/nodes/pve2/lxc');
    expect([answer.status, answer.statusText, answer.text]).toEqual([595, 'No route to host', '']);
    test.sandbox.admin.moveGuest(100, 'pve2');
    await test.sandbox.tick();
    expect(await test.api.data('GET', '/cluster/resources', { type: 'vm' })).toEqual([
      { id: 'lxc/100', type: 'lxc', vmid: 100, node: 'pve2', status: 'unknown' },
    ]);
    expect(await test.api.data('GET', '/nodes')).toMatchObject([
      { node: 'pve1', status: 'online' },
      { node: 'pve2', status: 'offline' },
    ]);
  });

  it('leaves the endpoints of the others', async () => {
    await test.close();
    test = await startTestSandbox({ endpoints: 2 });
    await test.create(100);
    const [, second = ''] = test.sandbox.urls;
    const secret = await test.sandbox.addToken('root@pam', 'second', { privsep: false });
    const other = new ApiClient(second, test.sandbox.certificate, `root@pam!second=${secret}`);
    expect(await other.data('GET', '/nodes/pve1/lxc/100/config')).toMatchObject({ hostname: 'CT100' });
    await test.sandbox.admin.setNodeOnline('pve1', false);
    expect((await other.call('GET', '/nodes/pve1/lxc/100/config')).status).toBe(595);
    expect(await other.data('GET', '/cluster/status')).toMatchObject([
      { quorate: 1 },
      { name: 'pve1', online: 0, local: 0 },
      { name: 'pve2', online: 1, local: 1 },
    ]);
    other.close();
  });

  it('does not answer itself', async () => {
    await test.sandbox.admin.setNodeOnline('pve1', false);
    await expect(test.api.call('GET', '/version')).rejects.toThrow();
  });
});

describe('a cluster without quorum', () => {
  it('refuses writes and answers reads', async () => {
    await test.create(100);
    test.sandbox.admin.setQuorate(false);
    expect((await test.api.call('PUT', config, { memory: 64 })).statusText).toBe('cluster not ready - no quorum?');
    expect(await test.api.data('GET', config)).toMatchObject({ memory: 512 });
    expect(await test.api.data('GET', '/cluster/status')).toContainEqual(expect.objectContaining({ quorate: 0 }));
  });
});

describe('workers', () => {
  it('that wait for a lock keep other calls of the node waiting, not those of other nodes', async () => {
    await test.close();
    test = await startTestSandbox({ lockWaitMs: 300, taskTimes: { vzcreate: 2000 } });
    const creating = test.create(100);
    await test.api.call('GET', '/version');
    const order: string[] = [];
    const note = async (name: string, call: Promise<unknown>): Promise<void> => {
      await call;
      order.push(name);
    };
    await Promise.all([
      ...[1, 2, 3].map(() => note('put', test.api.call('PUT', config, { memory: 64 }))),
      new Promise((resolve) => setTimeout(resolve, 50)).then(() =>
        Promise.all([
          note('same node', test.api.call('GET', '/nodes/pve1/lxc')),
          note('other node', test.api.call('GET', '/nodes/pve2/lxc')),
        ]),
      ),
    ]);
    expect(order[0]).toBe('other node');
    expect(order.indexOf('same node')).toBeGreaterThan(order.indexOf('put'));
    await test.api.call(
      'DELETE',
      `/nodes/pve1/tasks/${encodeURIComponent(test.sandbox.admin.runningTasks()[0] ?? '')}`,
    );
    expect(await creating).toBe('unable to create CT 100 - received interrupt');
  });
});
