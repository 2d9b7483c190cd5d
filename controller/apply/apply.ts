import { API_VERSION, type ManagedFields } from '../../crds/meta.ts';
import { sameJson } from '../same-json.ts';
import { isRecord } from '../json.ts';
import {
  changedFields,
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

// Server-side apply: who stated which fields, and what follows when somebody states them anew. Pure. Lists are whole fields.

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
}

/** Updates by more managers than this are not told apart. */
const MOST_UPDATERS = 16;

/**
 * `live` with all that is applied, and without what this manager applied before and no longer does, unless another manager
 * stated it too. What hangs on a removed field only by default goes with it.
 */
export function mergeApplied({ live, applied, manager, entries }: Applying & { live: Ownable }): unknown {
  const last = treeOfEntry(entries.find((entry) => isApplyOf(entry, manager)));
  const others = othersOf(entries, manager).map(treeOfEntry);
  const kept = removeAbandoned(live, { last, next: treeOf(applied), others, path: [] });
  return overlay(kept, applied);
}

/** The applied fields that differ between `before` and `after` and belong to somebody else, each with its owner. */
export function conflictsOf(applying: Applying & { before: Ownable; after: Ownable }): FieldConflict[] {
  const { before, after, applied, manager, entries } = applying;
  const changed = leavesOf(treeOf(applied)).filter((path) => {
    const [old, next] = [valueAt(before, path), valueAt(after, path)];
    // Who states an empty map only states that it is one; what is in it is not theirs to change.
    const statesMap = isRecord(valueAt(applied, path));
    return statesMap ? old !== undefined && !isRecord(old) : !sameJson(old, next);
  });
  return othersOf(entries, manager).flatMap((entry) => {
    const owned = treeOfEntry(entry);
    return changed
      .filter((path) => touches(owned, path))
      .map((path) => ({ manager: entry.manager, operation: entry.operation, path }));
  });
}

/** Who states what after an apply. Conflicts that were overridden are taken from their owners. */
export function recordApply({
  applied,
  manager,
  entries,
  overridden,
  now,
}: Applying & { overridden: readonly FieldConflict[]; now: Date }): ManagedFields[] {
  const stated = treeOf(applied);
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
  now,
}: Omit<Applying, 'applied'> & { before: Ownable; after: Ownable; now: Date }): ManagedFields[] {
  const { set, removed } = changedFields(before, after);
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

interface Removal {
  last: FieldTree;
  next: FieldTree;
  others: readonly FieldTree[];
  path: FieldPath;
}

function removeAbandoned(value: unknown, { last, next, others, path }: Removal): unknown {
  if (!isRecord(value)) return value;
  const kept: Record<string, unknown> = { ...value };
  for (const [field, before] of Object.entries(last)) {
    if (field === '.') continue;
    const name = field.slice(2);
    const now = Object.hasOwn(next, field) ? next[field] : undefined;
    const inner = [...path, name];
    if (!Object.hasOwn(kept, name)) continue;
    const shared = others.some((tree) => touches(tree, inner));
    if (now === undefined && !shared && !isContainer(inner)) {
      delete kept[name];
      continue;
    }
    kept[name] = removeAbandoned(kept[name], { last: before, next: now ?? {}, others, path: inner });
  }
  return kept;
}

/** These hold what other people put there, with or without a record of it: only fields in them are ever removed. */
function isContainer([part, map, ...rest]: FieldPath): boolean {
  return map === undefined || (part === 'metadata' && ['labels', 'annotations'].includes(map) && rest.length === 0);
}

function overlay(value: unknown, applied: unknown): unknown {
  if (!isRecord(applied) || !isRecord(value)) return applied;
  const merged: Record<string, unknown> = { ...value };
  for (const [name, child] of Object.entries(applied))
    merged[name] = Object.hasOwn(value, name) ? overlay(value[name], child) : child;
  return merged;
}
