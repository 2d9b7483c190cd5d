import { z } from 'zod';
import { problemText } from '../../crds/problem-text.ts';
import type { FieldProblem } from '../../controller/errors.ts';
import type { ApiContext } from '../context.ts';
import { mediaTypeOf, readBody } from '../resources/body.ts';
import { invalidFields, RestError } from './rest-error.ts';

const MOST_BYTES = 2 ** 20;

/**
 * Reads the body as JSON by a schema (strict, so that no field is ignored). Throws a 400 that names each wrong field, 413
 * beyond 1 MiB, 415 for any other type. Where the contract does not require a body, none is read as `whenEmpty`.
 */
export async function readJson<T>(context: ApiContext, schema: z.ZodType<T>, whenEmpty?: object): Promise<T> {
  const type = mediaTypeOf(context.req.raw);
  if (type !== '' && type !== 'application/json' && !(whenEmpty && isWithoutBody(context))) {
    throw new RestError('unsupported_media_type', `A body of type "${type}" is not taken; send application/json.`);
  }
  const body = (await readBody(context.req.raw, 'json', MOST_BYTES)) ?? whenEmpty;
  if (body === undefined) throw new RestError('invalid_request', 'The body is missing; send a JSON object.');
  return parsed(schema, body);
}

/** Reads the parameters after the "?" by a schema of texts. Throws a 400 that names each wrong or unknown one. */
export function readParameters<T>(context: ApiContext, schema: z.ZodType<T>): T {
  const repeated = Object.entries(context.req.queries()).filter(([, values]) => values.length > 1);
  if (repeated.length > 0) {
    throw invalidFields(repeated.map(([path]) => ({ path, message: 'must be given once only' })));
  }
  return parsed(schema, context.req.query());
}

/** A whole number in a parameter. */
export function wholeNumber({ least, most, usual }: { least: number; most: number; usual: number }) {
  const words = `must be a whole number between ${least} and ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, words)
    .transform(Number)
    .refine((number) => number >= least && number <= most, words)
    .default(usual);
}

/** `true` or `false` in a parameter. */
export const Flag = z
  .enum(['true', 'false'], 'must be true or false')
  .default('false')
  .transform((text) => text === 'true');

/** The parameters `page` and `limit` of a list. */
export const pageParameters = {
  page: wholeNumber({ least: 1, most: 1_000_000, usual: 1 }),
  limit: wholeNumber({ least: 1, most: 100, usual: 20 }),
};

function isWithoutBody(context: ApiContext): boolean {
  return context.req.raw.body === null || context.req.header('content-length') === '0';
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value, { error: problemText });
  if (read.success) return read.data;
  throw invalidFields(read.error.issues.flatMap(problemsOf));
}

function problemsOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({
    path: path === '' ? key : `${path}.${key}`,
    message: 'is not known here; check its spelling, or leave it out',
  }));
}
