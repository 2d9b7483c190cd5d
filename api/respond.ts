import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { stringify } from 'yaml';
import type { ApiContext } from './context.ts';
import { failure, statusOf, type Status } from './status.ts';

/** Below this, compressing costs more than it saves. */
const LARGE_BYTES = 16_384;

const compressed = promisify(gzip);

/** Answers a value as JSON or YAML, compressed when it is large and the client takes that. */
export async function respond(
  context: ApiContext,
  value: unknown,
  { code = 200, format = 'json' }: { code?: ContentfulStatusCode; format?: 'json' | 'yaml' } = {},
): Promise<Response> {
  const text = format === 'json' ? JSON.stringify(value) : stringify(value, { aliasDuplicateObjects: false });
  return respondText(context, text, { code, type: `application/${format}` });
}

/** Answers a text of some type, compressed when it is large and the client takes that. */
export async function respondText(
  context: ApiContext,
  text: string,
  { code = 200, type }: { code?: ContentfulStatusCode; type: string },
): Promise<Response> {
  context.header('Content-Type', type);
  context.header('Vary', 'Accept, Accept-Encoding', { append: true });
  if (text.length < LARGE_BYTES || !takesGzip(context.req.header('accept-encoding'))) return context.body(text, code);
  const bytes = await compressed(text, { level: constants.Z_BEST_SPEED });
  context.header('Content-Encoding', 'gzip');
  return context.body(new Uint8Array(bytes), code);
}

/** Answers a `Status`. */
export function respondStatus(context: ApiContext, status: Status): Response {
  const seconds = status.details?.retryAfterSeconds;
  if (seconds !== undefined) context.header('Retry-After', String(seconds));
  return context.json(status, status.code);
}

/** What to answer to something thrown; `unexpected` is told of what nobody foresaw. */
export function respondError(context: ApiContext, error: unknown, unexpected: (error: unknown) => void): Response {
  const status = statusOf(error);
  if (status) return respondStatus(context, status);
  // Nobody reads this any more, and nothing is wrong here.
  if (context.req.raw.signal.aborted)
    return respondStatus(context, failure('BadRequest', 'The client went in mid-request.'));
  unexpected(error);
  const id = context.get('requestId');
  return respondStatus(
    context,
    failure('InternalError', `The server failed on this request. Its log has the cause, under request ${id}.`),
  );
}

function takesGzip(header = ''): boolean {
  return header.split(',').some((entry) => {
    const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    return (coding === 'gzip' || coding === '*') && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
