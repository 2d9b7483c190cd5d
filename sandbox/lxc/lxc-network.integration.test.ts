import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestNic } from '../engine/engine.ts';
import { EngineFixture, engineTestObstacle, leftovers, until } from './engine-fixture.ts';
import { ensureBridge, removeBridge } from './guest-bridge.ts';
import { instanceOf } from './instance-names.ts';
import { formatAddress } from './ipv4.ts';
import { createLxcEngine } from './lxc-engine.ts';

const obstacle = await engineTestObstacle();

function nic(last: number, changes: Partial<GuestNic> = {}): GuestNic {
  return { name: 'eth0', bridge: 'vmbr0', mac: `BC:24:11:00:00:0${last}`, ...changes };
}

describe.skipIf(obstacle !== undefined)('LxcEngine network', () => {
  let fixture: EngineFixture;
  let address: (last: number) => string;
  beforeAll(async () => {
    fixture = await EngineFixture.create();
    address = (last) => formatAddress(fixture.engine.network.subnet.base + last);
  });
  afterAll(() => fixture.close());

  it('has a static address, route and MAC before the entrypoint runs', async () => {
    const guest = await fixture.guest(
      120,
      'cat /proc/net/route | put route; cat /sys/class/net/eth0/address | put mac; sleep 1000',
      {
        nics: [nic(1, { ip: `${address(5)}/24`, gateway: fixture.engine.network.gateway })],
      },
    );
    await fixture.engine.start(guest);
    expect(await fixture.output(guest, 'route')).toMatch(/^eth0\s+00000000\s/m);
    expect(await fixture.output(guest, 'mac')).toBe('bc:24:11:00:00:01\n');
    expect(await fixture.engine.interfaces(120)).toEqual([
      { name: 'lo', mac: '00:00:00:00:00:00', inet: '127.0.0.1/8' },
      { name: 'eth0', mac: 'bc:24:11:00:00:01', inet: `${address(5)}/24` },
    ]);
    await fixture.engine.stop(120);
    expect(await fixture.engine.interfaces(120)).toEqual([]);
  });

  it('gives a MAC with ip=dhcp the same free address at every start', async () => {
    const guest = await fixture.guest(121, 'sleep 1000', { nics: [nic(2, { ip: 'dhcp' })] });
    await fixture.engine.start(guest);
    const [, first] = await fixture.engine.interfaces(121);
    await fixture.engine.stop(121);
    const other = await fixture.guest(122, 'sleep 1000', { nics: [nic(3, { ip: 'dhcp' })] });
    await fixture.engine.start(other);
    await fixture.engine.start(guest);
    const [, again] = await fixture.engine.interfaces(121);
    const [, foreign] = await fixture.engine.interfaces(122);
    expect(first?.inet).toMatch(/^10\.\d+\.\d+\.\d+\/24$/);
    expect(again).toEqual(first);
    expect(foreign?.inet).not.toBe(first?.inet);
    await Promise.all([fixture.engine.stop(121), fixture.engine.stop(122)]);
  });

  it('keeps static addresses apart from those it gives away', () => {
    const { staticAddresses, subnet } = fixture.engine.network;
    expect(staticAddresses).toEqual({ from: address(2), to: address(127) });
    expect(subnet.prefix).toBe(24);
  });

  it('brings up an interface without address where the guest is to set its own', async () => {
    const guest = await fixture.guest(123, 'sleep 1000', {
      nics: [nic(4, { ip: 'manual' }), nic(5, { name: 'eth1' })],
    });
    await fixture.engine.start(guest);
    expect(await fixture.engine.interfaces(123)).toEqual([
      { name: 'lo', mac: '00:00:00:00:00:00', inet: '127.0.0.1/8' },
      { name: 'eth0', mac: 'bc:24:11:00:00:04' },
      { name: 'eth1', mac: 'bc:24:11:00:00:05' },
    ]);
    await fixture.engine.stop(123);
  });

  it('lets this machine and other guests reach a guest, and counts the bytes', async () => {
    const guest = await fixture.guest(124, 'echo hello > /tmp/index.html; httpd -f -p 80 -h /tmp', {
      nics: [nic(6, { ip: `${address(6)}/24` })],
    });
    await fixture.engine.start(guest);
    await until(() =>
      fetch(`http://${address(6)}/`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
    const asking = await fixture.guest(125, `wget -q -O - http://${address(6)}/ | put page; sleep 1000`, {
      nics: [nic(7, { ip: 'dhcp' })],
    });
    await fixture.engine.start(asking);
    expect(await fixture.output(asking, 'page')).toBe('hello\n');
    const usage = await fixture.engine.usage(124);
    expect(usage?.netIn).toBeGreaterThan(300);
    expect(usage?.netOut).toBeGreaterThan(300);
    await Promise.all([fixture.engine.stop(124), fixture.engine.stop(125)]);
  });

  it.each([
    ['a MAC address that is none', { mac: 'BC:24:11' }],
    ['an interface name that is none', { name: 'a b' }],
  ])('refuses %s', async (_, changes) => {
    const guest = await fixture.guest(126, 'sleep 1000', { nics: [nic(8, changes)] });
    await expect(fixture.engine.start(guest)).rejects.toThrow('is no');
  });

  it('fails to start with an address that is none, in the words of LXC', async () => {
    const guest = await fixture.guest(127, 'sleep 1000', { nics: [nic(9, { ip: 'nonsense' })] });
    await expect(fixture.engine.start(guest)).rejects.toThrow("startup for container '127' failed");
  });
});

describe.skipIf(obstacle !== undefined)('two engines on one machine', () => {
  it('keep out of each other, with the same vmid in both', async () => {
    const [one, two] = await Promise.all([EngineFixture.create(), EngineFixture.create()]);
    const nics = [nic(1, { ip: 'dhcp' })];
    const guests = await Promise.all([one, two].map((each) => each.guest(100, 'sleep 1000', { nics })));
    const [first, second] = guests;
    if (!first || !second) throw new Error('two guests were made');
    await Promise.all([one.engine.start(first), two.engine.start(second)]);
    expect(one.engine.network.name).not.toBe(two.engine.network.name);
    expect(one.engine.network.gateway).not.toBe(two.engine.network.gateway);

    await one.engine.recover([]);
    expect(two.engine.isRunning(100)).toBe(true);
    await one.close();
    expect(leftovers(instanceOf(join(one.folder, 'state')))).toEqual([]);
    expect(two.engine.isRunning(100)).toBe(true);
    expect(await two.engine.interfaces(100)).toHaveLength(2);
    await two.close();
    expect(leftovers(instanceOf(join(two.folder, 'state')))).toEqual([]);
  });

  it('refuse a subnet that the machine already uses', async () => {
    const fixture = await EngineFixture.create();
    const stateDir = await mkdtemp(join(tmpdir(), 'lxc-engine-'));
    const subnet = `${formatAddress(fixture.engine.network.subnet.base)}/24`;
    await expect(createLxcEngine({ stateDir, subnet })).rejects.toThrow('overlaps');
    await fixture.close();
    expect(leftovers(instanceOf(stateDir))).toEqual([]);
    await rm(stateDir, { recursive: true });
  });

  it('keep their subnet over restarts', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'lxc-engine-'));
    const name = `ctbr-${instanceOf(stateDir)}`;
    const first = await ensureBridge({ name, stateDir });
    await removeBridge(name);
    const second = await ensureBridge({ name, stateDir });
    await removeBridge(name);
    await rm(stateDir, { recursive: true });
    expect(second).toEqual(first);
  });
});
