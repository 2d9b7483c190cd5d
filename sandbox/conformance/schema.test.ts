import { describe, expect, it } from 'vitest';
import type { Call } from '../api/call.ts';
import { calls } from '../api/calls.ts';
import type { Parameter } from '../schema/parameter.ts';
import { readApiSchema, type ApiSchema, type SchemaParameter } from './reference.ts';

const schema = readApiSchema();

/** Indexes that every daemon serves and that the schema leaves out. */
const unlisted = new Set(['GET /', 'GET /nodes/{node}/lxc/{vmid}/status', 'GET /nodes/{node}']);

describe.skipIf(!schema)('the parameters that the sandbox takes', () => {
  const listed = calls.filter((call) => !unlisted.has(nameOf(call)) || endpointOf(schema, call));

  it.each(listed.map((call) => [nameOf(call), call] as const))('are those of genuine Proxmox: %s', (_, call) => {
    const endpoint = endpointOf(schema, call);
    expect(endpoint).toBeDefined();
    const theirs = Object.entries(endpoint?.parameters.properties ?? {});
    const expected = Object.fromEntries(theirs.map(([name, parameter]) => [name, theirShape(name, parameter)]));
    const ours = Object.entries(call.parameters).map(([name, parameter]) => [name, ourShape(name, parameter)]);
    expect(Object.fromEntries(ours)).toEqual(expected);
    expect({ protected: call.protected === true, proxied: call.proxied === true }).toEqual({
      protected: endpoint?.protected === 1,
      proxied: endpoint?.proxyto === 'node',
    });
  });
});

interface Shape {
  type: string;
  optional: boolean;
  [limit: string]: unknown;
}

/** Formats say for themselves what fits; the schema gives their names, or the keys of what is joined by commas. */
function theirShape(name: string, parameter: SchemaParameter): Shape {
  const { type = 'string', optional, minimum, maximum, minLength, maxLength, requires, format } = parameter;
  const allowed = parameter.enum ?? undefined;
  return tidy(name, {
    type,
    optional: optional === 1 || isOptionalInPath(name),
    minimum: minimum === undefined ? undefined : Number(minimum),
    maximum: maximum === undefined ? undefined : Number(maximum),
    minLength,
    maxLength,
    requires,
    enum: allowed,
    format: typeof format === 'object' ? Object.keys(format).sort() : format,
  });
}

function ourShape(name: string, parameter: Parameter): Shape {
  const { type, optional, requires, ...rest } = parameter;
  const limits: Record<string, unknown> = { ...rest };
  const format = 'format' in parameter ? parameter.format : undefined;
  return tidy(name, {
    type,
    optional: optional === true || isOptionalInPath(name),
    minimum: limits['minimum'],
    maximum: limits['maximum'],
    minLength: limits['minLength'],
    maxLength: limits['maxLength'],
    requires,
    enum: limits['enum'],
    format:
      typeof format === 'object'
        ? Object.keys(format.properties)
            .filter((key) => key !== 'idmap') // newer than the schema
            .sort()
        : format,
  });
}

/** The node of a path is always there; that its name is none is told by the hop to it. */
function isOptionalInPath(name: string): boolean {
  return name === 'node';
}

/** An enumeration says more than a format beside it. */
function tidy(name: string, shape: Shape): Shape {
  const { format, ...rest } = shape;
  const keepsFormat = format !== undefined && shape['enum'] === undefined && name !== 'node';
  const all = keepsFormat ? { ...rest, format } : rest;
  return { ...all, type: shape.type, optional: shape.optional };
}

function endpointOf(schemaFile: ApiSchema | undefined, call: Call): ApiSchema['endpoints'][number] | undefined {
  return schemaFile?.endpoints.find(({ method, path }) => method === call.method && path === call.path);
}

function nameOf({ method, path }: Call): string {
  return `${method} ${path}`;
}
