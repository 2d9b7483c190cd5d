import { describe, expect, it } from 'vitest';
import type { ListedGuest, ListedNode } from '../providers/proxmox/client.ts';
import { chooseNode, type PlacementFacts } from './placement.ts';

const GiB = 2 ** 30;

function node(name: string, over: Partial<ListedNode> = {}): ListedNode {
  return { node: name, online: true, cpu: 0, maxCpu: 8, memoryBytes: GiB, maxMemoryBytes: 16 * GiB, ...over };
}

function guestOn(name: string, memoryGiB: number): ListedGuest {
  return {
    vmid: 100,
    node: name,
    type: 'lxc',
    status: 'running',
    name: undefined,
    lock: undefined,
    tags: [],
    maxMemoryBytes: memoryGiB * GiB,
    maxCpu: 1,
    memoryBytes: 0,
    cpu: 0,
    uptimeSeconds: 1,
  };
}

const facts: PlacementFacts = {
  candidates: ['pve1', 'pve2'],
  cordoned: [],
  nodes: [node('pve1'), node('pve2')],
  guests: [],
  siblings: [],
  storages: ['disks'],
  availableStorages: new Set(['pve1/disks', 'pve2/disks']),
  memoryBytes: GiB,
};

describe('chooseNode', () => {
  it.each<[string, Partial<PlacementFacts>, string]>([
    ['the first by name when all are alike', {}, 'pve1'],
    ['away from siblings', { siblings: ['pve1'] }, 'pve2'],
    ['away from a node that has promised more', { guests: [guestOn('pve1', 8)] }, 'pve2'],
    [
      'away from siblings even when that node has promised more',
      { siblings: ['pve1'], guests: [guestOn('pve2', 8)] },
      'pve2',
    ],
    ['past a cordoned node', { cordoned: ['pve1'] }, 'pve2'],
    ['past an offline node', { nodes: [node('pve1', { online: false }), node('pve2')] }, 'pve2'],
    ['past a full node', { nodes: [node('pve1', { memoryBytes: 15.5 * GiB }), node('pve2')] }, 'pve2'],
    ['past a node without the storage', { availableStorages: new Set(['pve2/disks']) }, 'pve2'],
  ])('goes %s', (_, over, expected) => {
    expect(chooseNode({ ...facts, ...over })).toEqual({ node: expected });
  });

  it('says why, node by node, when none can take the guest', () => {
    const choice = chooseNode({
      ...facts,
      candidates: ['pve1', 'pve2', 'pve9'],
      cordoned: ['pve1'],
      memoryBytes: 64 * GiB,
    });
    expect(choice).toEqual({
      node: undefined,
      why: 'No node can take the guest (pve1: cordoned; pve2: not enough free memory; pve9: not in the cluster).',
    });
  });
});
