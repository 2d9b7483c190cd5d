import type { ListedGuest, ListedNode } from '../providers/proxmox/client.ts';

/** What the choice of a node goes by. */
export interface PlacementFacts {
  /** Nodes of the region that the spec allows. */
  candidates: readonly string[];
  cordoned: readonly string[];
  nodes: readonly ListedNode[];
  guests: readonly ListedGuest[];
  /** Nodes of guests that this one should keep away from, one entry a guest. */
  siblings: readonly string[];
  /** Storages that must be usable on the node: rootfs and templates. */
  storages: readonly string[];
  availableStorages: ReadonlySet<string>;
  memoryBytes: number;
}

export type PlacementChoice = { node: string } | { node: undefined; why: string };

/**
 * The node with the fewest siblings, then the least memory promised, then by name. When none can take the guest it says why,
 * node by node. Pure.
 */
export function chooseNode(facts: PlacementFacts): PlacementChoice {
  const refusals: string[] = [];
  const fitting: { node: string; siblings: number; promised: number }[] = [];
  for (const name of facts.candidates) {
    const refusal = refusalOf(name, facts);
    if (refusal === undefined) {
      fitting.push({
        node: name,
        siblings: facts.siblings.filter((sibling) => sibling === name).length,
        promised: promisedShare(name, facts),
      });
    } else {
      refusals.push(`${name}: ${refusal}`);
    }
  }
  const [best] = fitting.sort(
    (a, b) => a.siblings - b.siblings || a.promised - b.promised || (a.node < b.node ? -1 : 1),
  );
  return best ? { node: best.node } : { node: undefined, why: `No node can take the guest (${refusals.join('; ')}).` };
}

function refusalOf(name: string, facts: PlacementFacts): string | undefined {
  const node = facts.nodes.find((candidate) => candidate.node === name);
  if (!node) return 'not in the cluster';
  if (!node.online) return 'offline';
  if (facts.cordoned.includes(name)) return 'cordoned';
  const missing = facts.storages.find((storage) => !facts.availableStorages.has(`${name}/${storage}`));
  if (missing !== undefined) return `storage ${missing} is not available`;
  if (node.maxMemoryBytes - node.memoryBytes < facts.memoryBytes) return 'not enough free memory';
  return undefined;
}

function promisedShare(name: string, { nodes, guests }: PlacementFacts): number {
  const capacity = nodes.find(({ node }) => node === name)?.maxMemoryBytes ?? 1;
  const promised = guests.reduce((sum, guest) => (guest.node === name ? sum + (guest.maxMemoryBytes ?? 0) : sum), 0);
  return promised / capacity;
}
