import { isRecord } from '../json.ts';
import { touches, treeOf, type FieldPath, type FieldTree } from './field-tree.ts';
import { isItem, isItemStep, keysOfStep, partAt, partsOf, type MergeSchema } from './merge-schema.ts';

interface Removal {
  last: FieldTree;
  next: FieldTree;
  /** What others state. */
  others: readonly FieldTree[];
  schema: MergeSchema;
}

/** `value` without what `last` has and `next` lacks, unless others have it too. */
export function removeAbandoned(value: unknown, removal: Removal): unknown {
  return removeFrom(value, removal, []);
}

/** `value` with `applied` in it: maps by their fields, lists with keys by their items, in the order in which they are applied. */
export function overlay(value: unknown, applied: unknown, schema: MergeSchema): unknown {
  const [old, next] = [partsOf(value, schema), partsOf(applied, schema)];
  if (!old || !next || Array.isArray(value) !== Array.isArray(applied)) return applied;
  const mergedPart = (step: string): unknown => {
    const [was, is] = [old.get(step), next.get(step)];
    if (!is) return was?.value;
    return was ? overlay(was.value, is.value, is.schema) : is.value;
  };
  if (Array.isArray(applied)) return orderedSteps([...old.keys()], [...next.keys()]).map(mergedPart);
  const steps = [...new Set([...old.keys(), ...next.keys()])];
  return Object.fromEntries(steps.map((step) => [step.slice(2), mergedPart(step)]));
}

/** As applied; what others have stays behind what it stood behind. */
function orderedSteps(live: readonly string[], applied: readonly string[]): string[] {
  const ordered = [...applied];
  for (const [index, step] of live.entries()) {
    if (ordered.includes(step)) continue;
    const before = live[index - 1];
    ordered.splice(before === undefined ? 0 : ordered.indexOf(before) + 1, 0, step);
  }
  return ordered;
}

function removeFrom(value: unknown, { last, next, others, schema }: Removal, path: FieldPath): unknown {
  if (!isRecord(value) && !Array.isArray(value)) return value;
  const parts = partsOf(value, schema);
  const isWhole = Array.isArray(value) && Object.keys(last).length === 0;
  // A list that was stated before its items had keys.
  const before = isWhole && Object.keys(next).length > 0 ? treeOf(value, schema) : last;
  return Object.entries(before).reduce<unknown>((kept, [step, stated]) => {
    const part = partAt(kept, step);
    if (step === '.' || part === undefined || isKeyOf(path, step)) return kept;
    const now = Object.hasOwn(next, step) ? next[step] : undefined;
    const inner = [...path, step];
    const isShared = others.some((tree) => touches(tree, inner));
    if (now === undefined && !isShared && !isContainer(inner)) return withoutPart(kept, step);
    const inside: Removal = { last: stated, next: now ?? {}, others, schema: parts?.get(step)?.schema };
    return withPart(kept, step, removeFrom(part, inside, inner));
  }, value);
}

/** An item that stays keeps what it is known by. */
function isKeyOf(path: FieldPath, step: string): boolean {
  const item = path.at(-1);
  return item !== undefined && isItemStep(item) && Object.hasOwn(keysOfStep(item), step.slice(2));
}

/** These hold what other people put there, with or without a record of it: only fields in them are ever removed. */
function isContainer([part, map, ...rest]: FieldPath): boolean {
  return (
    map === undefined || (part === 'f:metadata' && ['f:labels', 'f:annotations'].includes(map) && rest.length === 0)
  );
}

function withoutPart(value: unknown, step: string): unknown {
  if (Array.isArray(value)) return value.filter((item: unknown) => !isItem(item, step));
  if (!isRecord(value)) return value;
  const { [step.slice(2)]: _, ...rest } = value;
  return rest;
}

function withPart(value: unknown, step: string, part: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => (isItem(item, step) ? part : item));
  return isRecord(value) ? { ...value, [step.slice(2)]: part } : value;
}
