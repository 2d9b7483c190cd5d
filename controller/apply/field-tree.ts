import { sameJson } from '../same-json.ts';
import { isRecord } from '../json.ts';
import { isItemStep, keysOfStep, partAt, partsOf, type MergeSchema } from './merge-schema.ts';

/**
 * A set of fields in the form of Kubernetes ("FieldsV1"): `{ 'f:spec': { 'f:env': { 'k:{"name":"A"}': {} } } }`. A node without
 * children is a whole field; `'.'` says that there is a map, a list with keys or an item, whatever is in it.
 */
export interface FieldTree {
  [step: string]: FieldTree;
}

/** Steps as they stand in a tree: `f:spec`, `k:{"name":"A"}`. */
export type FieldPath = readonly string[];

/** The fields that `value` states: maps field by field, lists with keys item by item, everything else as a whole. */
export function treeOf(value: unknown, schema: MergeSchema): FieldTree {
  const parts = [...(partsOf(value, schema) ?? [])];
  return Object.fromEntries(parts.map(([step, part]) => [step, nodeOf(step, part.value, part.schema)]));
}

function nodeOf(step: string, value: unknown, schema: MergeSchema): FieldTree {
  const parts = partsOf(value, schema);
  if (!parts) return {};
  return isItemStep(step) || parts.size === 0 ? { '.': {}, ...treeOf(value, schema) } : treeOf(value, schema);
}

/** Reads what was stored; what is neither a field nor an item with keys is left out. */
export function readTree(stored: unknown): FieldTree {
  if (!isRecord(stored)) return {};
  const fields = Object.entries(stored).filter(([step]) => step === '.' || /^f:|^k:\{.*\}$/.test(step));
  return Object.fromEntries(fields.map(([step, child]) => [step, readTree(child)]));
}

export function isEmpty(tree: FieldTree): boolean {
  return Object.keys(tree).length === 0;
}

/** The whole fields of a tree, in its order, and the maps and items of which it says that they are there. */
export function leavesOf(tree: FieldTree, base: FieldPath = []): FieldPath[] {
  return Object.entries(tree).flatMap(([step, child]) => {
    if (step === '.') return [base];
    const path = [...base, step];
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

/** Whether the tree has the field as a whole, not only something in it. */
export function hasWhole(tree: FieldTree, path: FieldPath): boolean {
  let node: FieldTree | undefined = tree;
  for (const step of path) node = node && childOf(node, step);
  return node !== undefined && isEmpty(node);
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
  const { [step]: _, ...others } = tree;
  if (rest.length === 0 || isEmpty(child)) return others;
  const left = without(child, rest);
  return isEmpty(left) ? others : { ...tree, [step]: left };
}

/** The fields at which two values differ: those that have a value afterwards, and those that have none. */
export function changedFields(
  before: unknown,
  after: unknown,
  schema: MergeSchema,
  base: FieldPath = [],
): { set: FieldPath[]; removed: FieldPath[] } {
  if (sameJson(before, after)) return { set: [], removed: [] };
  if (after === undefined) return { set: [], removed: [base] };
  const next = partsOf(after, schema);
  if (!next) return { set: [base], removed: [] };
  const old = before === undefined ? new Map<string, never>() : partsOf(before, schema);
  if (!old) return { set: leavesOf(treeOf(after, schema), base), removed: [base] };
  const changes = [...new Set([...old.keys(), ...next.keys()])].map((step) => {
    const [was, is] = [old.get(step), next.get(step)];
    return changedFields(was?.value, is?.value, (is ?? was)?.schema, [...base, step]);
  });
  return { set: changes.flatMap(({ set }) => set), removed: changes.flatMap(({ removed }) => removed) };
}

/** The tree that has exactly these fields. */
export function treeWith(paths: readonly FieldPath[]): FieldTree {
  return paths.reduce<FieldTree>(
    (tree, path) =>
      united(
        tree,
        path.reduceRight<FieldTree>((child, step) => ({ [step]: child }), {}),
      ),
    {},
  );
}

/** The value at a path; undefined where there is none. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(partAt, value);
}

/** A path as people write it: `.spec.env[name="A"].value`, `.metadata.labels["example.com/tier"]`. */
export function fieldPathText(path: FieldPath): string {
  return path.map(stepText).join('');
}

function stepText(step: string): string {
  if (!isItemStep(step)) {
    const name = step.slice(2);
    return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  }
  const keys = Object.entries(keysOfStep(step)).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${keys.join(',')}]`;
}

function childOf(tree: FieldTree, step: string): FieldTree | undefined {
  return Object.hasOwn(tree, step) ? tree[step] : undefined;
}
