import { describe, expect, it } from 'vitest';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { GuestConfig } from '../providers/proxmox/client.ts';
import { desiredGuest } from './desired.ts';
import type { GuestFacts } from './observe.ts';
import { planGuest } from './plan.ts';
import { testGuest } from '../shared/testing.ts';

const now = new Date('2026-01-01T01:00:00Z');
const network: ProxmoxCluster['spec']['network'] = {
  addressing: 'static',
  bridge: 'vmbr0',
  cidr: '10.40.0.0/24',
  gateway: '10.40.0.1',
  pool: { from: '10.40.0.50', to: '10.40.0.60' },
  nameservers: [],
};
const reserved = {
  cluster: 'home',
  node: 'pve1',
  vmid: 20_001,
  reservedAddress: '10.40.0.50/24',
  mac: 'BC:24:11:00:00:01',
};
const guest = testGuest({}, reserved);
const desired = desiredGuest({
  guest,
  network,
  installation: 'a1b2c3d4',
  environment: ['A=b'],
  shape: ['A=b'],
  secret: 's'.repeat(32),
  seal: { key: Buffer.alloc(32, 7), uid: guest.metadata.uid },
});

const asDesired: GuestConfig = {
  digest: 'x',
  hostname: desired.hostname,
  description: desired.description,
  tags: desired.tags,
  lock: undefined,
  memoryMiB: desired.memoryMiB,
  swapMiB: 0,
  cores: desired.cores,
  cpuLimit: desired.cpuLimit,
  entrypoint: desired.entrypoint,
  env: desired.env ?? [],
  onboot: true,
  protection: false,
  nets: { net0: `${desired.net0},type=veth` },
  rootfs: 'local:20001/vm-20001-disk-0.raw,size=4G',
  mounts: {},
  unused: {},
};
const good: GuestFacts = { seen: 'ours', node: 'pve1', running: true, lock: undefined, config: asDesired };
const running: typeof guest.status = { ...guest.status, created: true, startedDigest: desired.processDigest };

function plan(
  facts: GuestFacts,
  status = running,
  spec = guest.spec,
  more: Partial<Parameters<typeof planGuest>[0]> = {},
) {
  return planGuest({ spec, status, facts, desired, now, ...more });
}

const missing = { reason: 'ConfigMissing', message: 'There is no Secret.' } as const;
const awaited = { reason: 'WaitingForVolume', message: 'It is elsewhere.' } as const;
const once = { ...guest.spec, process: { ...guest.spec.process, restart: 'Never' as const } };

