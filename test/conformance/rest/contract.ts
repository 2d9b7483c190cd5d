import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { z } from 'zod';

const Content = z.record(z.string(), z.object({ schema: z.unknown() }));
const Operation = z.object({
  security: z.array(z.unknown()).optional(),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), schema: z.unknown() })).default([]),
  requestBody: z.object({ required: z.boolean().default(false), content: Content }).optional(),
  responses: z.record(z.string(), z.object({ content: Content.optional() })),
});
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

/** One operation of the contract. */
export interface ContractOperation {
  /** `POST /projects/{id}`. */
  name: string;
  method: string;
  /** With `{names}` of parameters. */
  path: string;
  /** Whether it needs a token. */
  secured: boolean;
  /** The statuses it names; every other is answered as an `Error`. */
  statuses: readonly number[];
  query: readonly string[];
  requestSchema: unknown;
}

/** The contract as JSON schemas: of a request exactly what is written, of an answer no field that is not named. */
export interface Contract {
  operations: readonly ContractOperation[];
  /** What is wrong with a body that is sent; undefined for nothing. */
  requestProblem(operation: ContractOperation, body: unknown): string | undefined;
  /** What is wrong with an answer: its status, its type, any field of it; undefined for nothing. */
  responseProblem(operation: ContractOperation, status: number, type: string, body: unknown): string | undefined;
  /** A schema with its references followed, once. */
  resolve(schema: unknown): Record<string, unknown>;
}

/** The contract that the server serves. */
export function readContract(): Contract {
  const file = join(import.meta.dirname, '..', '..', '..', 'api', 'rest', 'openapi.yaml');
  const raw: unknown = parse(readFileSync(file, 'utf8'));
  const document = Document.parse(raw);
  const ajv = new Ajv({ strict: false, allErrors: true, formats });
  const schemas = Object.fromEntries(
    Object.entries(document.components.schemas).map(([name, schema]) => [name, closed(schema)]),
  );
  ajv.addSchema({ $id: 'contract', components: { schemas } });
  const compiled = new Map<unknown, ValidateFunction>();

  function problemOf(schema: unknown, value: unknown): string | undefined {
    const validate = compiled.get(schema) ?? ajv.compile(absolute(closed(schema)));
    compiled.set(schema, validate);
    return validate(value) ? undefined : ajv.errorsText(validate.errors);
  }

  const bodies = new Map<string, z.output<typeof Operation>>();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): ContractOperation => {
      const name = `${method.toUpperCase()} ${path}`;
      bodies.set(name, operation);
      return {
        name,
        method: method.toUpperCase(),
        path,
        secured: operation.security !== undefined,
        statuses: Object.keys(operation.responses).map(Number),
        query: operation.parameters.filter((parameter) => parameter.in === 'query').map((parameter) => parameter.name),
        requestSchema: operation.requestBody?.content['application/json']?.schema,
      };
    }),
  );

  return {
    operations,

    requestProblem({ requestSchema }, body) {
      if (requestSchema === undefined) return body === undefined ? undefined : 'the operation takes no body';
      return body === undefined ? undefined : problemOf(requestSchema, body);
    },

    responseProblem({ name, statuses }, status, type, body) {
      const isListed = statuses.includes(status);
      if (!isListed && status < 400) return `${status} is no status of ${name}: ${statuses.join(', ')}`;
      const content = isListed ? bodies.get(name)?.responses[status]?.content : undefined;
      if (isListed && content === undefined) return body === undefined ? undefined : `${status} has no body`;
      const expected = Object.keys(content ?? { 'application/json': {} });
      const media = type.split(';')[0] ?? '';
      if (!expected.includes(media)) return `${status} is answered as ${media}, not ${expected.join(', ')}`;
      const schema = content?.[media]?.schema ?? { $ref: '#/components/schemas/Error' };
      const problem = problemOf(schema, body);
      return problem === undefined ? undefined : `${status} ${problem}`;
    },

    resolve(schema) {
      const reference = Reflect.get(Object(schema), '$ref');
      if (typeof reference !== 'string') return Object(schema);
      return Object(document.components.schemas[reference.split('/').at(-1) ?? '']);
    },
  };
}

/** What OpenAPI 3.0 adds to JSON schema, as checks of texts and numbers. */
const formats = {
  email: /^[^\s@]+@[^\s@]+$/,
  'date-time': (text: string): boolean =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text)),
  password: true as const,
  int64: { type: 'number' as const, validate: (value: number): boolean => Number.isSafeInteger(value) },
};

/** The same schema, where an object with named fields has no others; free-form objects stay free. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const mapped = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in mapped && mapped['type'] === 'object' && !('additionalProperties' in mapped)
    ? { ...mapped, additionalProperties: false }
    : mapped;
}

/** References into the document, seen from outside it. */
function absolute(schema: unknown): object {
  return Object(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"contract#/components')));
}
