import { describe, expect, it } from 'vitest';
import type { GuestMachine } from '../engine/engine.ts';
import { busyboxMachine } from './engine-fixture.ts';
import { renderGuestConfig, stagedFolders, type GuestConfigContext } from './guest-config.ts';
import { instanceNames } from './instance-names.ts';

const context: GuestConfigContext = {
  names: instanceNames('abc', '/state'),
  limits: [
    { root: '/cg', version: 2, file: 'memory.max', value: '1024' },
    { root: '/cg', version: 1, file: 'cpu.cfs_quota_us', value: '5' },
  ],
  leases: new Map([['BC:24:11:00:00:02', '10.1.2.128/24']]),
  gateway: '10.1.2.1',
  seccompProfile: undefined,
  apparmor: false,
};

function render(changes: Partial<GuestMachine>): string[] {
  return renderGuestConfig(busyboxMachine('/data', 100, '', changes), context)
    .trimEnd()
    .split('\n');
}

describe('renderGuestConfig', () => {
  it('writes each limit for the version of control groups that has it', () => {
    expect(render({})).toEqual(
      expect.arrayContaining(['lxc.cgroup2.memory.max = 1024', 'lxc.cgroup.cpu.cfs_quota_us = 5']),
    );
  });

  it('writes static and leased addresses, each with its gateway', () => {
    const nics = [
      { name: 'eth0', bridge: 'vmbr0', mac: 'BC:24:11:00:00:01', ip: '10.1.2.5/24', gateway: '10.1.2.254' },
      { name: 'eth1', bridge: 'vmbr0', mac: 'BC:24:11:00:00:02', ip: 'dhcp' },
      { name: 'eth2', bridge: 'vmbr0', mac: 'BC:24:11:00:00:03' },
    ];
    const addresses = render({ nics }).filter((line) => line.includes('.ipv4.'));
    expect(addresses).toEqual([
      'lxc.net.0.ipv4.address = 10.1.2.5/24',
      'lxc.net.0.ipv4.gateway = 10.1.2.254',
      'lxc.net.1.ipv4.address = 10.1.2.128/24',
      'lxc.net.1.ipv4.gateway = 10.1.2.1',
    ]);
  });

  it('writes mount targets as LXC reads them, from folders staged where container root can go', () => {
    const mounts = [{ key: 'mp0', path: '/data/v', mountPath: '/my data\\x', readOnly: true }];
    const machine = busyboxMachine('/data', 100, '', { mounts });
    expect(stagedFolders(machine)).toEqual([
      { source: machine.rootfs, staged: '/run/lxc/guest/rootfs' },
      { source: '/data/v', staged: '/run/lxc/guest/mount0' },
    ]);
    expect(render({ mounts })).toContain(
      'lxc.mount.entry = /run/lxc/guest/mount0 my\\040data\\134x none bind,create=dir,ro 0 0',
    );
  });

  it('writes the environment after the terminal type, unchanged', () => {
    const lines = render({ env: ['A="quoted" # = x ', 'TERM=xterm'] }).filter((line) =>
      line.startsWith('lxc.environment'),
    );
    expect(lines).toEqual([
      'lxc.environment = TERM=linux',
      'lxc.environment = A="quoted" # = x ',
      'lxc.environment = TERM=xterm',
    ]);
  });

  it.each<[string, Partial<GuestMachine>]>([
    ['a mount over the root', { mounts: [{ key: 'mp0', path: '/v', mountPath: '/', readOnly: false }] }],
    ['a mount path with two dots', { mounts: [{ key: 'mp0', path: '/v', mountPath: '/a/../b', readOnly: false }] }],
    ['a line break in a variable', { env: ['A=1\nlxc.hook.start = /bin/sh'] }],
    ['a carriage return in a variable', { env: ['A=1\rB'] }],
    ['a NUL in the working directory', { cwd: '/a\0b' }],
    ['a host name with a space', { hostname: 'a b' }],
    ['a group beyond the id map', { gid: 65_536 }],
    ['a negative user', { uid: -1 }],
    ['a signal nobody knows', { haltSignal: 'STOPIT' }],
  ])('refuses %s', (_, changes) => {
    expect(() => render(changes)).toThrow();
  });
});
