import { API_VERSION, type ManagedFields } from '../../crds/meta.ts';
import { isRecord } from '../json.ts';
import { sameJson } from '../same-json.ts';
import {
  changedFields,
  hasWhole,
  isEmpty,
  leavesOf,
  readTree,
  touches,
  treeOf,
  treeWith,
  united,
  valueAt,
  without,
  type FieldPath,
  type FieldTree,
} from './field-tree.ts';
import { overlay, removeAbandoned } from './merge-applied.ts';
import type { MergeSchema } from './merge-schema.ts';

// Server-side apply: who stated which fields, and what follows when somebody states them anew. Pure. Items of lists with keys are
// fields of their own; other lists are whole fields.

/** The part of an object that can be owned: of the metadata only what people write, and the spec. */
export interface Ownable {
  metadata?: Record<string, unknown>;
  spec?: unknown;
}

/** A field that the applied manifest would change though another manager owns it. */
export interface FieldConflict {
  manager: string;
  operation: ManagedFields['operation'];
  path: FieldPath;
}

interface Applying {
  manager: string;
  /** What the manager states now. */
  applied: Ownable;
  /** Who stated what so far. */
  entries: readonly ManagedFields[];
  /** How objects of the kind are merged. */
  schema: MergeSchema;
}

/** Updates by more managers than this are not told apart. */
const MOST_UPDATERS = 16;

/**
 * `live` with all that is applied, and without what this manager applied before and no longer does, unless another manager
 * stated it too. What hangs on a removed field only by default goes with it.
 */
export function mergeApplied({ live, applied, manager, entries, schema }: Applying & { live: Ownable }): unknown {
  const last = treeOfEntry(entries.find((entry) => isApplyOf(entry, manager)));
  const others = othersOf(entries, manager).map(treeOfEntry);
  const kept = removeAbandoned(live, { last, next: treeOf(applied, schema), others, schema });
  return overlay(kept, applied, schema);
}

/** The applied fields that differ between `before` and `after` and belong to somebody else, each with its owner. */
export function conflictsOf(applying: Applying & { before: Ownable; after: Ownable }): FieldConflict[] {
  const { before, after, applied, manager, entries, schema } = applying;
  const stated = treeOf(applied, schema);
  const changed = leavesOf(stated).filter((path) => {
    const [old, next] = [valueAt(before, path), valueAt(after, path)];
    // Who states that there is a map or an item only states that; what is in it is not theirs to change.
    if (!hasWhole(stated, path)) return old !== undefined && shapeOf(old) !== shapeOf(next);
    return !sameJson(old, next);
  });
  return othersOf(entries, manager).flatMap((entry) => {
    const owned = treeOfEntry(entry);
    return changed
      .filter((path) => touches(owned, path))
      .map((path) => ({ manager: entry.manager, operation: entry.operation, path }));
  });
}

function shapeOf(value: unknown): 'list' | 'map' | 'other' {
  if (Array.isArray(value)) return 'list';
  return isRecord(value) ? 'map' : 'other';
}

/** Who states what after an apply. Conflicts that were overridden are taken from their owners. */
export function recordApply({
  applied,
  manager,
  entries,
  overridden,
  schema,
  now,
}: Applying & { overridden: readonly FieldConflict[]; now: Date }): ManagedFields[] {
  const stated = treeOf(applied, schema);
  const mine = entries.find((entry) => isApplyOf(entry, manager));
  const isSame = mine !== undefined && sameJson(treeOfEntry(mine), stated);
  const left = entries
    // What is stated again stays in its place: a record in another order would be a change.
    .filter((entry) => entry !== mine || isSame)
    .flatMap((entry) => {
      const lost = overridden.filter(
        (conflict) => conflict.manager === entry.manager && conflict.operation === entry.operation,
      );
      return lost.length === 0
        ? [entry]
        : remaining(
            entry,
            lost.map(({ path }) => path),
            now,
          );
    });
  return isSame || isEmpty(stated) ? left : [...left, entryOf(manager, 'Apply', stated, now)];
}

/** Who states what after a write that is no apply: what it changed belongs to its manager alone. */
export function recordUpdate({
  before,
  after,
  manager,
  entries,
  schema,
  now,
}: Omit<Applying, 'applied'> & { before: Ownable; after: Ownable; now: Date }): ManagedFields[] {
  const { set, removed } = changedFields(before, after, schema);
  if (set.length === 0 && removed.length === 0) return [...entries];
  const mine = entries.find((entry) => entry.manager === manager && entry.operation === 'Update' && isMain(entry));
  const left = entries
    .filter((entry) => entry !== mine)
    .flatMap((entry) => (isMain(entry) ? remaining(entry, [...set, ...removed], now) : [entry]));
  const owned = united(removed.reduce(without, treeOfEntry(mine)), treeWith(set));
  const updated = isEmpty(owned) ? left : [...left, entryOf(manager, 'Update', owned, now)];
  const surplus = updated.filter(({ operation }) => operation === 'Update').slice(0, -MOST_UPDATERS);
  return updated.filter((entry) => !surplus.includes(entry));
}

function entryOf(manager: string, operation: ManagedFields['operation'], tree: FieldTree, now: Date): ManagedFields {
  const time = now.toISOString();
  return { manager, operation, apiVersion: API_VERSION, time, fieldsType: 'FieldsV1', fieldsV1: tree };
}

/** The entry without some fields; nothing when it has none left. */
function remaining(entry: ManagedFields, lost: readonly FieldPath[], now: Date): ManagedFields[] {
  const before = treeOfEntry(entry);
  const after = lost.reduce(without, before);
  if (sameJson(before, after)) return [entry];
  return isEmpty(after) ? [] : [{ ...entry, fieldsV1: after, time: now.toISOString() }];
}

function treeOfEntry(entry: ManagedFields | undefined): FieldTree {
  return readTree(entry?.fieldsV1);
}

function isMain({ subresource }: ManagedFields): boolean {
  return subresource === undefined || subresource === '';
}

function isApplyOf(entry: ManagedFields, manager: string): boolean {
  return entry.manager === manager && entry.operation === 'Apply' && isMain(entry);
}

function othersOf(entries: readonly ManagedFields[], manager: string): ManagedFields[] {
  return entries.filter((entry) => isMain(entry) && !isApplyOf(entry, manager));
}
