import { describe, expect, it } from 'vitest';
import {
  readAddresses,
  readStored,
  readBridges,
  readClusterStatus,
  readGuestConfig,
  readGuestStatus,
  readLog,
  readMaybeUpid,
  readPermissions,
  readResources,
  readRunningTasks,
  readTask,
  readVersion,
} from './read-answers.ts';
import { recordedAnswers } from './testing/reference.ts';

const upid = 'UPID:pve1:00005B4F:0005C584:6B048564:vzstart:999:root@pam!full:';

describe('readResources', () => {
  it('reads numbers and truth however they are written, and leaves other rows aside', () => {
    expect(
      readResources([
        {
          id: 'lxc/100',
          type: 'lxc',
          vmid: '100',
          node: 'pve1',
          status: 'running',
          maxmem: '134217728',
          tags: 'a;b',
          lock: 'backup',
        },
        {
          type: 'storage',
          storage: 'local',
          node: 'pve1',
          status: 'available',
          shared: '0',
          content: 'iso,vztmpl',
          disk: 5,
          maxdisk: '10',
        },
        { type: 'node', node: 'pve1', status: 'online', cpu: 0.5, maxcpu: 2 },
        { type: 'sdn', sdn: 'localnetwork' },
      ]),
    ).toMatchObject({
      guests: [{ vmid: 100, maxMemoryBytes: 134_217_728, tags: ['a', 'b'], lock: 'backup', name: undefined }],
      storages: [{ storage: 'local', shared: false, content: ['iso', 'vztmpl'], usedBytes: 5, totalBytes: 10 }],
      nodes: [{ node: 'pve1', online: true, cpu: 0.5, memoryBytes: 0 }],
    });
  });

  it('takes a guest without statistics for unknown, not for stopped', () => {
    const fresh = { type: 'lxc', vmid: 100, node: 'pve1', status: 'unknown', lock: 'create' };
    expect(readResources([fresh]).guests[0]).toMatchObject({ status: 'unknown', maxMemoryBytes: undefined });
    expect(readResources([{ ...fresh, status: undefined }]).guests[0]?.status).toBe('unknown');
  });

  it('throws rather than leaving a guest out that it cannot read', () => {
    expect(() => readResources([{ type: 'lxc', vmid: 'what?', node: 'pve1' }])).toThrow();
  });
});

describe('readClusterStatus', () => {
  it('knows no quorum of a single node, and one of a cluster', () => {
    const node = { type: 'node', name: 'pve1', online: 1, local: 1 };
    expect(readClusterStatus([node])).toEqual({ quorate: undefined, nodes: [{ node: 'pve1', online: true }] });
    expect(readClusterStatus([{ type: 'cluster', quorate: 0, nodes: 2 }, node]).quorate).toBe(false);
    expect(readClusterStatus([{ type: 'cluster', quorate: '1' }, node]).quorate).toBe(true);
  });
});

describe('readGuestConfig', () => {
  it('splits what Proxmox joins, and sorts the numbered keys out', () => {
    const config = readGuestConfig({
      digest: 'x',
      description: 'first line\nsecond line\n',
      env: 'PATH=/bin\0EMPTY=\0D=x=y',
      tags: 'prod;web',
      net0: 'name=eth0',
      mp0: 'local:1,mp=/data',
      mp10: 'local:2,mp=/more',
      unused0: 'local:3',
      onboot: 1,
      cpulimit: '0.5',
      memory: '128',
    });
    expect(config).toMatchObject({
      description: 'first line\nsecond line',
      env: ['PATH=/bin', 'EMPTY=', 'D=x=y'],
      tags: ['prod', 'web'],
      nets: { net0: 'name=eth0' },
      mounts: { mp0: 'local:1,mp=/data', mp10: 'local:2,mp=/more' },
      unused: { unused0: 'local:3' },
      onboot: true,
      protection: false,
      cpuLimit: 0.5,
      memoryMiB: 128,
      swapMiB: 512,
    });
  });

  it('reads a guest that is being made, of which Proxmox shows its lock only', () => {
    expect(readGuestConfig({ lock: 'create', digest: 'x' })).toMatchObject({
      lock: 'create',
      tags: [],
      env: [],
      nets: {},
    });
  });

  it('takes tags that were emptied for none', () => {
    expect(readGuestConfig({ digest: 'x', tags: ' ' }).tags).toEqual([]);
  });
});

