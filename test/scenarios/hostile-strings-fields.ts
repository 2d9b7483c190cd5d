import { jsonSchemaOf, type JsonSchema } from '../../crds/json-schema.ts';
import type { AnyKind } from '../../crds/kinds.ts';

/** A place in a spec where somebody may write text: as a value, or as the name of an entry. */
export interface StringField {
  kind: AnyKind;
  /** `spec.env[].name`, `spec.data{}` for a value of any key, `spec.data{key}` for the key itself. */
  path: string;
  /** A value that the field takes, from which mutations begin. */
  valid: string;
  /** The least spec, around `base`, in which the field has this value. */
  specWith(text: string): unknown;
}

type Json = Record<string, unknown>;

/** Every text of a kind's spec, found in its schema: what a later version adds is among them by itself. */
export function stringFields(kind: AnyKind, base: Json): StringField[] {
  const found: StringField[] = [];
  walk(jsonSchemaOf(kind, 'spec'), 'spec', base, (path, valid, place) =>
    found.push({ kind, path, valid, specWith: place }),
  );
  return found;
}

type Found = (path: string, valid: string, place: (text: string) => unknown) => void;

function walk(schema: JsonSchema, path: string, base: unknown, found: Found): void {
  const options = schema.anyOf ?? schema.oneOf;
  if (options) {
    // A value of another shape may stand in the base: each alternative begins with its own least.
    for (const option of options) walk(option, path, options.length > 1 && !isText(option) ? undefined : base, found);
    return;
  }
  if (isText(schema)) {
    if (schema.enum === undefined && schema.const === undefined) found(path, sampleText(schema, path), (text) => text);
    return;
  }
  if (schema.items) {
    walk(schema.items, `${path}[]`, undefined, (at, valid, place) => found(at, valid, (text) => [place(text)]));
    return;
  }
  const whole: Json = isRecord(base) ? base : least(schema, path);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    walk(property, `${path}.${name}`, whole[name], (at, valid, place) =>
      found(at, valid, (text) => ({ ...whole, [name]: place(text) })),
    );
  }
  const values = schema.additionalProperties;
  if (typeof values !== 'object') return;
  const sample = sampleOf(values, `${path}{}`);
  walk(values, `${path}{}`, undefined, (at, valid, place) => found(at, valid, (text) => ({ KEY: place(text) })));
  found(`${path}{key}`, 'KEY', (text) => Object.fromEntries([[text, sample]]));
}

function isText({ type }: JsonSchema): boolean {
  return type === 'string';
}

/** An object with what must be there. */
function least(schema: JsonSchema, path: string): Json {
  return Object.fromEntries(
    (schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {}, `${path}.${name}`)]),
  );
}

function sampleOf(schema: JsonSchema, path: string): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (first) return sampleOf(first, path);
  switch (schema.type) {
    case 'string':
      return sampleText(schema, path);
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return false;
    case 'array':
      return schema.items && (schema.minItems ?? 0) > 0 ? [sampleOf(schema.items, `${path}[]`)] : [];
    default:
      return least(schema, path);
  }
}

/** One of these is valid wherever a text may stand. A field with a form of its own needs one more. */
const samples = [
  'web',
  'KEY',
  '/data',
  '1Gi',
  '30s',
  'main',
  '17',
  '0 3 * * *',
  'https://git.example/shop/web.git',
  'app.example.com',
  '10.0.0.1',
  '10.0.0.0/24',
  'unix:///run/docker.sock',
  'fd00::1',
  'abcdef0123',
  'https://pve.example:8006',
  Array.from({ length: 32 }, () => 'AA').join(':'),
  '2026-01-01T00:00:00Z',
];

/** What no pattern tells. */
const samplesByName: readonly [ending: RegExp, sample: string][] = [
  [/\.cpu$/, '1'],
  [/\.(memory|storage|size)$/, '1Gi'],
  [/\.schedule$/, '0 3 * * *'],
  [/\.timeZone$/, 'UTC'],
  [/\.endpoints\[\]$/, 'https://pve.example:8006'],
  [/\.(from|to|gateway|nameservers\[\]|bind)$/, '10.0.0.1'],
  [/\.cidr$/, '10.0.0.0/24'],
  [/\.reason$/, 'Created'],
  [/\.s3\.endpoint$/, 'https://s3.example'],
  [/\.recipients\[\]$/, `age1${'q'.repeat(58)}`],
];

function sampleText(schema: JsonSchema, path: string): string {
  const named = samplesByName.find(([ending]) => ending.test(path))?.[1];
  const fitting = [...(named === undefined ? [] : [named]), ...samples].find((text) => matches(schema, text));
  if (fitting === undefined) throw new Error(`None of the samples fits ${path}: ${JSON.stringify(schema)}. Add one.`);
  return fitting;
}

function matches(
  { pattern, minLength = 0, maxLength = Infinity, format, allOf = [] }: JsonSchema,
  text: string,
): boolean {
  const source = pattern?.replace(/^\(\?i\)/, '');
  if (format === 'ipv6' && !text.includes('::')) return false;
  return (
    text.length >= minLength &&
    text.length <= maxLength &&
    (source === undefined || new RegExp(source, pattern === source ? 'u' : 'iu').test(text)) &&
    allOf.every((part) => matches(part, text))
  );
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
