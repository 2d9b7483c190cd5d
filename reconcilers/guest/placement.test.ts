import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListedGuest, ListedNode, ListedStorage } from '../providers/proxmox/client.ts';
import { chooseNode, CPU_OVERCOMMIT, type PlacedGuest, type PlacementFacts } from './placement.ts';

const GiB = 2 ** 30;

function node(name: string, over: Partial<ListedNode> = {}): ListedNode {
  return { node: name, online: true, cpu: 0, maxCpu: 8, memoryBytes: GiB, maxMemoryBytes: 16 * GiB, ...over };
}

function placedOn(name: string, memoryGiB: number, over: Partial<PlacedGuest> = {}): PlacedGuest {
  return { node: name, vmid: undefined, memoryBytes: memoryGiB * GiB, cpu: 1, disks: [], kin: undefined, ...over };
}

function siblingOn(name: string, kin: PlacedGuest['kin'] = 'revision'): PlacedGuest {
  return placedOn(name, 0, { kin });
}

function listed(vmid: number, on: string, memoryBytes: number): ListedGuest {
  return {
    vmid,
    node: on,
    type: 'lxc',
    status: 'running',
    name: undefined,
    lock: undefined,
    tags: [],
    maxMemoryBytes: memoryBytes,
    maxCpu: 1,
    memoryBytes,
    cpu: 0,
    uptimeSeconds: 1,
    netInBytes: 0,
    netOutBytes: 0,
  };
}

function storage(on: string, over: Partial<ListedStorage> = {}): ListedStorage {
  return {
    storage: 'disks',
    node: on,
    available: true,
    shared: false,
    content: ['rootdir'],
    usedBytes: 0,
    totalBytes: 100 * GiB,
    ...over,
  };
}

const disk = { storage: 'disks', content: 'rootdir', bytes: 4 * GiB } as const;
const facts: PlacementFacts = {
  candidates: ['pve1', 'pve2'],
  cordoned: [],
  nodes: [node('pve1'), node('pve2')],
  guests: [],
  storages: [storage('pve1'), storage('pve2')],
  placed: [],
  bound: [],
  demand: { memoryBytes: GiB, cpu: 1, disks: [disk] },
};

