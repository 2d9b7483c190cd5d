import { randomBytes } from 'node:crypto';
import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import type { ManagedFields, OwnerReference } from '../../crds/meta.ts';
import type { Identity } from '../../controller/access/token-store.ts';
import { isFault } from '../../controller/errors.ts';
import { staleRead } from '../../controller/store/refusals.ts';
import type { Writer } from '../../controller/store/store.ts';
import type { ApiContext } from '../context.ts';
import { fieldOf, isRecord } from '../../controller/json.ts';
import { Refused } from '../status.ts';
import { manifestFormat, readBody } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { overwritten } from '../../controller/apply/apply-manifest.ts';
import { ownersAfterUpdate, ownersOfNew, withOwners } from '../../controller/apply/field-owners.ts';
import { readRecords } from '../../controller/apply/field-records.ts';
import { readWriteQuery } from './query.ts';
import { findObject, respondObject } from './read.ts';
import type { Target } from './target.ts';
import { writerOf } from './writer.ts';

/** How often a write without a stated version begins again when somebody else was faster. */
const TRIES = 8;

/** Makes an object; 201. */
export async function createObject(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const { kind, namespace } = target;
  const query = readWriteQuery(context);
  const written = await readBody(context.req.raw, manifestFormat(context.req.raw));
  const prefix = fieldOf(fieldOf(written, 'metadata'), 'generateName');
  const generated = typeof prefix === 'string' && fieldOf(fieldOf(written, 'metadata'), 'name') === undefined;
  const writer = writerOf(context, query);
  for (let tried = 1; ; tried += 1) {
    const raw = generated ? withName(written, `${prefix}${randomBytes(4).toString('hex').slice(0, 5)}`) : written;
    try {
      const by = { writer, identity: context.get('identity'), dryRun: query.dryRun };
      const made = await storeNew(deps, { kind, namespace, raw }, by);
      return await respondObject(context, deps, kind, made, 201);
    } catch (error) {
      if (!generated || tried === TRIES || !isFault(error, 'AlreadyExists')) throw error;
    }
  }
}

/** On whose behalf something is written, and whether it is. */
export interface WrittenBy {
  writer: Writer;
  identity: Identity;
  dryRun?: boolean | undefined;
}

/** Something to be made. */
export interface NewObject {
  kind: AnyKind;
  namespace: string | undefined;
  raw: unknown;
  /** What the server itself makes it go with. */
  owners?: readonly OwnerReference[] | undefined;
}

type WriteDeps = Pick<ResourceDeps, 'store' | 'admit' | 'clock'>;

/** Makes an object of what somebody wrote: admitted, with the owners of its fields on record. */
export async function storeNew(
  { admit, clock, store }: WriteDeps,
  { kind, namespace, raw, owners }: NewObject,
  { writer, identity, dryRun }: WrittenBy,
): Promise<Resource> {
  const manifest = await admit({ kind, namespace, name: undefined, raw, existing: undefined, identity, owners });
  const owned = withOwners(manifest, ownersOfNew(kind, raw, writer.manager, clock.now()));
  return store.create(kind, owned, writer, { dryRun });
}

/** Writes what `changed` says over `existing`, admitted; Conflict when that is not what is stored any more. */
export async function storeChanged(
  { admit, clock, store }: WriteDeps,
  { kind, existing, changed }: { kind: AnyKind; existing: Resource; changed: Changed },
  { writer, identity, dryRun }: WrittenBy,
): Promise<Resource> {
  const { raw, records = readRecords(existing.metadata) } = changed;
  const { namespace, name } = existing.metadata;
  const manifest = await admit({ kind, namespace, name, raw, existing, identity });
  const owners = ownersAfterUpdate({ kind, existing, manifest, records, manager: writer.manager, now: clock.now() });
  return store.update(kind, merged(existing, withOwners(manifest, owners)), writer, { dryRun });
}

function withName(written: unknown, name: string): unknown {
  if (!isRecord(written) || !isRecord(written['metadata'])) return written;
  const { generateName: _, ...metadata } = written['metadata'];
  return { ...written, metadata: { ...metadata, name } };
}

/** Replaces an object by what the request brings. */
export async function replaceObject(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const raw = await readBody(context.req.raw, manifestFormat(context.req.raw));
  return changeObject(context, deps, target, () => ({ raw }));
}

/** What an object is to become. */
export interface Changed {
  raw: unknown;
  /** Who stated which fields until now, when the change says something else about that than what is kept. */
  records?: ManagedFields[] | undefined;
}

/**
 * Writes what `change` makes of the object as it is stored. Without a version of its own the change begins again on what
 * somebody else wrote meanwhile; with one that is outdated it fails with 409.
 */
export async function changeObject(
  context: ApiContext,
  deps: ResourceDeps,
  target: Target,
  change: (existing: Resource) => Changed,
): Promise<Response> {
  const { kind } = target;
  const { dryRun, ...query } = readWriteQuery(context);
  const by = { writer: writerOf(context, query), identity: context.get('identity'), dryRun };
  const changed = await retryConflicts(async () => {
    const existing = await findObject(deps.store, target);
    return storeChanged(deps, { kind, existing, changed: change(existing) }, by);
  });
  return respondObject(context, deps, kind, changed);
}

/** An object as it is stored, with what a manifest says in place of what it said before. Throws for an outdated version. */
export function merged(existing: Resource, manifest: Manifest): Resource {
  const { resourceVersion = '' } = manifest.metadata;
  // Without a stated version it is the one that was just read: nothing that came in between is lost.
  if (resourceVersion !== '' && resourceVersion !== existing.metadata.resourceVersion) {
    throw new Refused('Conflict', staleRead(existing.kind, existing.metadata).message);
  }
  return overwritten(existing, manifest);
}

/** Tries again when somebody else was faster, on what they wrote. */
export async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tried === TRIES || !isFault(error, 'Conflict')) throw error;
    }
  }
}
