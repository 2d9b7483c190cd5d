import type { ObjectKey } from './store.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from './prepare.ts';

/** What garbage collection needs to know of an object. */
export interface GraphNode {
  kind: string;
  key: ObjectKey;
  uid: string;
  resourceVersion: string;
  deleting: boolean;
  finalizers: readonly string[];
  /** The uids of its owners. */
  owners: readonly string[];
}

/** One step of garbage collection. */
export type GarbageAction =
  | { do: 'delete'; node: GraphNode; propagation: 'Background' | 'Foreground' }
  /** Takes these owners off its list. */
  | { do: 'disown'; node: GraphNode; owners: readonly string[] }
  /** Nothing hinders the deletion any more. */
  | { do: 'release'; node: GraphNode; finalizer: string };

/** The next steps of garbage collection; carried out and asked again until there are none. Pure. */
export function planGarbage(nodes: readonly GraphNode[]): GarbageAction[] {
  const byUid = new Map(nodes.map((node) => [node.uid, node]));
  const parents = new Set(nodes.flatMap(({ owners }) => owners));
  const actions: GarbageAction[] = [];

  for (const node of nodes) {
    if (node.deleting && node.finalizers.includes(ORPHAN_FINALIZER) && !parents.has(node.uid)) {
      actions.push({ do: 'release', node, finalizer: ORPHAN_FINALIZER });
    } else if (node.deleting && node.finalizers.includes(FOREGROUND_FINALIZER) && !parents.has(node.uid)) {
      actions.push({ do: 'release', node, finalizer: FOREGROUND_FINALIZER });
    }
    if (node.owners.length > 0) actions.push(...stepsForChild(node, byUid, parents));
  }
  return actions;
}

function stepsForChild(
  node: GraphNode,
  byUid: ReadonlyMap<string, GraphNode>,
  parents: ReadonlySet<string>,
): GarbageAction[] {
  const waitingFor = (finalizer: string) =>
    node.owners.filter((uid) => {
      const owner = byUid.get(uid);
      return owner !== undefined && owner.deleting && owner.finalizers.includes(finalizer);
    });
  const orphaning = waitingFor(ORPHAN_FINALIZER);
  if (orphaning.length > 0) return [{ do: 'disown', node, owners: orphaning }];

  const collecting = waitingFor(FOREGROUND_FINALIZER);
  const living = node.owners.filter((uid) => byUid.has(uid) && !collecting.includes(uid));
  if (living.length > 0) return collecting.length > 0 ? [{ do: 'disown', node, owners: collecting }] : [];
  if (node.deleting) return [];
  // Who waits for its children wants theirs gone first as well.
  const propagation = collecting.length > 0 && parents.has(node.uid) ? 'Foreground' : 'Background';
  return [{ do: 'delete', node, propagation }];
}
