import { describe, expect, it } from 'vitest';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { GuestConfig } from '../providers/proxmox/client.ts';
import { testGuest } from '../shared/testing.ts';
import { desiredGuest, differences, hostOf, type DesiredGuest } from './desired.ts';

const staticNetwork: ProxmoxCluster['spec']['network'] = {
  addressing: 'static',
  bridge: 'vmbr0',
  cidr: '10.40.0.0/24',
  gateway: '10.40.0.1',
  pool: { from: '10.40.0.50', to: '10.40.0.60' },
  nameservers: ['10.40.0.1'],
};
const dhcp: ProxmoxCluster['spec']['network'] = { addressing: 'dhcp', bridge: 'vmbr1', vlan: 7, nameservers: [] };
const status = { reservedAddress: '10.40.0.50/24', mac: 'BC:24:11:00:00:01' };

const keys = { secret: 's'.repeat(32), seal: { key: Buffer.alloc(32, 7), uid: 'uid-1' } };

function wanted(
  spec: Record<string, unknown> = {},
  network = staticNetwork,
  environment: string[] | undefined = ['A=b'],
  shape = environment,
): DesiredGuest {
  const guest = testGuest(spec, status);
  return desiredGuest({ guest, network, installation: 'a1b2c3d4', environment, shape, ...keys });
}

const lacksEnvironment = desiredGuest({
  guest: testGuest({}, status),
  network: staticNetwork,
  installation: 'a1b2c3d4',
  environment: undefined,
  shape: ['A=b'],
  ...keys,
});

function actual(desired: DesiredGuest, changes: Partial<GuestConfig> = {}): GuestConfig {
  const { hostname, tags, memoryMiB, swapMiB, cores, cpuLimit, entrypoint, env = [] } = desired;
  return {
    digest: 'x',
    hostname,
    description: `${desired.description}\n`,
    tags,
    lock: undefined,
    memoryMiB,
    swapMiB,
    cores,
    cpuLimit,
    entrypoint,
    env,
    onboot: true,
    protection: false,
    nets: { net0: `${desired.net0.replace('BC:24:11', 'bc:24:11')},type=veth` },
    rootfs: 'local-lvm:vm-1-disk-0',
    mounts: {},
    unused: {},
    ...changes,
  };
}

describe('desiredGuest', () => {
  it('puts resources into the words of Proxmox', () => {
    const resources = { cpu: '1500m', memory: '1Gi', storage: '2Gi' };
    expect(wanted({ resources })).toMatchObject({
      cores: 2,
      cpuLimit: 1.5,
      memoryMiB: 1024,
      swapMiB: 0,
      rootfsGiB: 2,
      entrypoint: '/.containr/init',
    });
  });

  it('puts static and given addresses into net0', () => {
    expect(wanted().net0).toContain('ip=10.40.0.50/24');
    expect(wanted().net0).toContain('gw=10.40.0.1');
    const given = desiredGuest({
      guest: testGuest(),
      network: dhcp,
      installation: 'a1b2c3d4',
      environment: [],
      shape: [],
      ...keys,
    });
    expect(given.net0).toContain('bridge=vmbr1');
    expect(given.net0).toContain('ip=dhcp');
    expect(given.net0).toContain('tag=7');
    expect(given.net0).not.toContain('gw=');
  });

  it('hands the environment over as one value in which nothing of it can be read', () => {
    const { env = [] } = wanted({}, staticNetwork, ['PASSWORD=canary', 'TEXT=a\nb']);
    expect(env).toHaveLength(1);
    expect(env[0]).toMatch(/^CONTAINR_CONFIG=[^\s,;]+$/);
    expect(env[0]).not.toContain('canary');
  });

  it('encrypts it for the guest where its archive has a supervisor that opens it, and only there', () => {
    const { artifact } = testGuest().spec;
    const envWith = (supervisor: number) => wanted({ artifact: { ...artifact, supervisor } }).env?.[0] ?? '';
    expect(wanted().env?.[0]).toMatch(/^CONTAINR_CONFIG=[A-Za-z0-9+/]+=*$/);
    expect(envWith(2)).toBe(wanted().env?.[0]);
    expect(envWith(3)).toMatch(/^CONTAINR_CONFIG=2\.uid-1\.[A-Za-z0-9+/]+=*$/);
    expect(envWith(3)).toBe(envWith(3));
  });

  it.each([
    ['another environment', wanted({}, staticNetwork, ['A=c']), true],
    ['another command', wanted({ process: { command: ['/other'] } }), true],
    ['a restart that is asked for', wanted({ restartedAt: 'now' }), true],
    ['that it is to be held', wanted({ hold: true }), true],
    ['a command that it may be asked to run', wanted({ commands: [{ name: 'dump', argv: ['x'] }] }), false],
    ['more memory', wanted({ resources: { memory: '1Gi' } }), false],
    ['another value behind a reference', wanted({}, staticNetwork, ['A=c'], ['A=b']), false],
    ['a reference that leads nowhere any more', lacksEnvironment, false],
  ])('has the process started anew for %s: only where it has to be', (_, changed, restarts) => {
    expect(changed).not.toEqual(wanted());
    expect(changed.processDigest !== wanted().processDigest).toBe(restarts);
  });
});