describe('chooseNode', () => {
  it.each<[string, Partial<PlacementFacts>, string]>([
    ['the first by name when all are alike', {}, 'pve1'],
    ['the first by name whatever the order', { candidates: ['pve2', 'pve1'] }, 'pve1'],
    ['away from siblings', { placed: [siblingOn('pve1')] }, 'pve2'],
    ['away from a node that has promised more memory', { placed: [placedOn('pve1', 8)] }, 'pve2'],
    ['away from a node that has promised more cores', { placed: [placedOn('pve1', 0, { cpu: 90 })] }, 'pve2'],
    ['away from a node that is busy', { nodes: [node('pve1', { cpu: 0.9 }), node('pve2')] }, 'pve2'],
    [
      'away from siblings even when the other node has promised more',
      { placed: [siblingOn('pve1'), placedOn('pve2', 8)] },
      'pve2',
    ],
    [
      'away from its own revision rather than from the one before',
      { placed: [siblingOn('pve1', 'service'), siblingOn('pve1', 'service'), siblingOn('pve2')] },
      'pve1',
    ],
    ['past a cordoned node', { cordoned: ['pve1'] }, 'pve2'],
    ['past an offline node', { nodes: [node('pve1', { online: false }), node('pve2')] }, 'pve2'],
    ['past a node that uses its memory', { nodes: [node('pve1', { memoryBytes: 15.5 * GiB }), node('pve2')] }, 'pve2'],
    [
      'past a node that has promised its memory to guests that are not seen yet',
      { placed: [placedOn('pve1', 15)] },
      'pve2',
    ],
    ['past a node without the storage', { storages: [storage('pve2')] }, 'pve2'],
    [
      'past a node whose storage is away',
      { storages: [storage('pve1', { available: false }), storage('pve2')] },
      'pve2',
    ],
    [
      'past a node whose storage is full',
      { storages: [storage('pve1', { usedBytes: 97 * GiB }), storage('pve2')] },
      'pve2',
    ],
    [
      'past a node whose storage is about to be filled',
      { placed: [siblingOn('pve2'), placedOn('pve1', 0, { disks: [{ ...disk, bytes: 97 * GiB }] })] },
      'pve2',
    ],
    [
      'to the node of its volume, whoever is there',
      { bound: [{ volume: 'data', node: 'pve2' }], placed: [siblingOn('pve2')] },
      'pve2',
    ],
    [
      'to a storage that tells no size',
      { storages: [storage('pve1', { totalBytes: 0 })], candidates: ['pve1'] },
      'pve1',
    ],
  ])('goes %s', (_, over, expected) => {
    expect(chooseNode({ ...facts, ...over })).toEqual({ node: expected });
  });

  it('counts a guest of ours that is seen once: with what it may take', () => {
    const busy = { nodes: [node('pve1', { memoryBytes: 9 * GiB })], candidates: ['pve1'] };
    const seen = { ...busy, guests: [listed(100, 'pve1', 8 * GiB)] };
    const fits = (gib: number, over: Partial<PlacementFacts>) =>
      chooseNode({ ...facts, ...over, demand: { ...facts.demand, memoryBytes: gib * GiB } }).node === 'pve1';
    expect(fits(7, { ...seen, placed: [placedOn('pve1', 8, { vmid: 100 })] })).toBe(true);
    expect(fits(7, { ...seen, placed: [placedOn('pve1', 9, { vmid: 100 })] })).toBe(false);
    expect(fits(7, { ...seen, placed: [placedOn('pve1', 8, { vmid: 101 })] })).toBe(false);
  });

  it('says why, node by node, when none can take the guest', () => {
    const choice = chooseNode({
      ...facts,
      candidates: ['pve1', 'pve2', 'pve3', 'pve4', 'pve5', 'pve9'],
      cordoned: ['pve1'],
      nodes: ['pve1', 'pve2', 'pve3', 'pve4', 'pve5'].map((name) =>
        node(name, {
          ...(name === 'pve2' && { memoryBytes: 15.9 * GiB }),
          ...(name === 'pve4' && { maxCpu: 0.5 }),
          ...(name === 'pve5' && { online: false }),
        }),
      ),
      storages: ['pve1', 'pve2', 'pve3', 'pve4'].map((name) =>
        storage(name, name === 'pve3' ? { usedBytes: 98 * GiB } : {}),
      ),
    });
    expect(choice).toEqual({
      node: undefined,
      why:
        'No node can take the guest (pve1: cordoned; pve2: not enough free memory: 0 GiB of the 1 GiB needed; ' +
        'pve3: storage disks has 2 GiB free of the 4 GiB needed. Free space on it; pve4: 0.5 cores of the 1 needed; ' +
        'pve5: offline; pve9: not in the cluster).',
    });
  });

  it('names the volume that ties a guest to a node that cannot take it', () => {
    const choice = chooseNode({ ...facts, cordoned: ['pve1'], bound: [{ volume: 'db-data', node: 'pve1' }] });
    expect(choice).toEqual({
      node: undefined,
      why: 'No node can take the guest (pve1: cordoned; pve2: volume db-data is on pve1).',
    });
  });
});

interface Placing {
  cluster: PlacementFacts;
  demands: PlacementFacts['demand'][];
}

const names = ['a', 'b', 'c', 'd'];
const nodes = fc.tuple(
  ...names.map((name) =>
    fc.record({
      node: fc.constant(name),
      online: fc.boolean(),
      cpu: fc.double({ min: 0, max: 1, noNaN: true }),
      maxCpu: fc.integer({ min: 1, max: 4 }),
      memoryBytes: fc.integer({ min: 0, max: 4 }).map((gib) => gib * GiB),
      maxMemoryBytes: fc.integer({ min: 1, max: 16 }).map((gib) => gib * GiB),
    }),
  ),
);
const demand = fc.record({
  memoryBytes: fc.integer({ min: 1, max: 8 }).map((half) => (half * GiB) / 2),
  cpu: fc.integer({ min: 1, max: 8 }).map((quarter) => quarter / 4),
  disks: fc.integer({ min: 1, max: 30 }).map((gib) => [{ ...disk, bytes: gib * GiB }]),
});
const placing: fc.Arbitrary<Placing> = fc.record({
  cluster: fc.record({
    candidates: fc.shuffledSubarray(names),
    cordoned: fc.subarray(names),
    nodes,
    guests: fc.constant([]),
    storages: fc.constant(names.map((name) => storage(name))),
    placed: fc.constant([]),
    bound: fc.constant([]),
    demand,
  }),
  demands: fc.array(demand, { maxLength: 40 }),
});

