import type { Manifest } from '../../crds/define-kind.ts';
import { API_VERSION, type ObjectMeta } from '../../crds/meta.ts';
import { Fault } from '../errors.ts';
import { sameJson } from '../same-json.ts';
import type { Decision, DecisionContext, KindRules, StoredObject } from './decision.ts';
import { recordManager } from './managed-fields.ts';
import { describeObject, notFound, otherIncarnation, staleRead, unreadable } from './refusals.ts';
import type { DeleteOptions, ObjectKey } from './store.ts';

// What a write comes to, from what is stored and what is asked. Pure; every implementation of the store decides here.

/** Keeps an object until its children are gone (deletion in the foreground). */
export const FOREGROUND_FINALIZER = 'foregroundDeletion';
/** Keeps an object until its children no longer name it as an owner. */
export const ORPHAN_FINALIZER = 'orphan';

/** AlreadyExists when the name is taken; Invalid without the namespace that the kind needs. */
export function prepareCreate<O extends StoredObject>(
  kind: KindRules<O>,
  current: O | undefined,
  manifest: Manifest,
  context: DecisionContext,
): Decision<O> {
  const { name, namespace, labels, annotations, finalizers = [], ownerReferences } = manifest.metadata;
  const what = describeObject(kind.kind, { namespace, name });
  if ((kind.scope === 'Namespaced') !== (namespace !== undefined)) {
    const message =
      kind.scope === 'Namespaced' ? 'is required' : `must be absent: ${kind.kind} belongs to no namespace`;
    return refused(invalidField(what, 'metadata.namespace', message));
  }
  if (current) {
    const hint =
      current.metadata.deletionTimestamp === undefined ? '' : ' It is being deleted; try again when it is gone.';
    return refused(new Fault('AlreadyExists', `${what} exists already.${hint}`));
  }
  return checked(kind, 'ADDED', {
    apiVersion: API_VERSION,
    kind: kind.kind,
    metadata: {
      name,
      namespace,
      uid: context.newUid(),
      resourceVersion: '',
      generation: 1,
      ...sparse({ labels, annotations, ownerReferences }),
      ...sparse({
        finalizers: [...new Set(kind.finalizer === undefined ? finalizers : [...finalizers, kind.finalizer])],
      }),
      managedFields: recordManager([], { manager: context.manager, now: context.now }),
      creationTimestamp: context.now.toISOString(),
    },
    spec: manifest.spec,
    status: {},
  });
}

/** Takes spec, labels, annotations, finalizers and owners of `object`. The last finalizer of what is being deleted removes it. */
export function prepareUpdate<O extends StoredObject>(
  kind: KindRules<O>,
  current: O | undefined,
  object: O,
  context: DecisionContext,
): Decision<O> {
  const refusal = stale(kind, current, object.metadata);
  if (refusal || !current) return refused(refusal ?? notFound(kind.kind, object.metadata));
  const { labels, annotations, finalizers, ownerReferences } = object.metadata;
  const what = describeObject(kind.kind, object.metadata);
  const deleting = current.metadata.deletionTimestamp !== undefined;
  const added = (finalizers ?? []).filter((finalizer) => !current.metadata.finalizers?.includes(finalizer));
  if (deleting && added.length > 0) {
    const message = `must not gain ${added.join(', ')} while the object is being deleted`;
    return refused(invalidField(what, 'metadata.finalizers', message));
  }

  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...kept } = current.metadata;
  const decision = checked(kind, 'MODIFIED', {
    ...current,
    metadata: {
      ...kept,
      ...sparse({ labels, annotations, finalizers: finalizers && [...new Set(finalizers)], ownerReferences }),
    },
    spec: object.spec,
  });
  if (decision.type !== 'stored') return decision;
  const next = decision.object;
  const frozen = changedImmutableField(kind, current.spec, next.spec);
  if (frozen !== undefined) return refused(invalidField(what, `spec.${frozen}`, 'cannot be changed after creation'));

  const specChanged = !sameJson(current.spec, next.spec);
  if (!specChanged && sameJson(current.metadata, next.metadata)) return { type: 'unchanged', object: current };
  if (specChanged) next.metadata.generation = current.metadata.generation + 1;
  next.metadata.managedFields = recordManager(current.metadata.managedFields, context);
  if (deleting && next.metadata.finalizers === undefined) return { type: 'removed', object: next };
  return decision;
}

