import { z } from 'zod';
import {
  parseFieldSelector,
  parseLabelSelector,
  type FieldSelector,
  type LabelSelector,
} from '../../controller/store/selector.ts';
import { isReservedManager } from '../../controller/apply/field-records.ts';
import type { ApiContext } from '../context.ts';
import { Refused } from '../status.ts';

const Flag = z
  .enum(['', '1', 'true', '0', 'false'], 'must be true or false')
  .transform((text) => text === '1' || text === 'true')
  .default(false);
const Count = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);
const Version = z.string().regex(/^\d{0,19}$/, 'must be a resourceVersion as a list or watch gave it');

const ListQuery = z.object({
  watch: Flag,
  labelSelector: z.string().max(8_192).default(''),
  fieldSelector: z.string().max(8_192).default(''),
  limit: Count.optional(),
  continue: z.string().max(4_096).optional(),
  resourceVersion: Version.default(''),
  resourceVersionMatch: z.enum(['', 'NotOlderThan', 'Exact']).default(''),
  timeoutSeconds: Count.optional(),
  allowWatchBookmarks: Flag,
  sendInitialEvents: Flag,
  includeObject: z.enum(['None', 'Metadata', 'Object']).default('Metadata'),
});

/** What a list or watch is asked to select and how to answer. */
export interface ListRequest extends Omit<z.output<typeof ListQuery>, 'labelSelector' | 'fieldSelector'> {
  labels: LabelSelector;
  fields: FieldSelector;
}

/** Reads the query of a list or watch. Refuses what cannot be read, naming the parameter. */
export function readListQuery(context: ApiContext): ListRequest {
  const { labelSelector, fieldSelector, ...query } = readQuery(ListQuery, context);
  return { ...query, labels: parseLabelSelector(labelSelector), fields: parseFieldSelector(fieldSelector) };
}

const WriteQuery = z.object({
  dryRun: z.enum(['', 'All'], 'must be All').default(''),
  fieldManager: z
    .string()
    .max(128)
    .regex(/^[\x20-\x7e]*$/, 'must be printable characters')
    .refine(
      (name) => !isReservedManager(name),
      'must not begin with "controller/" or "reposync/": that is how loops sign',
    )
    .default(''),
  force: Flag,
});

/** How a write is to be done. */
export interface WriteRequest {
  dryRun: boolean;
  /** As stated; empty when nothing is. */
  fieldManager: string;
  force: boolean;
}

export function readWriteQuery(context: ApiContext): WriteRequest {
  const { dryRun, ...query } = readQuery(WriteQuery, context);
  return { ...query, dryRun: dryRun === 'All' };
}

/** Reads the query of a request by a schema of texts. Refuses it naming the parameter that is wrong. */
export function readQuery<T>(schema: z.ZodType<T>, context: ApiContext): T {
  const read = schema.safeParse(context.req.query());
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new Refused('BadRequest', `The parameter ${String(issue?.path[0])} ${issue?.message}.`);
}
