import { sameJson } from '../same-json.ts';
import { isRecord } from '../json.ts';

/**
 * A set of fields in the form of Kubernetes ("FieldsV1"): `{ 'f:spec': { 'f:replicas': {} } }`. A node without children is a
 * whole field; `'.'` says that there is a map, whatever is in it.
 */
export interface FieldTree {
  [field: string]: FieldTree;
}

export type FieldPath = readonly string[];

/** The fields that `value` states: maps field by field, lists and everything else as a whole. */
export function treeOf(value: object): FieldTree {
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [`f:${name}`, nodeOf(child)]));
}

function nodeOf(value: unknown): FieldTree {
  if (!isRecord(value)) return {};
  return Object.keys(value).length === 0 ? { '.': {} } : treeOf(value);
}

/** Reads what was stored; what is no field of a map is left out. */
export function readTree(stored: unknown): FieldTree {
  if (!isRecord(stored)) return {};
  const fields = Object.entries(stored).filter(([name]) => name === '.' || name.startsWith('f:'));
  return Object.fromEntries(fields.map(([name, child]) => [name, readTree(child)]));
}

export function isEmpty(tree: FieldTree): boolean {
  return Object.keys(tree).length === 0;
}

/** The whole fields of a tree, in its order. */
export function leavesOf(tree: FieldTree, base: FieldPath = []): FieldPath[] {
  return Object.entries(tree).flatMap(([name, child]) => {
    if (name === '.') return [base];
    const path = [...base, name.slice(2)];
    return isEmpty(child) ? [path] : leavesOf(child, path);
  });
}

/** Whether the tree has the field, something in it, or something that it is in. */
export function touches(tree: FieldTree, path: FieldPath): boolean {
  let node = tree;
  for (const [depth, step] of path.entries()) {
    const child = childOf(node, step);
    if (!child) return depth > 0 && isEmpty(node);
    node = child;
  }
  return path.length > 0 || !isEmpty(tree);
}

export function united(a: FieldTree, b: FieldTree): FieldTree {
  const both: FieldTree = { ...a };
  for (const [name, child] of Object.entries(b)) {
    const other = Object.hasOwn(a, name) ? a[name] : undefined;
    both[name] = other ? united(other, child) : child;
  }
  return both;
}

/** The tree without the field and all in it; what is empty then goes too. A whole field that it is part of goes as a whole. */
export function without(tree: FieldTree, path: FieldPath): FieldTree {
  const [step, ...rest] = path;
  const child = step === undefined ? undefined : childOf(tree, step);
  if (step === undefined || !child) return tree;
  const { [`f:${step}`]: _, ...others } = tree;
  if (rest.length === 0 || isEmpty(child)) return others;
  const left = without(child, rest);
  return isEmpty(left) ? others : { ...tree, [`f:${step}`]: left };
}

/** The fields at which two values differ: those that have a value afterwards, and those that have none. */
export function changedFields(
  before: unknown,
  after: unknown,
  base: FieldPath = [],
): { set: FieldPath[]; removed: FieldPath[] } {
  if (sameJson(before, after)) return { set: [], removed: [] };
  if (after === undefined) return { set: [], removed: [base] };
  if (!isRecord(after)) return { set: [base], removed: [] };
  if (before !== undefined && !isRecord(before)) return { set: leavesOf(nodeOf(after), base), removed: [base] };
  const old = before ?? {};
  const changes = [...new Set([...Object.keys(old), ...Object.keys(after)])].map((name) =>
    changedFields(ownField(old, name), ownField(after, name), [...base, name]),
  );
  return { set: changes.flatMap(({ set }) => set), removed: changes.flatMap(({ removed }) => removed) };
}

/** The tree that has exactly these fields. */
export function treeWith(paths: readonly FieldPath[]): FieldTree {
  return paths.reduce<FieldTree>(
    (tree, path) =>
      united(
        tree,
        path.reduceRight<FieldTree>((child, step) => ({ [`f:${step}`]: child }), {}),
      ),
    {},
  );
}

/** The value at a path; undefined where there is none. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((found, step) => (isRecord(found) ? ownField(found, step) : undefined), value);
}

/** A path as people write it: `.spec.replicas`, `.metadata.labels["example.com/tier"]`. */
export function fieldPathText(path: FieldPath): string {
  return path
    .map((step) => (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`))
    .join('');
}

function ownField(record: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function childOf(tree: FieldTree, step: string): FieldTree | undefined {
  return Object.hasOwn(tree, `f:${step}`) ? tree[`f:${step}`] : undefined;
}