describe('a guest that is held', () => {
  const held = wanted({ hold: true });

  it('is known from one that is not by what it was started with, and needs no restart to be released', () => {
    expect(held.processDigest).toBe(held.heldDigest);
    expect(wanted().heldDigest).toBe(held.heldDigest);
    expect(wanted().processDigest).not.toBe(held.heldDigest);
    expect(wanted({ hold: true, restartedAt: 'now' }).heldDigest).not.toBe(held.heldDigest);
  });

  it('gets a configuration that says so, with what it may be asked to run', () => {
    const commands = [{ name: 'digest', argv: ['/.containr/init', 'digest', '/data'], user: '0' }];
    const [value = ''] = wanted({ hold: true, commands }).env ?? [];
    const told = Buffer.from(value.replace('CONTAINR_CONFIG=', ''), 'base64').toString();
    expect(told).toContain('hold\0yes\0');
    expect(told).toContain('command\0digest\0command-arg\0/.containr/init\0');
  });
});

describe('differences', () => {
  const desired = wanted();

  it('leaves the environment as it is while a reference in it leads nowhere', () => {
    expect(differences(lacksEnvironment, actual(desired, { env: ['CONTAINR_CONFIG=before'] }))).toEqual({});
  });

  it('does not let a process that must run once start with its node', () => {
    const once = wanted({ process: { command: ['/app'], restart: 'Never' } });
    expect(differences(once, actual(once))).toEqual({ onboot: false });
    expect(differences(once, actual(once, { onboot: false }))).toEqual({});
  });

  it.each<[string, Partial<GuestConfig>, string[]]>([
    ['nothing', {}, []],
    ['a tag that somebody added for themselves', { tags: [...desired.tags, 'mine'] }, []],
    ['a tag of ours that is gone', { tags: desired.tags.slice(1) }, ['tags']],
    ['a mark of another owner beside ours', { tags: [...desired.tags, 'containr-g-other'] }, ['tags']],
    ['the description', { description: undefined }, ['description']],
    ['memory and cores', { memoryMiB: 64, cores: 8 }, ['cores', 'memoryMiB']],
    ['no limit for the processor', { cpuLimit: undefined }, ['cpuLimit']],
    ['the entrypoint of the image', { entrypoint: '/bin/sh' }, ['entrypoint']],
    ['one more value in the environment', { env: [...(desired.env ?? []), 'LD_PRELOAD=x'] }, ['env']],
    ['that it does not start with its node', { onboot: false }, ['onboot']],
    [
      'nothing in disks, whoever put them there',
      { mounts: { mp0: 'x:vm-1-disk-1,mp=/d' }, unused: { unused0: 'x:y' } },
      [],
    ],
    ['another bridge', { nets: { net0: desired.net0.replace('vmbr0', 'vmbr9') } }, ['net0']],
    ['no network', { nets: {} }, ['net0']],
  ])('finds %s', (_, changes, names) => {
    expect(Object.keys(differences(desired, actual(desired, changes))).toSorted()).toEqual(names);
  });

  it('keeps the tags of others when it puts ours back', () => {
    const { tags = [] } = differences(desired, actual(desired, { tags: ['mine', 'containr-g-other'] }));
    expect(tags).toEqual([...desired.tags, 'mine']);
  });
});

describe('hostOf', () => {
  it.each([
    ['10.40.0.51/24', '10.40.0.51'],
    ['10.40.0.51', '10.40.0.51'],
  ])('of %s is %s', (cidr, host) => {
    expect(hostOf(cidr)).toBe(host);
  });
});