/** One guest after the other; each is counted before Proxmox shows it. */
function placeAll({ cluster, demands }: Placing): PlacedGuest[] {
  const placed: PlacedGuest[] = [];
  for (const wanted of demands) {
    const choice = chooseNode({ ...cluster, placed, demand: wanted });
    if (choice.node !== undefined)
      placed.push({ ...wanted, node: choice.node, vmid: undefined, kin: 'revision', disks: wanted.disks });
  }
  return placed;
}

function total(placed: readonly PlacedGuest[], on: string, of: (guest: PlacedGuest) => number): number {
  return placed.filter((guest) => guest.node === on).reduce((sum, guest) => sum + of(guest), 0);
}

describe('placing guests one after the other', () => {
  it('never goes beyond the region, to a cordoned or offline node, or above what a node has', () => {
    fc.assert(
      fc.property(placing, (input) => {
        const placed = placeAll(input);
        for (const { node: name, online, maxCpu, memoryBytes, maxMemoryBytes } of input.cluster.nodes) {
          const here = placed.some((guest) => guest.node === name);
          if (!here) continue;
          expect(online).toBe(true);
          expect(input.cluster.cordoned).not.toContain(name);
          expect(input.cluster.candidates).toContain(name);
          expect(total(placed, name, (guest) => guest.memoryBytes) + memoryBytes).toBeLessThanOrEqual(maxMemoryBytes);
          expect(total(placed, name, ({ cpu }) => cpu)).toBeLessThanOrEqual(maxCpu * CPU_OVERCOMMIT);
          expect(total(placed, name, ({ disks }) => disks[0]?.bytes ?? 0)).toBeLessThanOrEqual(100 * GiB);
        }
      }),
    );
  });

  it('spreads replicas so that no two nodes differ by more than one while there is room', () => {
    fc.assert(
      fc.property(placing, fc.integer({ min: 1, max: 40 }), ({ cluster }, replicas) => {
        const roomy = cluster.nodes.map((one) => ({ ...one, maxMemoryBytes: 1024 * GiB, maxCpu: 64 }));
        const small = { memoryBytes: GiB, cpu: 1, disks: [{ ...disk, bytes: GiB }] };
        const placed = placeAll({
          cluster: { ...cluster, nodes: roomy },
          demands: Array.from({ length: replicas }, () => small),
        });
        const counts = roomy
          .filter(
            ({ node: name, online }) => online && cluster.candidates.includes(name) && !cluster.cordoned.includes(name),
          )
          .map(({ node: name }) => total(placed, name, () => 1));
        expect(Math.max(0, ...counts) - Math.min(...counts, Infinity)).toBeLessThanOrEqual(1);
        expect(placed).toHaveLength(counts.length === 0 ? 0 : replicas);
      }),
    );
  });

  it('chooses the same node in whatever order the facts come, and names every node when there is none', () => {
    fc.assert(
      fc.property(placing, ({ cluster, demands }) => {
        const placed = placeAll({ cluster, demands });
        const choice = chooseNode({ ...cluster, placed });
        const reversed = {
          candidates: cluster.candidates.toReversed(),
          nodes: cluster.nodes.toReversed(),
          storages: cluster.storages.toReversed(),
          placed: placed.toReversed(),
        };
        expect(chooseNode({ ...cluster, ...reversed })).toEqual(choice);
        if (choice.node === undefined) for (const name of cluster.candidates) expect(choice.why).toContain(`${name}: `);
      }),
    );
  });
});
