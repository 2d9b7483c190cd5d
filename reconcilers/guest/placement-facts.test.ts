import { describe, expect, it } from 'vitest';
import type { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import { testGuest, testObject } from '../shared/testing.ts';
import { placementFacts } from './placement-facts.ts';

const GiB = 2 ** 30;
const cluster = testObject(ProxmoxCluster, 'home', {
  endpoints: ['https://pve1.example:8006'],
  tokenSecretRef: { name: 'pve-token' },
  regions: [
    { name: 'default', nodes: ['pve1', 'pve2'] },
    { name: 'attic', nodes: ['pve3'] },
  ],
  storages: { rootfs: 'lvm', templates: 'local' },
  network: { addressing: 'dhcp', bridge: 'vmbr0' },
  vmidRange: { from: 100, to: 199 },
  cordonedNodes: ['pve2'],
});

function guestNamed(
  name: string,
  { owner = 'r1', deleting = false, ...status }: Record<string, unknown> = {},
  spec: Record<string, unknown> = {},
): Guest {
  const guest = testGuest({ spreadKey: 'shop/web', ...spec }, status);
  const ownerReferences = [
    { apiVersion: 'containr.dev/v1alpha1', kind: 'Deployment', name: `${owner}`, uid: `${owner}`, controller: true },
  ];
  const deletion = deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return { ...guest, metadata: { ...guest.metadata, name, uid: name, ownerReferences, ...deletion } };
}

function facts(guest: Guest, others: readonly Guest[] = [], volumes: readonly Volume[] = []) {
  const resources = { guests: [], nodes: [], storages: [] };
  return placementFacts({ guest, others, cluster, resources, volumes });
}

describe('placementFacts', () => {
  it('allows the nodes of the region that the spec names', () => {
    expect(facts(guestNamed('a'))).toMatchObject({ candidates: ['pve1', 'pve2'], cordoned: ['pve2'] });
    expect(facts(guestNamed('a', {}, { region: 'attic' })).candidates).toEqual(['pve3']);
    expect(facts(guestNamed('a', {}, { nodes: ['pve2', 'pve9'] })).candidates).toEqual(['pve2']);
    expect(facts(guestNamed('a', {}, { region: 'nowhere' })).candidates).toEqual([]);
  });

  it('counts every guest of the cluster that has a node and is not finished', () => {
    const here = { cluster: 'home', node: 'pve1', vmid: 100 };
    const { placed } = facts(guestNamed('a'), [
      guestNamed('seen', { ...here, created: true }),
      guestNamed('coming', { ...here, vmid: 101 }),
      guestNamed('finished', { ...here, finished: true }),
      guestNamed('elsewhere', { ...here, cluster: 'other' }),
      guestNamed('undecided', { cluster: 'home' }),
    ]);
    expect(placed.map(({ vmid }) => vmid)).toEqual([100, 101]);
    expect(placed.map(({ disks }) => disks.length)).toEqual([0, 1]);
    expect(placed[0]).toMatchObject({ memoryBytes: GiB / 2, cpu: 1 });
  });

  it('keeps away from guests of its revision and service, but not from one that goes', () => {
    const here = { cluster: 'home', node: 'pve1' };
    const { placed } = facts(guestNamed('a'), [
      guestNamed('same', here),
      guestNamed('before', { ...here, owner: 'r0' }),
      guestNamed('going', { ...here, deleting: true }),
      guestNamed('other', here, { spreadKey: 'shop/api' }),
    ]);
    expect(placed.map(({ kin }) => kin)).toEqual(['revision', 'service', undefined, undefined]);
  });

  it('needs room for the root disk and for volumes that are still to be made, and ties it to those that are', () => {
    const made = testObject(Volume, 'made', {}, { cluster: 'home', node: 'pve2', volid: 'lvm:vm-7-disk-0' });
    const fresh = testObject(Volume, 'fresh', { size: '3Gi', storage: 'ssd' });
    const { bound, demand } = facts(guestNamed('a'), [], [made, fresh]);
    expect(bound).toEqual([{ volume: 'made', node: 'pve2' }]);
    expect(demand.disks).toEqual([
      { storage: 'lvm', content: 'rootdir', bytes: 4 * GiB },
      { storage: 'ssd', content: 'rootdir', bytes: 3 * GiB },
      { storage: 'local', content: 'vztmpl', bytes: 0 },
    ]);
  });
});
