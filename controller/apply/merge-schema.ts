import { jsonSchemaOf, type JsonSchema } from '../../crds/json-schema.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { fieldOf, isRecord } from '../json.ts';

/** How the fields of a value are merged; undefined where nothing is known of it. */
export type MergeSchema = JsonSchema | undefined;

/** A value that another one is made of, under the step that leads to it. */
export interface Part {
  value: unknown;
  schema: MergeSchema;
}

/** How what can be owned of an object of `kind` is merged. */
export function mergeSchemaOf(kind: AnyKind): JsonSchema {
  return { properties: { spec: jsonSchemaOf(kind, 'spec') } };
}

/**
 * What `value` is made of, by steps: `f:NAME` for a field, `k:{"name":"NAME"}` for an item of a list with keys. Undefined for what
 * is owned as a whole: lists without keys, or whose keys are not those of different items, and everything else.
 */
export function partsOf(value: unknown, schema: MergeSchema): ReadonlyMap<string, Part> | undefined {
  if (schema?.['x-kubernetes-map-type'] === 'atomic') return undefined;
  if (isRecord(value))
    return new Map(
      Object.entries(value).map(([name, child]) => [
        fieldStep(name),
        { value: child, schema: fieldSchema(schema, name) },
      ]),
    );
  const keys = schema?.['x-kubernetes-list-map-keys'];
  if (!Array.isArray(value) || !keys) return undefined;
  const parts = new Map<string, Part>();
  for (const item of value) {
    const step = itemStep(item, keys);
    if (step !== undefined) parts.set(step, { value: item, schema: schema?.items });
  }
  return parts.size === value.length ? parts : undefined;
}

export function fieldStep(name: string): string {
  return `f:${name}`;
}

/** Whether the step leads to an item of a list, not to a field. */
export function isItemStep(step: string): boolean {
  return step.startsWith('k:');
}

/** The keys that an item has, by the step that leads to it. */
export function keysOfStep(step: string): Record<string, unknown> {
  const keys: unknown = JSON.parse(step.slice(2));
  return isRecord(keys) ? keys : {};
}

/** What a step leads to; undefined where there is nothing. */
export function partAt(value: unknown, step: string): unknown {
  if (!isItemStep(step)) return fieldOf(value, step.slice(2));
  return Array.isArray(value) ? value.find((item: unknown) => isItem(item, step)) : undefined;
}

/** Whether an item of a list is the one that the step leads to. */
export function isItem(item: unknown, step: string): boolean {
  return itemStep(item, Object.keys(keysOfStep(step))) === step;
}

/** `value` with the keys written out that its items have by default. */
export function withKeys(value: unknown, schema: MergeSchema): unknown {
  if (Array.isArray(value)) {
    const keys = schema?.['x-kubernetes-list-map-keys'] ?? [];
    const defaults = Object.fromEntries(
      keys.flatMap((key) => {
        const preset = fieldSchema(schema?.items, key)?.default;
        return preset === undefined ? [] : [[key, preset]];
      }),
    );
    if (keys.length === 0) return value;
    return value.map((item: unknown) => (isRecord(item) ? withKeys({ ...defaults, ...item }, schema?.items) : item));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, withKeys(child, fieldSchema(schema, name))]),
  );
}

/** Keys in the order of their names, as everybody writes them who writes such steps. */
function itemStep(item: unknown, keys: readonly string[]): string | undefined {
  if (!isRecord(item)) return undefined;
  const found = keys.toSorted().map((key): [string, unknown] => [key, fieldOf(item, key)]);
  const isKeyed = found.every(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  return isKeyed ? `k:${JSON.stringify(Object.fromEntries(found))}` : undefined;
}

function fieldSchema(schema: MergeSchema, name: string): MergeSchema {
  if (!schema) return undefined;
  const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  if (own) return own;
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties;
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]
    .map((option) => fieldSchema(option, name))
    .find((found) => found !== undefined);
}
