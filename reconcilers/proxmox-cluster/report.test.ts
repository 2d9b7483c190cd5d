import { describe, expect, it } from 'vitest';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { testObject } from '../shared/testing.ts';
import { reportCluster, troubleIn, type ClusterFacts } from './report.ts';

const cluster = testObject(ProxmoxCluster, 'home', {
  endpoints: ['https://pve1.example:8006'],
  tokenSecretRef: { name: 'pve-token' },
  regions: [{ name: 'default', nodes: ['pve1', 'pve2'] }],
  storages: { rootfs: 'local-lvm', templates: 'local' },
  network: { addressing: 'dhcp', bridge: 'vmbr0' },
  vmidRange: { from: 100, to: 199 },
});

function node(name: string, online = true): ClusterFacts['resources']['nodes'][number] {
  return { node: name, online, cpu: 0.1, maxCpu: 4, memoryBytes: 2 ** 30 + 12_345, maxMemoryBytes: 2 ** 33 };
}

function storage(
  name: string,
  on: string,
  content: string[],
  available = true,
): ClusterFacts['resources']['storages'][number] {
  return { storage: name, node: on, available, shared: false, content, usedBytes: 0, totalBytes: 2 ** 40 };
}

const storages = ['pve1', 'pve2'].flatMap((on) => [
  storage('local-lvm', on, ['rootdir', 'images']),
  storage('local', on, ['vztmpl', 'iso']),
]);
const good: ClusterFacts = {
  version: '9.2.11',
  release: '9.2',
  quorate: true,
  resources: { guests: [], nodes: [node('pve1'), node('pve2')], storages },
  bridges: new Map([
    ['pve1', ['vmbr0']],
    ['pve2', ['vmbr0']],
  ]),
  missingPrivileges: [],
  orphans: undefined,
};

describe('troubleIn', () => {
  it.each<[string, Partial<ClusterFacts>, string | undefined, RegExp]>([
    ['all is there', {}, undefined, /^$/],
    ['it is a single node', { quorate: undefined }, undefined, /^$/],
    [
      'a node is away',
      { resources: { ...good.resources, nodes: [node('pve1'), node('pve2', false)] } },
      undefined,
      /^$/,
    ],
    ['it is too old', { version: '9.0.4', release: '9.0' }, 'VersionUnsupported', /Upgrade to 9.1/],
    ['it is much newer', { version: '10.0.1', release: '10.0' }, undefined, /^$/],
    [
      'the token lacks rights',
      { missingPrivileges: ['VM.Audit on /vms'] },
      'PrivilegeMissing',
      /Grant: VM.Audit on \/vms/,
    ],
    ['there is no quorum', { quorate: false }, 'ClusterNotQuorate', /no quorum/],
    [
      'a region names a node that is not there',
      { resources: { ...good.resources, nodes: [node('pve1'), node('pve3')] } },
      'NodeMissing',
      /pve2. It has pve1, pve3. Correct spec.regions/,
    ],
    [
      'a storage is not available on a node',
      { resources: { ...good.resources, storages: storages.slice(0, 3) } },
      'StorageMissing',
      /"local" \(spec.storages.templates\) is not available on pve2/,
    ],
    [
      'a storage does not take what it is for',
      { resources: { ...good.resources, storages: [storage('local-lvm', 'pve1', ['images']), ...storages.slice(1)] } },
      'StorageMissing',
      /pvesm set local-lvm --content images,rootdir/,
    ],
    ['a node lacks the bridge', { bridges: new Map([['pve1', ['vmbr9']]]) }, 'BridgeMissing', /"vmbr0".*on pve1/],
  ])('when %s', (_, facts, reason, words) => {
    const trouble = troubleIn(cluster.spec, { ...good, ...facts });
    expect(trouble?.reason).toBe(reason);
    expect(trouble?.message ?? '').toMatch(words);
  });
});

describe('reportCluster', () => {
  it('counts the guests of its range and rounds what moves all the time', () => {
    const listed = [99, 100, 199, 200].map((vmid) => ({
      vmid,
      node: 'pve1',
      type: 'lxc' as const,
      status: 'running' as const,
      name: undefined,
      lock: undefined,
      tags: [],
      maxMemoryBytes: undefined,
      maxCpu: undefined,
      memoryBytes: undefined,
      cpu: undefined,
      uptimeSeconds: undefined,
      netInBytes: undefined,
      netOutBytes: undefined,
    }));
    const facts = { ...good, resources: { ...good.resources, guests: listed } };
    const status = reportCluster(cluster, cluster.status, facts, new Date('2026-01-01T01:00:00Z'));
    expect(status).toMatchObject({ guests: 2, nodesOnline: 2, version: '9.2.11', quorate: true });
    expect(status.nodes[0]?.memoryUsedBytes).toBe(2 ** 30);
    expect(status.nodes[0]?.storages).toEqual([
      { name: 'local', totalBytes: 2 ** 40, freeBytes: 2 ** 40 },
      { name: 'local-lvm', totalBytes: 2 ** 40, freeBytes: 2 ** 40 },
    ]);
    expect(status.conditions).toMatchObject([{ type: 'Ready', status: 'True', reason: 'Connected' }]);
  });
});
