import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

// The part of the contract that is shown to people.

export interface Schema {
  $ref?: string | undefined;
  type?: string | undefined;
  format?: string | undefined;
  description?: string | undefined;
  enum?: readonly unknown[] | undefined;
  default?: unknown;
  minimum?: number | undefined;
  maximum?: number | undefined;
  required?: readonly string[] | undefined;
  properties?: Readonly<Record<string, Schema>> | undefined;
  items?: Schema | undefined;
  additionalProperties?: Schema | boolean | undefined;
}

const Schema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    type: z.string().optional(),
    format: z.string().optional(),
    description: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    default: z.unknown().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), Schema).optional(),
    items: Schema.optional(),
    additionalProperties: z.union([z.boolean(), Schema]).optional(),
  }),
);

const Content = z.record(z.string(), z.object({ schema: Schema }));

const Operation = z.object({
  tags: z.array(z.string()),
  summary: z.string().default(''),
  description: z.string().default(''),
  security: z.array(z.unknown()).default([]),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean().default(false),
        description: z.string().default(''),
        schema: Schema,
      }),
    )
    .default([]),
  requestBody: z.object({ required: z.boolean().default(false), content: Content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: Content.default({}) })),
});
export type Operation = z.output<typeof Operation>;

const OpenApi = z.object({
  info: z.object({ title: z.string(), description: z.string().default(''), version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), Schema) }),
  tags: z.array(z.object({ name: z.string(), description: z.string().default('') })),
});
export type OpenApi = z.output<typeof OpenApi>;

/** The contract as it is served, and what it says. Throws when the program was installed without it. */
export async function readContract(): Promise<{ text: string; contract: OpenApi }> {
  const text = await readFile(new URL('openapi.yaml', import.meta.url), 'utf8');
  return { text, contract: OpenApi.parse(parse(text)) };
}
