import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { customResourceDefinition, objectSchema } from './custom-resource-definition.ts';
import { allKinds, findKind } from './kinds.ts';
import type { StructuralSchema } from './structural-schema.ts';

const takenByKubernetes = new Set(
  `type description default nullable enum format pattern minLength maxLength minimum maximum minItems maxItems required
  properties additionalProperties items anyOf oneOf x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields
  x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-map-type`.split(/\s+/),
);
const takenInJunctors = new Set(['enum', 'required', 'properties']);

/** What Kubernetes would refuse in a schema, by its rules for structural schemas. */
function faultsOf(schema: StructuralSchema, at: string): string[] {
  const faults = Object.keys(schema)
    .filter((key) => !takenByKubernetes.has(key))
    .map((key) => `${at}: ${key} is not taken`);
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.type === undefined && !intOrString && !open) faults.push(`${at}: has no type`);
  if (schema.properties && schema.additionalProperties) faults.push(`${at}: has properties and additionalProperties`);
  if (/\\u/.test(schema.pattern ?? '')) faults.push(`${at}: its pattern is none in Go`);
  for (const name of schema.required ?? []) {
    if (!schema.properties?.[name]) faults.push(`${at}: requires the unknown field ${name}`);
  }
  if (!intOrString) {
    for (const junctor of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])])
      faults.push(...junctorFaults(junctor, schema, at));
  }
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const isSure = schema.items?.required?.includes(key) ?? false;
    if (!isSure && schema.items?.properties?.[key]?.default === undefined)
      faults.push(`${at}: the key ${key} may be missing in an item`);
  }
  const inside = [
    ...Object.entries(schema.properties ?? {}),
    ...(schema.items ? [['[]', schema.items] as const] : []),
    ...(schema.additionalProperties ? [['*', schema.additionalProperties] as const] : []),
  ];
  return [...faults, ...inside.flatMap(([name, child]) => faultsOf(child, `${at}.${name}`))];
}

function junctorFaults(junctor: StructuralSchema, outside: StructuralSchema, at: string): string[] {
  const faults = Object.keys(junctor)
    .filter((key) => !takenInJunctors.has(key))
    .map((key) => `${at}: ${key} is not taken in an alternative`);
  for (const name of [...Object.keys(junctor.properties ?? {}), ...(junctor.required ?? [])]) {
    if (!outside.properties?.[name]) faults.push(`${at}: the alternative names ${name}, which stands nowhere else`);
  }
  return faults;
}

/** The same schema for a validator of JSON Schema, which has JavaScript's expressions and unknown formats. */
function forJavaScript(schema: object): object {
  const text = JSON.stringify(schema, (key: string, value: unknown) => {
    if (key === 'format') return undefined;
    if (key !== 'pattern' || typeof value !== 'string') return value;
    return value.replaceAll(/\\x\{([0-9a-f]{4})\}/g, String.raw`\u$1`).replace('(?i)', '');
  });
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}

describe.each(allKinds.map((kind) => [kind.kind, kind] as const))('the CustomResourceDefinition of %s', (_, kind) => {
  it('is structural', () => {
    expect(faultsOf(objectSchema(kind), kind.kind)).toEqual([]);
  });

  it('names the kind, its columns and the status subresource', () => {
    expect(customResourceDefinition(kind)).toMatchObject({
      metadata: { name: `${kind.plural}.containr.dev` },
      spec: {
        names: { kind: kind.kind, plural: kind.plural, singular: kind.singular },
        scope: kind.scope,
        versions: [{ subresources: { status: {} }, additionalPrinterColumns: kind.columns }],
      },
    });
  });

  it('shows only columns that Kubernetes can fill', () => {
    for (const { name, jsonPath } of kind.columns) {
      expect(name).not.toBe('Name');
      expect(jsonPath).toMatch(/^(\.[A-Za-z]+|\[\*\]|\[\d+\]|\[\?\(@\.type=="[A-Za-z]+"\)\])+$/);
    }
  });
});

describe('customResourceDefinition of Service', () => {
  it('lets kubectl scale it, over fields that its schema has', () => {
    const service = findKind('Service');
    const definition = service && customResourceDefinition(service);
    const paths = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas.ready' };
    expect(definition).toMatchObject({ spec: { versions: [{ subresources: { status: {}, scale: paths } }] } });
    const schema = service && objectSchema(service);
    expect(schema?.properties?.['spec']?.properties?.['replicas']?.type).toBe('integer');
    expect(schema?.properties?.['status']?.properties?.['replicas']?.properties?.['ready']?.type).toBe('integer');
  });
});

describe('objectSchema', () => {
  it('merges alternatives into one object and says which fields go together', () => {
    const cluster = findKind('ProxmoxCluster');
    const network = cluster && objectSchema(cluster).properties?.['spec']?.properties?.['network'];
    expect(network).toMatchObject({
      type: 'object',
      required: ['addressing', 'bridge'],
      properties: { addressing: { enum: ['static', 'dhcp'] } },
      oneOf: [
        { properties: { addressing: { enum: ['static'] } }, required: ['cidr', 'pool'] },
        { properties: { addressing: { enum: ['dhcp'] } } },
      ],
    });
  });

  it('takes a quantity as a number or as text', () => {
    const service = findKind('Service');
    const cpu = service && objectSchema(service).properties?.['spec']?.properties?.['resources']?.properties?.['cpu'];
    expect(cpu).toMatchObject({ 'x-kubernetes-int-or-string': true, default: '1' });
  });

  const manifests = join(
    process.env['CONTAINR_REFERENCE_DIR'] ?? join(import.meta.dirname, '../../shared'),
    'manifests-by-example.yaml',
  );
  const present = existsSync(manifests);
  it.skipIf(!present)(
    `takes the manifests of the reference${present ? '' : ' (skipped: the reference files are absent)'}`,
    () => {
      const ajv = new Ajv2020({ strict: false });
      const documents = parseAllDocuments(readFileSync(manifests, 'utf8')).map((document): unknown => document.toJS());
      let checked = 0;
      for (const document of documents) {
        const head = z.object({ kind: z.string() }).safeParse(document);
        const kind = head.success ? findKind(head.data.kind) : undefined;
        if (!kind) continue;
        const check = ajv.compile(forJavaScript(objectSchema(kind)));
        // The example shortens a fingerprint.
        const problems = check(document)
          ? []
          : (check.errors ?? []).filter(({ instancePath }) => !instancePath.startsWith('/spec/tls'));
        expect(problems).toEqual([]);
        checked += 1;
      }
      expect(checked).toBeGreaterThan(4);
    },
  );
});
