import type { ListedGuest, ListedNode, ListedStorage } from '../providers/proxmox/client.ts';

/**
 * How often a core of a node may be promised. The limit of a guest is what it may take, not what is held back for it, and a
 * node of many small services idles; beyond this even idling adds up.
 */
export const CPU_OVERCOMMIT = 16;

/** Room on a storage that is still to be taken; `content` is what the storage must accept for it. */
export interface DiskDemand {
  storage: string;
  content: 'rootdir' | 'vztmpl';
  bytes: number;
}

/** A guest of ours that has its node, whether Proxmox shows it yet or not. */
export interface PlacedGuest {
  node: string;
  vmid: number | undefined;
  memoryBytes: number;
  cpu: number;
  /** What it has not taken yet. */
  disks: readonly DiskDemand[];
  /** Whether the new guest should keep away from it, and from those of its own revision above all. */
  kin: 'revision' | 'service' | undefined;
}

/** A volume that can be reached on one node only. */
export interface BoundVolume {
  volume: string;
  node: string;
}

/** What the choice of a node goes by. */
export interface PlacementFacts {
  /** Nodes of the region that the spec allows. */
  candidates: readonly string[];
  cordoned: readonly string[];
  nodes: readonly ListedNode[];
  guests: readonly ListedGuest[];
  storages: readonly ListedStorage[];
  placed: readonly PlacedGuest[];
  bound: readonly BoundVolume[];
  demand: { memoryBytes: number; cpu: number; disks: readonly DiskDemand[] };
}

export type PlacementChoice = { node: string } | { node: undefined; why: string };

interface Fit {
  node: string;
  revision: number;
  service: number;
  share: number;
}

/**
 * The node with the fewest guests of the same revision, then of the same service, then the smallest share promised or in use,
 * then by name. When none can take the guest it says why, node by node. Pure.
 *
 * Memory is not overcommitted among our guests: each counts with all that it may take, and what others and the node itself
 * use now comes on top. Cores are, `CPU_OVERCOMMIT` times. Disks go by what the storage says is free, less what our guests
 * have not taken yet.
 */
export function chooseNode(facts: PlacementFacts): PlacementChoice {
  const refusals: string[] = [];
  const fitting: Fit[] = [];
  for (const name of [...new Set(facts.candidates)].sort()) {
    const node = facts.nodes.find((listed) => listed.node === name);
    const refusal = refusalOf(name, node, facts);
    if (refusal !== undefined) refusals.push(`${name}: ${refusal}`);
    else if (node) fitting.push(fitOf(node, facts));
  }
  const [best] = fitting.sort((a, b) => a.revision - b.revision || a.service - b.service || a.share - b.share);
  if (best) return { node: best.node };
  const list = refusals.length === 0 ? 'none is allowed by its region and spec.nodes' : refusals.join('; ');
  return { node: undefined, why: `No node can take the guest (${list}).` };
}

function refusalOf(name: string, node: ListedNode | undefined, facts: PlacementFacts): string | undefined {
  if (!node) return 'not in the cluster';
  if (!node.online) return 'offline';
  if (facts.cordoned.includes(name)) return 'cordoned';
  const elsewhere = facts.bound.find((volume) => volume.node !== name);
  if (elsewhere) return `volume ${elsewhere.volume} is on ${elsewhere.node}`;
  return lackOfStorage(name, facts) ?? lackOfMemory(node, facts) ?? lackOfCpu(node, facts);
}

function lackOfStorage(name: string, { demand, storages, placed }: PlacementFacts): string | undefined {
  for (const { storage, content } of demand.disks) {
    const row = storages.find((listed) => listed.node === name && listed.storage === storage);
    if (!row?.available) return `storage ${storage} is not available`;
    if (!row.content.includes(content)) return `storage ${storage} does not take ${content}`;
    // Some kinds of storage tell no size.
    if (row.totalBytes === 0) continue;
    const wanted = bytesOn(storage, demand.disks);
    const coming = placed
      .filter((guest) => row.shared || guest.node === name)
      .reduce((sum, guest) => sum + bytesOn(storage, guest.disks), 0);
    const free = row.totalBytes - row.usedBytes - coming;
    if (wanted > free)
      return `storage ${storage} has ${gib(free)} free of the ${gibNeeded(wanted)} needed. Free space on it`;
  }
  return undefined;
}

function lackOfMemory(node: ListedNode, facts: PlacementFacts): string | undefined {
  const free = node.maxMemoryBytes - memoryTaken(node, facts);
  if (facts.demand.memoryBytes <= free) return undefined;
  return `not enough free memory: ${gib(free)} of the ${gibNeeded(facts.demand.memoryBytes)} needed`;
}

function lackOfCpu(node: ListedNode, facts: PlacementFacts): string | undefined {
  if (facts.demand.cpu > node.maxCpu) return `${node.maxCpu} cores of the ${facts.demand.cpu} needed`;
  if (cpuTaken(node, facts) + facts.demand.cpu <= node.maxCpu * CPU_OVERCOMMIT) return undefined;
  return `its ${node.maxCpu} cores are promised ${CPU_OVERCOMMIT} times`;
}

function fitOf(node: ListedNode, facts: PlacementFacts): Fit {
  const here = facts.placed.filter((guest) => guest.node === node.node);
  const memory = memoryTaken(node, facts) / node.maxMemoryBytes;
  const cpu = cpuTaken(node, facts) / (node.maxCpu * CPU_OVERCOMMIT);
  // Load moves all the time; only what differs clearly shall tip a choice.
  const load = Math.round(node.cpu * 5) / 5;
  return {
    node: node.node,
    revision: here.filter(({ kin }) => kin === 'revision').length,
    service: here.filter(({ kin }) => kin !== undefined).length,
    share: Math.max(memory, cpu, load),
  };
}

/** What ours may take, whether they do or not, and what the node uses besides them. */
function memoryTaken({ node, memoryBytes }: ListedNode, { placed, guests }: PlacementFacts): number {
  const ours = placed.filter((guest) => guest.node === node);
  const vmids = new Set(ours.map(({ vmid }) => vmid));
  const usedByOurs = guests.reduce(
    (sum, guest) => (guest.node === node && vmids.has(guest.vmid) ? sum + (guest.memoryBytes ?? 0) : sum),
    0,
  );
  return Math.max(0, memoryBytes - usedByOurs) + ours.reduce((sum, guest) => sum + guest.memoryBytes, 0);
}

function cpuTaken({ node }: ListedNode, { placed }: PlacementFacts): number {
  return placed.reduce((sum, guest) => (guest.node === node ? sum + guest.cpu : sum), 0);
}

function bytesOn(storage: string, disks: readonly DiskDemand[]): number {
  return disks.reduce((sum, disk) => (disk.storage === storage ? sum + disk.bytes : sum), 0);
}

/** In steps of a quarter, downwards: the same lack gives the same words though usage moves all the time. */
function gib(bytes: number): string {
  return `${Math.max(0, Math.floor(bytes / 2 ** 28) / 4)} GiB`;
}

function gibNeeded(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 28) / 4} GiB`;
}
