import { z } from 'zod';
import type { AnyKind } from './kinds.ts';

/** The part of JSON Schema that our schemas turn into. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  /** How a list or map is merged when several people apply it. */
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
}

/** What may be written as a kind's spec, or stands in its status. */
export function jsonSchemaOf(kind: AnyKind, part: 'spec' | 'status'): JsonSchema {
  const schemas = cache.get(kind.kind) ?? {};
  cache.set(kind.kind, schemas);
  return (schemas[part] ??= convert(part === 'spec' ? kind.specSchema : kind.statusSchema));
}

const cache = new Map<string, { spec?: JsonSchema; status?: JsonSchema }>();

function convert(schema: z.ZodType): JsonSchema {
  const converted = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ zodSchema, jsonSchema }) => {
      // Left out by zod where something inside is transformed, though both are what people may write.
      if (zodSchema instanceof z.ZodDefault || zodSchema instanceof z.ZodPrefault) {
        jsonSchema.default = plain(zodSchema.def.defaultValue);
      }
      // The one custom type is a reason: a word.
      if (zodSchema instanceof z.ZodCustom) jsonSchema.type = 'string';
      const pattern = zodSchema instanceof z.ZodString && caseless(zodSchema);
      if (pattern) jsonSchema.pattern = `(?i)${pattern.source}`;
    },
  });
  return JsonSchemaNode.parse(converted);
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The pattern of a text that ignores case, which JSON Schema alone cannot say. */
function caseless(schema: z.ZodString): RegExp | undefined {
  for (const { _zod: check } of schema.def.checks ?? []) {
    if ('pattern' in check.def && check.def.pattern instanceof RegExp && check.def.pattern.ignoreCase)
      return check.def.pattern;
  }
  return undefined;
}

/** Keeps the keywords above and drops the rest. */
const JsonSchemaNode: z.ZodType<JsonSchema> = z.lazy(() =>
  z.object({
    type: z.union([z.string(), z.array(z.string())]).exactOptional(),
    description: z.string().exactOptional(),
    default: z.unknown().exactOptional(),
    enum: z.array(z.unknown()).exactOptional(),
    const: z.unknown().exactOptional(),
    format: z.string().exactOptional(),
    pattern: z.string().exactOptional(),
    minLength: z.number().exactOptional(),
    maxLength: z.number().exactOptional(),
    minimum: z.number().exactOptional(),
    maximum: z.number().exactOptional(),
    minItems: z.number().exactOptional(),
    maxItems: z.number().exactOptional(),
    required: z.array(z.string()).exactOptional(),
    properties: z.record(z.string(), JsonSchemaNode).exactOptional(),
    additionalProperties: z.union([z.boolean(), JsonSchemaNode]).exactOptional(),
    items: JsonSchemaNode.exactOptional(),
    anyOf: z.array(JsonSchemaNode).exactOptional(),
    oneOf: z.array(JsonSchemaNode).exactOptional(),
    allOf: z.array(JsonSchemaNode).exactOptional(),
    'x-kubernetes-list-type': z.string().exactOptional(),
    'x-kubernetes-list-map-keys': z.array(z.string()).exactOptional(),
    'x-kubernetes-map-type': z.string().exactOptional(),
  }),
);

/** The names of the fields that may stand at `path`; empty where any may, or none. */
export function fieldNames(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  let nodes = [schema];
  for (const step of path) nodes = nodes.flatMap(alternatives).flatMap((node) => childOf(node, step));
  return [...new Set(nodes.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {})))];
}

function childOf(node: JsonSchema, step: PropertyKey): JsonSchema[] {
  if (typeof step === 'number') return node.items ? [node.items] : [];
  const property = node.properties?.[String(step)];
  if (property) return [property];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
}

function alternatives(node: JsonSchema): JsonSchema[] {
  return [node, ...(node.anyOf ?? []).flatMap(alternatives), ...(node.oneOf ?? []).flatMap(alternatives)];
}
