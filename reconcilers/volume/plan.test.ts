import { describe, expect, it } from 'vitest';
import { Volume } from '../../crds/volume.ts';
import type { GuestConfig } from '../providers/proxmox/client.ts';
import { testGuest, testObject } from '../shared/testing.ts';
import type { HolderFacts, HolderOfOurs } from './holder.ts';
import { findVolume } from './observe.ts';
import { planVolume } from './plan.ts';
import { isReleased, wantedPlace } from './wanted.ts';

const now = new Date('2026-01-01T01:00:00.000Z');
const VOLID = 'local:vm-1-disk-1';
const AT_DATA = `${VOLID},mp=/data,backup=1,size=1G`;

function ours(vmid: number, over: Partial<GuestConfig> = {}, more: Partial<HolderOfOurs> = {}): HolderOfOurs {
  const config: GuestConfig = {
    digest: `digest-${vmid}`,
    hostname: 'web',
    description: undefined,
    tags: [],
    lock: undefined,
    memoryMiB: 64,
    swapMiB: 0,
    cores: 1,
    cpuLimit: 1,
    entrypoint: undefined,
    env: [],
    onboot: true,
    protection: false,
    nets: {},
    rootfs: undefined,
    mounts: {},
    unused: {},
    ...over,
  };
  return { seen: 'ours', vmid, node: 'pve1', running: false, lock: undefined, config, ...more };
}

const withIt = (vmid: number, more: Partial<HolderOfOurs> = {}) => ours(vmid, { mounts: { mp0: AT_DATA } }, more);
const attached = {
  cluster: 'home',
  node: 'pve1',
  vmid: 1,
  key: 'mp0',
  volid: VOLID,
  attachedUid: 'uid-a',
  attachedTo: 'a',
};
const moving = { vmid: 2, key: 'mp0', guest: 'b', uid: 'uid-b', startedAt: '2026-01-01T00:00:00.000Z' };
const lately = { ...moving, startedAt: '2026-01-01T00:59:50.000Z' };
const unknown: HolderFacts = { seen: 'unknown', reason: 'NodeOffline', message: 'Away.' };

interface Case {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  source?: HolderFacts;
  target?: HolderFacts;
  keeper?: HolderFacts;
  /** What Guest `a` is like; it has vmid 1. */
  a?: 'running' | 'stopped' | 'deleted';
  b?: 'made' | 'unmade';
  deleting?: boolean;
}

function planned({
  spec = {},
  status = {},
  source,
  target,
  keeper,
  a = 'stopped',
  b = 'made',
  deleting,
}: Case): string {
  const base = testObject(Volume, 'data', { guest: 'b', ...spec }, status);
  const volume = deleting ? { ...base, metadata: { ...base.metadata, deletionTimestamp: now.toISOString() } } : base;
  const guests = [guest('a', 1, a === 'running', true), guest('b', 2, true, b === 'made')].filter(
    ({ metadata }) => metadata.name !== 'a' || a !== 'deleted',
  );
  const facts = { source, target, keeper, place: findVolume(volume.status, source, target) };
  const wanted = wantedPlace(volume, guests);
  const released = isReleased(volume, guests);
  const plan = planVolume({ volume, status: volume.status, facts, wanted, released, now });
  return plan.do === 'wait' || plan.do === 'stall' ? `${plan.do} ${plan.reason}` : plan.do;
}

function guest(name: string, vmid: number, isRunning: boolean, created: boolean) {
  const made = testGuest(
    { mounts: [{ volume: 'data', mountPath: '/data' }], power: isRunning ? 'running' : 'stopped' },
    { cluster: 'home', node: 'pve1', vmid, created },
  );
  return { ...made, metadata: { ...made.metadata, name, uid: `uid-${name}` } };
}

