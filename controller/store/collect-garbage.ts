import { z } from 'zod';
import { ObjectMeta } from '../../crds/meta.ts';
import { isFault } from '../errors.ts';
import type { StoreBackend, Write } from './backend.ts';
import type { KindRules, StoredObject } from './decision.ts';
import { planGarbage, type GarbageAction, type GraphNode } from './plan-garbage.ts';
import { prepareDelete, prepareUpdate } from './prepare.ts';
import { notFound } from './refusals.ts';
import { parseStored } from './stored.ts';
import type { Writer } from './store.ts';

const Envelope = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: ObjectMeta,
  spec: z.unknown(),
  status: z.unknown(),
});

/** The rules for objects of which only the metadata matters; good for kinds that this version does not know. */
export function envelopeRules(kind: string, scope: KindRules['scope']): KindRules {
  return {
    kind,
    scope,
    finalizer: undefined,
    immutableExcept: undefined,
    read: (stored) => Envelope.parse(stored),
    statusSchema: z.unknown(),
  };
}

/** Deletes what lost its last owner, and lets go of owners whose deletion waited for their children. Answers how many were deleted. */
export async function collectGarbage(backend: StoreBackend, writer: Writer): Promise<number> {
  let deleted = 0;
  for (;;) {
    const actions = planGarbage(await backend.readGraph());
    const done = await Promise.all(actions.map((action) => carryOut(backend, action, writer)));
    deleted += actions.filter((action, index) => action.do === 'delete' && done[index]).length;
    if (!done.includes(true)) return deleted;
  }
}

/** False when nothing came of it, as when the object moved on meanwhile: then the next look decides anew. */
async function carryOut(backend: StoreBackend, action: GarbageAction, writer: Writer): Promise<boolean> {
  try {
    const accepted = await backend.submit(writeFor(action, writer));
    return accepted.type !== 'unchanged';
  } catch (error) {
    if (isFault(error, 'Conflict', 'NotFound')) return false;
    throw error;
  }
}

function writeFor(action: GarbageAction, writer: Writer): Write<StoredObject> {
  const { kind, key } = action.node;
  const rules = envelopeRules(kind, key.namespace === undefined ? 'Cluster' : 'Namespaced');
  return {
    kind,
    key,
    writer,
    action: action.do === 'delete' ? 'delete' : 'update',
    dryRun: false,
    isWhole: false,
    decide(stored, context) {
      if (stored === undefined) return { type: 'refused', fault: notFound(kind, key) };
      const current = rules.read(parseStored(stored));
      const { uid, resourceVersion } = action.node;
      if (action.do === 'delete') {
        const { propagation } = action;
        return prepareDelete(rules, current, key, { uid, resourceVersion, propagation }, context);
      }
      const metadata = { ...current.metadata, uid, resourceVersion, ...without(action, current) };
      return prepareUpdate(rules, current, { ...current, metadata }, context);
    },
  };
}

function without(
  action: Exclude<GarbageAction, { do: 'delete' }>,
  { metadata: { finalizers, ownerReferences } }: StoredObject,
): Partial<ObjectMeta> {
  if (action.do === 'release') return { finalizers: finalizers?.filter((name) => name !== action.finalizer) };
  return { ownerReferences: ownerReferences?.filter(({ uid }) => !action.owners.includes(uid)) };
}

/** What `planGarbage` needs of an object. */
export function graphNode(object: StoredObject): GraphNode {
  const { namespace, name, uid, resourceVersion, deletionTimestamp, finalizers, ownerReferences } = object.metadata;
  return {
    kind: object.kind,
    key: { namespace, name },
    uid,
    resourceVersion,
    deleting: deletionTimestamp !== undefined,
    finalizers: finalizers ?? [],
    owners: (ownerReferences ?? []).map((owner) => owner.uid),
  };
}
