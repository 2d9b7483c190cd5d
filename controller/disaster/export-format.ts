import { z } from 'zod';
import { KeyFile } from '../secrets/keyring.ts';

/** Of the file's form. A file of a later one is refused. */
export const EXPORT_VERSION = 1;

const Time = z.iso.datetime({ offset: true });
const Hex = z.string().regex(/^\\x[0-9a-f]*$/);

/** What says of a file what it is. Anything may follow in later versions, which is for those to read. */
export const ExportHeader = z.object({
  type: z.literal('header'),
  format: z.literal('containr-installation'),
  version: z.int(),
  /** As it stands on guests. */
  installation: z.string(),
  createdAt: Time,
  /** The newest version of the store, above which an import begins. */
  storeVersion: z.string().regex(/^\d{1,17}$/),
  /** The newest migration of the database that it was made from. */
  schema: z.int(),
  /** Where objects were kept: those in a Kubernetes API server are not in the file. */
  store: z.enum(['postgres', 'kubernetes']),
});
export type ExportHeader = z.output<typeof ExportHeader>;

/** An object as the store keeps it: what decides about it is looked at, the rest is carried. */
export const ExportedObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string().min(1),
  metadata: z.looseObject({
    namespace: z.string().optional(),
    name: z.string().min(1),
    uid: z.string().min(1),
    deletionTimestamp: z.string().optional(),
    finalizers: z.array(z.string()).optional(),
    ownerReferences: z.array(z.looseObject({ uid: z.string() })).optional(),
  }),
});
export type ExportedObject = z.output<typeof ExportedObject>;

/** The rows of the tables that are taken along, column by column. Nothing else of them is ever written. */
export const tables = {
  users: z.strictObject({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    avatar_url: z.string().nullable(),
    password_hash: z.string(),
    administrator: z.boolean(),
    session_era: z.int(),
    created_at: Time,
    updated_at: Time,
  }),
  user_addresses: z.strictObject({ address: z.string(), user_id: z.string(), place: z.int() }),
  ended_sessions: z.strictObject({ id: z.string(), expires_at: Time }),
  api_tokens: z.strictObject({
    id: z.string(),
    hash: Hex,
    name: z.string(),
    user: z.string(),
    admin: z.boolean(),
    scope: z.enum(['read', 'write', 'admin']),
    created_at: Time,
    expires_at: Time.nullable(),
    revoked_at: Time.nullable(),
    last_used_at: Time.nullable(),
    owner: z.string().nullable(),
    login: z.boolean(),
  }),
  audit: z.strictObject({
    at: Time,
    user: z.string().nullable(),
    manager: z.string(),
    address: z.string().nullable(),
    user_agent: z.string().nullable(),
    request_id: z.string().nullable(),
    action: z.string(),
    kind: z.string(),
    namespace: z.string().nullable(),
    name: z.string(),
    uid: z.string(),
    version: z.int(),
    changed: z.array(z.string()),
    changes: z.array(z.unknown()),
  }),
} as const;
export type TableName = keyof typeof tables;

/** In an order in which each finds what it refers to. */
export const tableNames = [
  'users',
  'user_addresses',
  'ended_sessions',
  'api_tokens',
  'audit',
] as const satisfies TableName[];

/** One line of a file. */
export const ExportLine = z.discriminatedUnion('type', [
  ExportHeader,
  z.strictObject({ type: z.literal('keys'), keys: KeyFile }),
  z.strictObject({ type: z.literal('object'), object: ExportedObject }),
  z.strictObject({ type: z.literal('row'), table: z.enum(tableNames), row: z.record(z.string(), z.unknown()) }),
  z.strictObject({ type: z.literal('end'), lines: z.int(), sha256: z.string() }),
]);
export type ExportLine = z.output<typeof ExportLine>;
