import { describe, expect, it } from 'vitest';
import { Volume } from '../../crds/volume.ts';
import type { GuestConfig } from '../providers/proxmox/client.ts';
import { testCondition, testGuest, testObject } from '../shared/testing.ts';
import { awaitedVolume, holdsDisks, unknownDisks } from './mounts.ts';

const guest = testGuest({ mounts: [{ volume: 'data', mountPath: '/data' }] }, { cluster: 'home', vmid: 100 });
const { uid } = guest.metadata;
const attached = {
  cluster: 'home',
  vmid: 100,
  key: 'mp0',
  volid: 'lvm:vm-100-disk-1',
  attachedTo: 'web-r1-0',
  attachedUid: uid,
};

function data(status: Record<string, unknown> = attached): Volume {
  return testObject(Volume, 'data', {}, status);
}

function config(mounts: Record<string, string> = {}, unused: Record<string, string> = {}): GuestConfig {
  return {
    digest: 'x',
    hostname: 'web',
    description: undefined,
    tags: [],
    lock: undefined,
    memoryMiB: 512,
    swapMiB: 0,
    cores: 1,
    cpuLimit: 1,
    entrypoint: undefined,
    env: [],
    onboot: true,
    protection: false,
    nets: {},
    rootfs: 'lvm:vm-100-disk-0,size=4G',
    mounts,
    unused,
  };
}

const withDisk = config({ mp0: 'lvm:vm-100-disk-1,mp=/data,backup=1,size=1G' });

describe('awaitedVolume', () => {
  const moving = { vmid: 101, key: 'mp0', uid: 'other', startedAt: '2026-01-01T00:00:00Z' };

  it.each<[string, Volume[], GuestConfig, string | undefined]>([
    ['nothing when it has it', [data()], withDisk, undefined],
    ['a volume that does not exist', [], withDisk, 'Volume data does not exist. Create it'],
    ['a volume of nobody', [data({})], config(), 'Volume data is not attached yet.'],
    [
      'a volume of another',
      [data({ attachedUid: 'y', attachedTo: 'db-1' })],
      config(),
      'not attached yet; guest db-1 has it.',
    ],
    ['a volume that is about to leave', [data({ ...attached, moving })], withDisk, 'Volume data is not attached yet.'],
    ['a volume that only seems to be there', [data()], config(), "the guest's config does not have it"],
    [
      'a volume that a hand detached',
      [data()],
      config({}, { unused0: 'lvm:vm-100-disk-1' }),
      "the guest's config does not have it",
    ],
    [
      'a volume in trouble, with its trouble',
      [data({ conditions: [testCondition('Ready', 'False', 'StorageFull', 'No room on lvm.')] })],
      config(),
      'Volume data is not attached yet. No room on lvm.',
    ],
  ])('names %s', (_, volumes, has, words) => {
    const trouble = awaitedVolume(guest, volumes, has);
    if (words === undefined) expect(trouble).toBeUndefined();
    else expect(trouble).toEqual({ reason: 'WaitingForVolume', message: expect.stringContaining(words) });
  });

  it('is nothing for a guest without mounts', () => {
    expect(awaitedVolume(testGuest(), [], config())).toBeUndefined();
  });
});

describe('unknownDisks', () => {
  it('knows a disk by its volid, its place, or the place that it is moving to', () => {
    const keys = (volumes: Volume[], has: GuestConfig) => unknownDisks(guest, volumes, has).map(({ key }) => key);
    expect(keys([data()], withDisk)).toEqual([]);
    expect(keys([data({ ...attached, volid: 'lvm:vm-99-disk-0' })], withDisk)).toEqual([]);
    const moving = { vmid: 100, key: 'mp0', startedAt: '2026-01-01T00:00:00Z' };
    expect(keys([data({ cluster: 'home', vmid: 7, key: 'mp1', volid: 'lvm:vm-7-disk-1', moving })], withDisk)).toEqual(
      [],
    );
    expect(keys([data({ ...attached, cluster: 'other' })], withDisk)).toEqual(['mp0']);
    expect(keys([data()], config({ mp1: 'lvm:vm-100-disk-5,mp=/x' }, { unused0: 'lvm:vm-100-disk-6' }))).toEqual([
      'mp1',
      'unused0',
    ]);
  });
});

describe('holdsDisks', () => {
  it.each<[string, Volume[], GuestConfig, string | undefined]>([
    ['a volume that objects and config have', [data()], withDisk, 'WaitingForVolume'],
    ['a volume that only objects have', [data()], config(), 'WaitingForVolume'],
    ['a disk that only the config has', [], withDisk, 'DiskUnknown'],
    ['a disk that is not used', [], config({}, { unused0: 'lvm:vm-100-disk-1' }), 'DiskUnknown'],
    [
      'a volume that is with another, and its disk here all the same',
      [data({ ...attached, attachedUid: 'y' })],
      withDisk,
      'DiskUnknown',
    ],
    ['nothing', [data({ ...attached, attachedUid: 'y' })], config(), undefined],
    ['a folder of the host, which stays', [], config({ mp0: '/mnt/photos,mp=/photos' }), undefined],
  ])('for %s', (_, volumes, has, reason) => {
    expect(holdsDisks(guest, volumes, has)?.reason).toBe(reason);
  });
});
