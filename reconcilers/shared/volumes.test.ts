import { describe, expect, it } from 'vitest';
import { Volume } from '../../crds/volume.ts';
import { testGuest, testObject } from './testing.ts';
import { isAttached, isHeldBy, mountConstraints, volumesOf } from './volumes.ts';

const made = testObject(Volume, 'data', {}, { cluster: 'home', node: 'pve2', volid: 'local:vm-1-disk-1' });
const fresh = testObject(Volume, 'cache', { storage: 'fast' });

describe('volumesOf', () => {
  it('finds the volumes of a guest in its own project, and says which is missing', () => {
    const guest = testGuest({ mounts: ['data', 'gone'].map((volume) => ({ volume, mountPath: `/${volume}` })) });
    const elsewhere = { ...made, metadata: { ...made.metadata, name: 'gone', namespace: 'other' } };
    expect(volumesOf(guest, [elsewhere, made]).map(({ name, volume }) => [name, volume?.metadata.name])).toEqual([
      ['data', 'data'],
      ['gone', undefined],
    ]);
  });
});

describe('mountConstraints', () => {
  it('binds a guest to the node of a volume that is made, and to the storage of one that is not', () => {
    expect(mountConstraints([made, fresh])).toEqual({ clusters: ['home'], nodes: ['pve2'], newStorages: ['fast'] });
  });

  it('names two nodes where no guest can have both volumes', () => {
    const other = { ...made, status: { ...made.status, node: 'pve1' } };
    expect(mountConstraints([made, other]).nodes).toEqual(['pve2', 'pve1']);
  });

  it('binds to nothing without volumes', () => {
    expect(mountConstraints([])).toEqual({ clusters: [], nodes: [], newStorages: [] });
  });
});

describe('a volume on its way', () => {
  const moving = { vmid: 2, key: 'mp0', guest: 'b', uid: 'uid-b', startedAt: '2026-01-01T00:00:00.000Z' };
  const onItsWay = testObject(Volume, 'data', {}, { attachedUid: 'uid-a', moving });
  const arrived = testObject(Volume, 'data', {}, { attachedUid: 'uid-a' });

  it('lets neither guest start, and neither be destroyed', () => {
    for (const uid of ['uid-a', 'uid-b']) {
      expect(isAttached(onItsWay, uid)).toBe(false);
      expect(isHeldBy(onItsWay, uid)).toBe(true);
    }
  });

  it('binds only the guest that has it once it has arrived', () => {
    expect(['uid-a', 'uid-b'].map((uid) => isAttached(arrived, uid))).toEqual([true, false]);
    expect(['uid-a', 'uid-b'].map((uid) => isHeldBy(arrived, uid))).toEqual([true, false]);
  });
});
