import { randomBytes } from 'node:crypto';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { API_VERSION, SYSTEM_NAMESPACE, type OwnerReference } from '../../crds/meta.ts';
import { isFault, type FieldProblem } from '../../controller/errors.ts';
import { sameJson } from '../../controller/same-json.ts';
import type { ApiContext } from '../context.ts';
import { requireUnprotected } from '../resources/deletion-protection.ts';
import { shownMetadata } from '../../controller/apply/field-records.ts';
import { storeChanged, storeNew, type WrittenBy } from '../resources/write.ts';
import { writerOf } from '../resources/writer.ts';
import { absent } from './find-object.ts';
import { changedMeanwhile, requireMatch } from './entity-tag.ts';
import type { RestDeps } from './rest-deps.ts';
import { nameFrom } from './name-from.ts';
import { invalidFields, restErrorOf, RestError } from './rest-error.ts';

// Writes go the way of the resource API: the same admission, defaults, record of field owners, and audit.

const TRIES = 8;

type WriteDeps = Pick<RestDeps, 'store' | 'admit' | 'clock'>;

/** What the contract calls the fields of a spec: the longest prefix that is named here is replaced. */
export type FieldNames = Readonly<Record<string, string>>;

interface NewObject {
  namespace?: string | undefined;
  /** The name as resources are called. */
  name: string;
  labels?: Record<string, string> | undefined;
  /** What it goes with; people cannot say so themselves. */
  ownerReferences?: readonly OwnerReference[] | undefined;
  spec: object;
}

/** Makes an object. AlreadyExists when its name is taken; a 400 in the words of the contract for what the kind refuses. */
export async function createObject<R extends Resource>(
  context: ApiContext,
  deps: WriteDeps,
  kind: Kind<R>,
  { namespace, spec, ownerReferences: owners, ...metadata }: NewObject,
  fields: FieldNames = {},
): Promise<R> {
  const raw = asSent({ apiVersion: API_VERSION, kind: kind.kind, metadata: { ...metadata, namespace }, spec });
  return inWordsOf(fields, async () =>
    kind.read(await storeNew(deps, { kind, namespace, raw, owners }, byRest(context))),
  );
}

/** Makes an object whose name is made from what people call it; while that is taken, with something random behind it. */
export async function createNamed<R extends Resource>(
  context: ApiContext,
  deps: WriteDeps,
  kind: Kind<R>,
  { displayName, ...object }: Omit<NewObject, 'name'> & { displayName: string },
  fields: FieldNames = {},
): Promise<R> {
  const base = nameFrom(displayName, kind.singular);
  // The namespace of the installation itself is nobody's project.
  const first = base === SYSTEM_NAMESPACE ? 1 : 0;
  for (let tried = first; ; tried += 1) {
    const name = tried === 0 ? base : `${base}-${randomBytes(3).toString('hex')}`;
    try {
      return await createObject(context, deps, kind, { ...object, name }, fields);
    } catch (error) {
      if (tried === TRIES || !isFault(error, 'AlreadyExists')) throw error;
    }
  }
}

interface ChangeOf<R extends Resource> {
  /** As it was when the request was let in. */
  existing: R;
  /** The fields that the request states, as they are in an object: when somebody else changed them meanwhile, it is a 409. */
  stated(object: R): unknown;
  /** What the spec becomes; fields that the request does not state stay as they are. */
  change(object: R): object;
}

/**
 * Changes the spec of an object, in the version that `If-Match` names if there is one. What others write meanwhile to other
 * fields stays; what they write to the same ones is a 409, never lost.
 */
export async function changeSpec<R extends Resource>(
  context: ApiContext,
  deps: WriteDeps,
  kind: Kind<R>,
  { existing, stated, change }: ChangeOf<R>,
  fields: FieldNames = {},
): Promise<R> {
  let current = existing;
  for (let tried = 1; ; tried += 1) {
    requireMatch(context, current);
    const raw = asSent({ ...current, metadata: shownMetadata(current.metadata), spec: change(current) });
    const changing = { kind, existing: current, changed: { raw } };
    try {
      return await inWordsOf(fields, async () => kind.read(await storeChanged(deps, changing, byRest(context))));
    } catch (error) {
      if (tried === TRIES || !isFault(error, 'Conflict')) throw error;
    }
    const { uid } = existing.metadata;
    const now = await deps.store.getByUid(kind, uid);
    if (!now) throw absent(kind, uid);
    if (!sameJson(stated(existing), stated(now))) throw changedMeanwhile(existing);
    current = now;
  }
}

/**
 * Asks for the deletion of an object and of what it owns, what it owns first. Already being deleted is as good; 409 for what is
 * protected.
 */
export async function deleteObject<R extends Resource>(
  context: ApiContext,
  { store }: Pick<RestDeps, 'store'>,
  kind: Kind<R>,
  object: R,
): Promise<void> {
  requireMatch(context, object);
  await requireUnprotected(store, object);
  const { namespace, name, uid } = object.metadata;
  try {
    await store.delete(kind, { namespace, name }, byRest(context).writer, { uid, propagation: 'Foreground' });
  } catch (error) {
    // Somebody else was faster: that it is gone is all that was asked for.
    if (!isFault(error, 'NotFound')) throw error;
  }
}

/** On whose behalf a request of the contract writes. */
export function byRest(context: ApiContext): WrittenBy {
  return { writer: writerOf(context, { fieldManager: 'rest' }), identity: context.get('identity') };
}

/** Without the fields that are undefined, as if it had come in a body: they are not stated, so they get no owner. */
function asSent(manifest: object): unknown {
  return JSON.parse(JSON.stringify(manifest));
}

async function inWordsOf<T>(fields: FieldNames, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const refusal = isFault(error, 'Conflict', 'AlreadyExists') ? undefined : restErrorOf(error);
    if (!refusal?.details.fields) throw error;
    throw renamed(refusal, refusal.details.fields, fields);
  }
}

function renamed({ code, message }: RestError, problems: readonly FieldProblem[], fields: FieldNames): RestError {
  const own = problems.map((problem) => ({ ...problem, path: contractPath(problem.path, fields) }));
  const said = code === 'invalid_request' ? invalidFields(own).message : message;
  return new RestError(code, said, { fields: own });
}

function contractPath(path: string, fields: FieldNames): string {
  const known = Object.keys(fields)
    .filter((prefix) => path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`))
    .toSorted((a, b) => b.length - a.length)[0];
  return known === undefined ? path : `${fields[known] ?? ''}${path.slice(known.length)}`;
}
