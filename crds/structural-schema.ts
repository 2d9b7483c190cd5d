import { fieldText } from './field-texts.ts';
import type { JsonSchema } from './json-schema.ts';

/** A schema in the form that Kubernetes takes in a CustomResourceDefinition ("structural"). */
export interface StructuralSchema {
  type?: string;
  description?: string;
  default?: unknown;
  nullable?: boolean;
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  required?: string[];
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  anyOf?: StructuralSchema[];
  oneOf?: StructuralSchema[];
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-preserve-unknown-fields'?: true;
}

/**
 * `schema` as a structural one, with the texts of its fields. It may allow more than our own checks, never less: what it cannot
 * say (unknown fields, rules across fields) is left to them. Fractions are the exception: Kubernetes takes a quantity such as
 * 0.5 only as text.
 */
export function structuralSchema(schema: JsonSchema, kind: string, path: readonly string[]): StructuralSchema {
  return convert(schema, { kind, path });
}

interface Place {
  kind: string;
  path: readonly string[];
}

function convert(schema: JsonSchema, place: Place): StructuralSchema {
  return { ...annotations(schema, place), ...withoutText(schema, place) };
}

function withoutText(schema: JsonSchema, place: Place): StructuralSchema {
  const options = schema.oneOf ?? schema.anyOf;
  return options ? mergeOptions(options, place) : shapeOf(schema, place);
}

function annotations(schema: JsonSchema, { kind, path }: Place): StructuralSchema {
  const description = fieldText(kind, path) ?? schema.description;
  return {
    ...(description !== undefined && { description }),
    ...(schema.default !== undefined && { default: schema.default }),
  };
}

function shapeOf(schema: JsonSchema, place: Place): StructuralSchema {
  const types = [schema.type ?? []].flat();
  const nullable = types.includes('null') && { nullable: true };
  const named = types.filter((type) => type !== 'null');
  if (named.includes('string') && named.includes('number')) {
    return { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true, ...nullable };
  }
  const [type] = named;
  if (type === undefined && schema.const === undefined) return { 'x-kubernetes-preserve-unknown-fields': true };
  return {
    ...(type !== undefined && { type }),
    ...nullable,
    ...limits(schema),
    ...(schema.const !== undefined && { enum: [schema.const] }),
    ...(schema.items && { items: withoutText(schema.items, place) }),
    ...members(schema, place),
    ...mergeWords(schema),
  };
}

function mergeWords(schema: JsonSchema): StructuralSchema {
  const { 'x-kubernetes-list-type': list, 'x-kubernetes-list-map-keys': keys, 'x-kubernetes-map-type': map } = schema;
  return {
    ...(list !== undefined && { 'x-kubernetes-list-type': list }),
    ...(keys && { 'x-kubernetes-list-map-keys': keys }),
    ...(map !== undefined && { 'x-kubernetes-map-type': map }),
  };
}

/** Kubernetes has `properties` or `additionalProperties`, not both. */
function members(schema: JsonSchema, { kind, path }: Place): StructuralSchema {
  if (schema.properties) {
    const properties = Object.entries(schema.properties).map(([name, property]) => [
      name,
      convert(property, { kind, path: [...path, name] }),
    ]);
    return { properties: Object.fromEntries(properties), ...(schema.required && { required: schema.required }) };
  }
  if (typeof schema.additionalProperties !== 'object') return {};
  return { additionalProperties: withoutText(schema.additionalProperties, { kind, path }) };
}

const kubernetesFormats = new Set(['ipv4', 'uri', 'date-time']);

function limits(schema: JsonSchema): StructuralSchema {
  const { minimum, maximum, format } = schema;
  const known = format !== undefined && kubernetesFormats.has(format);
  return {
    ...(schema.enum && { enum: schema.enum }),
    ...(known && { format }),
    ...(!known && schema.pattern !== undefined && { pattern: goPattern(schema.pattern) }),
    ...(schema.minLength !== undefined && { minLength: schema.minLength }),
    ...(schema.maxLength !== undefined && { maxLength: schema.maxLength }),
    // Zod says of every whole number that it is a safe one; nobody needs to read that.
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
    ...(schema.minItems !== undefined && { minItems: schema.minItems }),
    ...(schema.maxItems !== undefined && { maxItems: schema.maxItems }),
  };
}

/** Kubernetes matches with Go's expressions, which write code points differently. */
function goPattern(pattern: string): string {
  return pattern.replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, digits: string) => `\\x{${digits}}`);
}

/**
 * Alternatives of objects become one object with the fields of all; which of them go together is said beside it, in the
 * few words that Kubernetes allows there.
 */
function mergeOptions(options: readonly JsonSchema[], place: Place): StructuralSchema {
  const shapes = options.map((option) => shapeOf(option, place));
  const properties: Record<string, StructuralSchema> = {};
  for (const shape of shapes) {
    for (const [name, property] of Object.entries(shape.properties ?? {})) {
      const enums = [...(properties[name]?.enum ?? []), ...(property.enum ?? [])];
      properties[name] = { ...property, ...(enums.length > 0 && { enum: enums }) };
    }
  }
  const required = Object.keys(properties).filter((name) => shapes.every((shape) => shape.required?.includes(name)));
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    oneOf: shapes.map((shape) => demandsOf(shape, required)),
  };
}

function demandsOf(shape: StructuralSchema, already: readonly string[]): StructuralSchema {
  const told = Object.entries(shape.properties ?? {}).filter(([, property]) => property.enum?.length === 1);
  const properties = Object.fromEntries(
    told.filter(([name]) => already.includes(name)).map(([name, property]) => [name, { enum: property.enum ?? [] }]),
  );
  const required = (shape.required ?? []).filter((name) => !already.includes(name));
  return {
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required }),
  };
}