describe('planVolume', () => {
  it.each<[string, Case, string]>([
    ['makes nothing before a guest needs it', { spec: { guest: undefined } }, 'wait VolumeUnused'],
    ['makes nothing before its guest is made', { b: 'unmade' }, 'wait WaitingForGuest'],
    ['saves where it is to be before it is made', {}, 'claim'],
    ['makes it at the place that was saved', { status: { moving }, target: ours(2) }, 'allocate'],
    [
      'does not make it in a guest that runs',
      { status: { moving }, target: ours(2, {}, { running: true }) },
      'wait WaitingForGuest',
    ],
    [
      'takes what stands at the place for the volume, and makes no second one',
      { status: { moving }, target: withIt(2) },
      'arrive',
    ],
    [
      'leaves the disk of another path alone',
      { status: { moving }, target: ours(2, { mounts: { mp0: 'x:9,mp=/other' } }) },
      'giveUp',
    ],
    [
      'waits for a late call before it chooses another place',
      { status: { moving: lately }, target: { seen: 'foreign', node: 'pve1' } },
      'wait Moving',
    ],
    [
      'leaves a volume alone that is where it is to be',
      { spec: { guest: 'a' }, status: attached, source: withIt(1) },
      'nothing',
    ],
    [
      'mounts it where the guest expects it',
      { spec: { guest: 'a' }, status: attached, source: ours(1, { unused: { unused0: VOLID } }) },
      'mount',
    ],
    [
      'grows it in use',
      { spec: { guest: 'a', size: '2Gi' }, status: attached, source: withIt(1, { running: true }) },
      'grow',
    ],
    [
      'never shrinks it',
      { spec: { guest: 'a' }, status: attached, source: ours(1, { mounts: { mp0: `${VOLID},mp=/data,size=9G` } }) },
      'stall ShrinkRefused',
    ],
    [
      'does not take it from a guest that is to run',
      { status: attached, source: withIt(1), a: 'running' },
      'wait WaitingForGuest',
    ],
    [
      'does not take it from a guest that still runs',
      { status: attached, source: withIt(1, { running: true }) },
      'wait WaitingForGuest',
    ],
    ['saves where it goes', { status: attached, source: withIt(1) }, 'claim'],
    ['moves it when both are stopped', { status: { ...attached, moving }, source: withIt(1), target: ours(2) }, 'move'],
    [
      'does not move it into a guest that runs',
      { status: { ...attached, moving }, source: withIt(1), target: ours(2, {}, { running: true }) },
      'wait WaitingForGuest',
    ],
    [
      'does not move it to another node',
      { status: { ...attached, moving }, source: withIt(1), target: ours(2, {}, { node: 'pve2' }) },
      'stall VolumeElsewhere',
    ],
    [
      'does not move it to where something is',
      { status: { ...attached, moving }, source: withIt(1), target: ours(2, { mounts: { mp0: 'x:9,mp=/other' } }) },
      'giveUp',
    ],
    [
      'gives up a move whose guest is not wanted any more',
      { spec: { guest: 'a' }, status: { ...attached, moving }, source: withIt(1), target: ours(2) },
      'giveUp',
    ],
    ['notes where it arrived', { status: { ...attached, moving }, source: ours(1), target: withIt(2) }, 'arrive'],
    [
      'looks on the storage for what a task that was killed left',
      { status: { ...attached, moving }, source: ours(1), target: ours(2) },
      'recover',
    ],
    [
      'waits for locks of either guest',
      { status: { ...attached, moving }, source: withIt(1), target: ours(2, {}, { lock: 'backup' }) },
      'wait Locked',
    ],
    ['concludes nothing from a node that is away', { status: attached, source: unknown }, 'wait NodeOffline'],
    [
      'concludes nothing when the target cannot be seen',
      { status: { ...attached, moving }, source: ours(1), target: unknown },
      'wait NodeOffline',
    ],
    [
      'touches no guest without marks',
      { status: attached, source: { seen: 'markless', node: 'pve1' } },
      'stall IdentityMissing',
    ],
    [
      'makes nothing in place of what went with its guest',
      { status: attached, source: { seen: 'absent' } },
      'stall VolumeMissing',
    ],
    [
      'touches no guest of a stranger',
      { status: attached, source: { seen: 'foreign', node: 'pve1' } },
      'stall VolumeMissing',
    ],
    [
      'reserves a keeper when no guest is next',
      { spec: { guest: undefined }, status: attached, source: withIt(1) },
      'reserveKeeper',
    ],
    [
      'makes the keeper',
      {
        spec: { guest: undefined },
        status: { ...attached, keeperVmid: 7 },
        source: withIt(1),
        keeper: { seen: 'absent' },
      },
      'makeKeeper',
    ],
    [
      'takes another vmid for it when a stranger has the one',
      {
        spec: { guest: undefined },
        status: { ...attached, keeperVmid: 7 },
        source: withIt(1),
        keeper: { seen: 'foreign', node: 'pve1' },
      },
      'reserveKeeper',
    ],
    [
      'saves that it goes to the keeper',
      { spec: { guest: undefined }, status: { ...attached, keeperVmid: 7 }, source: withIt(1), keeper: ours(7) },
      'claim',
    ],
    [
      'rests on the keeper',
      {
        spec: { guest: undefined },
        status: { ...attached, vmid: 7, keeperVmid: 7 },
        source: withIt(7),
        keeper: withIt(7),
      },
      'nothing',
    ],
    [
      'dismisses a keeper that is empty',
      { spec: { guest: 'a' }, status: { ...attached, keeperVmid: 7 }, source: withIt(1), keeper: ours(7) },
      'destroyKeeper',
    ],
    [
      'keeps a keeper with disks of somebody else',
      {
        spec: { guest: 'a' },
        status: { ...attached, keeperVmid: 7 },
        source: withIt(1),
        keeper: ours(7, { unused: { unused0: 'x:1' } }),
      },
      'stall DiskUnknown',
    ],
    [
      'parks what is retained when its object goes',
      { deleting: true, status: attached, source: withIt(1) },
      'reserveKeeper',
    ],
    [
      'writes on the keeper what it keeps',
      { deleting: true, status: { ...attached, vmid: 7, keeperVmid: 7 }, source: withIt(7), keeper: withIt(7) },
      'retain',
    ],
    [
      'removes what is not to be retained',
      { deleting: true, spec: { retain: false }, status: attached, source: withIt(1) },
      'remove',
    ],
    [
      'removes nothing under a guest that needs it',
      { deleting: true, spec: { retain: false }, status: attached, source: withIt(1), a: 'running' },
      'wait WaitingForGuest',
    ],
  ])('%s', (_, given, plan) => {
    expect(planned(given)).toBe(plan);
  });

  it('refuses a path that Proxmox would read as something else', () => {
    const volume = testObject(Volume, 'data', { guest: 'b' });
    const guests = [testGuest({ mounts: [{ volume: 'data', mountPath: '/data,ro=1' }] }, { vmid: 2, created: true })];
    const named = guests.map((one) => ({ ...one, metadata: { ...one.metadata, name: 'b' } }));
    expect(wantedPlace(volume, named).where).toBe('impossible');
  });
});