/** Takes the status of `object` and nothing else. */
export function prepareStatus<O extends StoredObject>(
  kind: KindRules<O>,
  current: O | undefined,
  object: O,
  context: DecisionContext,
): Decision<O> {
  const refusal = stale(kind, current, object.metadata);
  if (refusal || !current) return refused(refusal ?? notFound(kind.kind, object.metadata));
  const status = attempt(kind, current, () => kind.statusSchema.parse(asRead(object.status)));
  if (!status.ok) return refused(status.fault);
  if (sameJson(current.status, status.value)) return { type: 'unchanged', object: current };
  const managedFields = recordManager(current.metadata.managedFields, context, 'status');
  // The rest is as it was read.
  const next = { ...current, metadata: { ...current.metadata, managedFields }, status: status.value };
  return { type: 'stored', change: 'MODIFIED', object: next };
}

/** Removes what nothing holds; marks the rest, to be removed with its last finalizer. */
export function prepareDelete<O extends StoredObject>(
  kind: KindRules<O>,
  current: O | undefined,
  key: ObjectKey,
  { uid = '', resourceVersion = '', propagation = 'Background' }: DeleteOptions,
  context: DecisionContext,
): Decision<O> {
  const refusal = stale(kind, current, { ...key, uid, resourceVersion });
  if (refusal || !current) return refused(refusal ?? notFound(kind.kind, key));
  if (current.metadata.deletionTimestamp !== undefined) return { type: 'unchanged', object: current };
  const finalizers = [...(current.metadata.finalizers ?? []), ...finalizersFor(propagation)];
  if (finalizers.length === 0) return { type: 'removed', object: current };
  return checked(kind, 'MODIFIED', {
    ...current,
    metadata: {
      ...current.metadata,
      finalizers: [...new Set(finalizers)],
      generation: current.metadata.generation + 1,
      deletionTimestamp: context.now.toISOString(),
    },
  });
}

function finalizersFor(propagation: NonNullable<DeleteOptions['propagation']>): string[] {
  switch (propagation) {
    case 'Background':
      return [];
    case 'Foreground':
      return [FOREGROUND_FINALIZER];
    case 'Orphan':
      return [ORPHAN_FINALIZER];
    default:
      return propagation satisfies never;
  }
}

/** Why `asked` does not speak of what is stored; an empty uid or version matches anything. */
function stale(
  { kind }: KindRules,
  current: StoredObject | undefined,
  asked: ObjectKey & Pick<ObjectMeta, 'uid' | 'resourceVersion'>,
): Fault | undefined {
  if (!current) return notFound(kind, asked);
  if (asked.uid !== '' && asked.uid !== current.metadata.uid) return otherIncarnation(kind, asked);
  if (asked.resourceVersion !== '' && asked.resourceVersion !== current.metadata.resourceVersion) {
    return staleRead(kind, asked);
  }
  return undefined;
}

/** As it will be read back: what does not survive that is never stored. */
function checked<O extends StoredObject>(
  kind: KindRules<O>,
  change: 'ADDED' | 'MODIFIED',
  candidate: StoredObject,
): Decision<O> {
  const object = attempt(kind, candidate, () => kind.read(asRead(candidate)));
  return object.ok ? { type: 'stored', change, object: object.value } : refused(object.fault);
}

function attempt<T>(
  { kind }: Pick<KindRules, 'kind'>,
  { metadata }: StoredObject,
  read: () => T,
): { ok: true; value: T } | { ok: false; fault: Fault } {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    return { ok: false, fault: unreadable(error, `${describeObject(kind, metadata)} is not valid`) };
  }
}

/** What comes back of a value that was stored. */
function asRead(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? {}));
}

function changedImmutableField({ immutableExcept }: KindRules, before: unknown, after: unknown): string | undefined {
  if (immutableExcept === undefined) return undefined;
  const [old, next] = [new Map(fieldsOf(before)), new Map(fieldsOf(after))];
  return [...new Set([...old.keys(), ...next.keys()])].find(
    (field) => !immutableExcept.includes(field) && !sameJson(old.get(field), next.get(field)),
  );
}

function fieldsOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** Without what is empty, so that "no labels" has one form only. */
function sparse<T extends object>(parts: T): Partial<T> {
  const present = { ...parts };
  for (const [key, value] of Object.entries(parts)) {
    if (value === undefined || Object.keys(value).length === 0) Reflect.deleteProperty(present, key);
  }
  return present;
}

function refused(fault: Fault): { type: 'refused'; fault: Fault } {
  return { type: 'refused', fault };
}

function invalidField(what: string, path: string, message: string): Fault {
  return new Fault('Invalid', `${what} is not valid: ${path} ${message}.`, { fields: [{ path, message }] });
}
