import { describe, expect, it } from 'vitest';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { testObject } from '../shared/testing.ts';
import { restoreNode } from './restore-node.ts';

const cluster = testObject(ProxmoxCluster, 'home', {
  endpoints: ['https://pve1.example:8006'],
  tokenSecretRef: { name: 'token' },
  tls: { insecureSkipVerify: true },
  regions: [
    { name: 'default', nodes: ['pve1', 'pve2'] },
    { name: 'attic', nodes: ['pve3'] },
  ],
  storages: { rootfs: 'local-lvm', templates: 'local' },
  network: { addressing: 'dhcp', bridge: 'vmbr0' },
  vmidRange: { from: 20_000, to: 20_099 },
});

function world(shared: boolean, offline: readonly string[] = []) {
  const names = ['pve1', 'pve2', 'pve3'];
  return {
    nodes: names.map((node) => ({
      node,
      online: !offline.includes(node),
      cpu: 0,
      maxCpu: 4,
      memoryBytes: 0,
      maxMemoryBytes: 1,
    })),
    storages: names.map((node) => {
      const available = !offline.includes(node);
      return { storage: 'backups', node, available, shared, content: ['backup'], usedBytes: 0, totalBytes: 1 };
    }),
  };
}

const backup = { node: 'pve2', storage: 'backups' };

describe('restoreNode', () => {
  it.each([
    ['where it was taken', 'default', world(true), 'pve2'],
    ['where it was taken, alone when the storage is its own', 'default', world(false), 'pve2'],
    ['on another that has the storage', 'default', world(true, ['pve2']), 'pve1'],
    ['in the region that is asked for', 'attic', world(true), 'pve3'],
    ['nowhere while its own storage is away', 'default', world(false, ['pve2']), undefined],
    ['nowhere in a region that does not reach it', 'attic', world(false), undefined],
    ['nowhere in a region that is not there', 'cellar', world(true), undefined],
  ])('restores a backup %s', (_, region, resources, node) => {
    expect(restoreNode(backup, region, cluster, resources)).toBe(node);
  });
});
