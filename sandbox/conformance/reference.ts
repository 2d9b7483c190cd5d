import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const folder = resolve(
  process.env['CONTAINR_REFERENCE_DIR'] ?? join(import.meta.dirname, '../../../shared'),
  'proxmox',
);

/** One recorded request with the answer that genuine Proxmox gave. */
export const RecordedCall = z.object({
  n: z.int(),
  case: z.string(),
  auth: z.string(),
  method: z.string(),
  path: z.string(),
  params: z.record(z.string(), z.unknown()).nullable(),
  encoding: z.string().nullable(),
  status: z.int().nullable(),
  statusText: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  bodyEmpty: z.boolean().optional(),
  requestHeaders: z.record(z.string(), z.string()).optional(),
  multipart: z
    .object({
      fields: z.array(z.tuple([z.string(), z.string()])),
      file: z.object({ name: z.string(), filename: z.string(), bytes: z.int() }),
    })
    .optional(),
});
export type RecordedCall = z.infer<typeof RecordedCall>;

const SchemaParameter = z.object({
  type: z.string().optional(),
  optional: z.int().optional(),
  minimum: z.union([z.number(), z.string()]).optional(),
  maximum: z.union([z.number(), z.string()]).optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  enum: z.array(z.string()).nullish(),
  requires: z.string().optional(),
  format: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
});
export type SchemaParameter = z.infer<typeof SchemaParameter>;

const ApiSchema = z.object({
  endpoints: z.array(
    z.object({
      method: z.string(),
      path: z.string(),
      parameters: z.object({ properties: z.record(z.string(), SchemaParameter).optional() }),
      protected: z.int().optional(),
      proxyto: z.string().optional(),
      allowtoken: z.int().optional(),
    }),
  ),
});
export type ApiSchema = z.infer<typeof ApiSchema>;

/** The recorded answers of genuine Proxmox, in order; undefined, with a printed reason, where the file is not. */
export function readRecorded(): RecordedCall[] | undefined {
  const text = readReference('recorded.jsonl');
  const lines = text?.split('\n').filter((line) => line !== '');
  return lines?.slice(1).map((line) => RecordedCall.parse(JSON.parse(line)));
}

/** Proxmox's own description of its calls; undefined, with a printed reason, where the file is not. */
export function readApiSchema(): ApiSchema | undefined {
  const text = readReference('api-schema.json');
  return text === undefined ? undefined : ApiSchema.parse(JSON.parse(text));
}

function readReference(name: string): string | undefined {
  const path = join(folder, name);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  console.log(`Skipped: the Proxmox reference file ${name} is not there; CONTAINR_REFERENCE_DIR can name its folder.`);
  return undefined;
}