describe('planGuest', () => {
  it('leaves a guest alone that is as it should be', () => {
    expect(plan(good)).toEqual({ do: 'nothing' });
  });

  it('releases a guest that was held, and starts one anew that is to be held', () => {
    const wasHeld = { ...running, startedDigest: desired.heldDigest };
    expect(plan(good, wasHeld)).toEqual({ do: 'release' });
    expect(plan(good, wasHeld, once)).toEqual({ do: 'release' });
    expect(plan(good, wasHeld, guest.spec, { missing })).toEqual({ do: 'nothing' });
    const hold = { ...guest.spec, hold: true };
    const held = { ...desired, processDigest: desired.heldDigest };
    expect(plan(good, wasHeld, hold, { desired: held })).toEqual({ do: 'nothing' });
    expect(plan(good, running, hold, { desired: held })).toEqual({ do: 'stop', why: 'restart' });
  });

  it('creates a guest that was never made', () => {
    expect(plan({ seen: 'absent' }, guest.status)).toEqual({ do: 'create' });
  });

  it('creates at the same vmid again when the answer to the first call was lost', () => {
    expect(plan({ seen: 'absent' }, { ...guest.status, createRequestedAt: now.toISOString() })).toEqual({
      do: 'create',
    });
  });

  it.each<[string, GuestFacts]>([
    ['a cluster without quorum', { seen: 'unknown', reason: 'ClusterNotQuorate', message: 'x' }],
    ['a node that does not answer', { seen: 'unknown', reason: 'NodeOffline', message: 'x' }],
    ['a guest that Proxmox still makes', { seen: 'creating', node: 'pve1', taskRunning: true }],
    ['a guest under a backup', { ...good, lock: 'backup' }],
  ])('waits for %s', (_, facts) => {
    expect(plan(facts).do).toBe('wait');
  });

  it('never acts on a guest of somebody else', () => {
    expect(plan({ seen: 'foreign', node: 'pve1' }, guest.status).do).toBe('reserveAnew');
    expect(plan({ seen: 'foreign', node: 'pve1' }, { ...running, missingSince: now.toISOString() }).do).toBe('wait');
    expect(plan({ seen: 'foreign', node: 'pve1' }, { ...running, missingSince: '2026-01-01T00:00:00Z' }).do).toBe(
      'reserveAnew',
    );
  });

  it('stops before a guest that lost its marks, and says how to put them back', () => {
    const stall = plan({ seen: 'markless', node: 'pve1' });
    expect(stall).toMatchObject({ do: 'stall', reason: 'IdentityMissing' });
    expect(stall).toMatchObject({ message: expect.stringContaining('pct set 20001 --tags') });
  });

  it('names the command for a lock that nothing holds any more', () => {
    const old = { ...guest.status, createRequestedAt: '2026-01-01T00:00:00Z' };
    const stall = plan({ seen: 'creating', node: 'pve1', taskRunning: false }, old);
    expect(stall).toMatchObject({
      do: 'stall',
      reason: 'LockStuck',
      message: expect.stringContaining('pct unlock 20001'),
    });
  });

  it('takes a guest that is gone for a glitch first, and for gone after the grace time', () => {
    expect(plan({ seen: 'absent' }, { ...running, missingSince: now.toISOString() }).do).toBe('wait');
    expect(plan({ seen: 'absent' }, { ...running, missingSince: '2026-01-01T00:59:00Z' }).do).toBe('forget');
  });

  it('starts a guest that should run and does not', () => {
    expect(plan({ ...good, running: false })).toEqual({ do: 'start' });
  });

  it('mends the configuration before it starts', () => {
    const facts: GuestFacts = { ...good, running: false, config: { ...asDesired, memoryMiB: 64 } };
    expect(plan(facts)).toEqual({ do: 'configure', changes: { memoryMiB: 512 } });
  });

  it('puts back tags that a hand took off, and keeps those it added', () => {
    const facts: GuestFacts = { ...good, config: { ...asDesired, tags: ['mine'] } };
    expect(plan(facts)).toEqual({ do: 'configure', changes: { tags: [...desired.tags, 'mine'] } });
  });

  it('restarts a guest that runs with an older configuration', () => {
    expect(plan(good, { ...running, startedDigest: 'older' })).toEqual({ do: 'stop', why: 'restart' });
  });

  it('waits out the pause of a guest that keeps stopping', () => {
    const status = { ...running, startNotBefore: '2026-01-01T01:00:08Z' };
    expect(plan({ ...good, running: false }, status)).toMatchObject({
      do: 'wait',
      reason: 'CrashLoop',
      checkAfterMs: 8_000,
    });
  });

  it('stops a guest that shall be stopped, and then leaves it alone', () => {
    const spec = { ...guest.spec, power: 'stopped' as const };
    expect(plan(good, running, spec)).toEqual({ do: 'stop', why: 'asked' });
    expect(plan({ ...good, running: false }, running, spec)).toEqual({ do: 'nothing' });
  });

  it('makes nothing and starts nothing while the environment lacks a value, and lets what runs go on', () => {
    const hold = { do: 'hold', trouble: missing };
    expect(plan({ seen: 'absent' }, guest.status, guest.spec, { missing })).toEqual(hold);
    expect(plan({ ...good, running: false }, running, guest.spec, { missing })).toEqual(hold);
    expect(plan(good, running, guest.spec, { missing })).toEqual({ do: 'nothing' });
    expect(plan(good, { ...running, startedDigest: 'older' }, guest.spec, { missing })).toEqual({ do: 'nothing' });
  });

  it('makes a guest before it has its volumes, and starts it after', () => {
    expect(plan({ seen: 'absent' }, guest.status, guest.spec, { awaited })).toEqual({ do: 'create' });
    const stopped = { ...good, running: false };
    expect(plan(stopped, running, guest.spec, { awaited })).toEqual({ do: 'hold', trouble: awaited });
  });

  it('restarts a guest that has been unhealthy for too long, unless it could not be started then', () => {
    const more = { isLongUnhealthy: true };
    expect(plan(good, running, guest.spec, more)).toEqual({ do: 'stop', why: 'unhealthy' });
    expect(plan(good, running, guest.spec, { ...more, missing })).toEqual({ do: 'nothing' });
  });

  it('stops the guest of a process that has ended for good, and does nothing more to it', () => {
    const finished = { ...running, finished: true };
    expect(plan(good, finished, once)).toEqual({ do: 'stop', why: 'asked' });
    expect(plan({ ...good, running: false, config: { ...asDesired, memoryMiB: 64 } }, finished, once).do).toBe(
      'nothing',
    );
    expect(plan({ seen: 'absent' }, { ...finished, missingSince: '2026-01-01T00:00:00Z' }, once).do).toBe('nothing');
    expect(plan({ seen: 'foreign', node: 'pve1' }, finished, once).do).toBe('nothing');
  });

  it('does not start a process over that must run once', () => {
    expect(plan(good, { ...running, startedDigest: 'older' }, once)).toEqual({ do: 'nothing' });
  });
});