describe('readAddresses', () => {
  it('gives what the guest can be reached at, IPv4 first', () => {
    expect(
      readAddresses([
        { name: 'lo', inet: '127.0.0.1/8', inet6: '::1/128' },
        { name: 'eth0', inet: '10.88.0.60/24', inet6: 'fe80::be24:11ff:fe00:1/64' },
        { name: 'eth1', inet6: '2001:db8::5/64' },
      ]),
    ).toEqual(['10.88.0.60', '2001:db8::5']);
  });

  it('believes no guest that gives itself the address of the asker, of a cloud or of many', () => {
    const claimed = [
      '127.0.0.1/8',
      '127.8.8.8/32',
      '0.0.0.0/0',
      '169.254.169.254/16',
      '224.0.0.1/4',
      '255.255.255.255/32',
      '::1/128',
      '::/128',
      '::ffff:127.0.0.1/128',
      'fe80::1/64',
      'FEBF::1/64',
      'ff02::1/128',
      'proxy.lan/24',
    ];
    for (const address of claimed)
      expect([address, readAddresses([{ name: 'eth0', inet: address, inet6: address }])]).toEqual([address, []]);
  });

  it('gives none for a guest that is stopped', () => {
    expect(readAddresses(null)).toEqual([]);
  });
});

describe('readTask', () => {
  it.each([
    [{ status: 'running' }, { status: 'running' }],
    [
      { status: 'stopped', exitstatus: 'OK' },
      { status: 'ended', ok: true, exit: 'OK' },
    ],
    [
      { status: 'stopped', exitstatus: 'WARNINGS: 1' },
      { status: 'ended', ok: true, exit: 'WARNINGS: 1' },
    ],
    [
      { status: 'stopped', exitstatus: 'CT is locked (backup)' },
      { status: 'ended', ok: false, exit: 'CT is locked (backup)' },
    ],
    [
      { status: 'stopped', exitstatus: 'unexpected status' },
      { status: 'ended', ok: false, exit: 'unexpected status' },
    ],
    [{ status: 'stopped' }, { status: 'ended', ok: false, exit: '' }],
  ])('reads %j', (data, state) => {
    expect(readTask(data)).toEqual(state);
  });
});

describe('readRunningTasks', () => {
  it('leaves out tasks that ended, which the list of active ones keeps for a while', () => {
    const running = { upid, type: 'vzstart', status: 'RUNNING', endtime: undefined };
    const ended = { upid: upid.replace('vzstart', 'vzstop'), type: 'vzstop', status: 'OK', endtime: 5 };
    expect(readRunningTasks([running, ended])).toEqual([{ upid, type: 'vzstart' }]);
  });
});

describe('readStored', () => {
  it('gives volids and sizes', () => {
    expect(readStored([{ volid: 'local:vztmpl/web.tar', size: '10240', format: 'tar' }])).toEqual([
      { volid: 'local:vztmpl/web.tar', sizeBytes: 10_240 },
    ]);
  });
});

describe('readMaybeUpid', () => {
  it('tells a task from nothing left to do', () => {
    expect(readMaybeUpid(upid)).toBe(upid);
    expect(readMaybeUpid(null)).toBeUndefined();
    expect(() => readMaybeUpid('OK')).toThrow();
  });
});

const recorded = recordedAnswers();

describe.skipIf(!recorded)('answers of genuine Proxmox code', () => {
  it.each<[string, RegExp, (data: unknown) => unknown]>([
    ['the version', /\/version$/, readVersion],
    ['permissions', /\/access\/permissions$/, readPermissions],
    ['the cluster', /\/cluster\/status$/, readClusterStatus],
    ['resources', /\/cluster\/resources$/, readResources],
    ['networks', /\/nodes\/pve1\/network$/, readBridges],
    ['configs', /\/lxc\/\d+\/config$/, readGuestConfig],
    ['statuses', /\/lxc\/\d+\/status\/current$/, readGuestStatus],
    ['interfaces', /\/lxc\/\d+\/interfaces$/, readAddresses],
    ['tasks', /\/tasks\/UPID[^/]*\/status$/, readTask],
    ['logs', /\/tasks\/UPID[^/]*\/log$/, readLog],
    ['task lists', /\/nodes\/pve1\/tasks$/, readRunningTasks],
    ['storage contents', /\/storage\/\w+\/content$/, readStored],
  ])('are all read: %s', (_, path, read) => {
    const answers = (recorded ?? []).filter(
      (one) => one.method === 'GET' && one.status === 200 && path.test(one.path) && one.path.startsWith('/api2/json'),
    );
    const enveloped = answers.filter(({ body }) => body && 'data' in body);
    expect(enveloped.length).toBeGreaterThan(0);
    for (const { body } of enveloped) expect(() => read(body?.data)).not.toThrow();
  });
});
