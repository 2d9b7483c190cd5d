import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FieldProblem } from '../../controller/errors.ts';
import type { ApiContext } from '../context.ts';
import { statusOf, type Status, type StatusReason } from '../status.ts';

const statuses = {
  invalid_request: 400,
  email_taken: 400,
  registration_closed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal_error: 500,
  unavailable: 503,
} as const satisfies Record<string, ContentfulStatusCode>;

/** What a request of the contract can be refused for. Closed: clients switch on it. */
export type RestCode = keyof typeof statuses;

/** What a program needs to know about a refusal, besides its code. */
export interface RestErrorDetails {
  /** The fields of the body, or the parameters, that are wrong. */
  fields?: readonly FieldProblem[];
  /** Seconds after which the same request may be answered. */
  retry_after?: number;
  /** The methods that the path takes. */
  allow?: readonly string[];
  /** Under which the server's log has the cause. */
  request_id?: string;
}

/** A request that is answered with an `Error` of the contract: thrown by whoever finds out. */
export class RestError extends Error {
  readonly code: RestCode;
  readonly details: RestErrorDetails;

  constructor(code: RestCode, message: string, details: RestErrorDetails = {}) {
    super(message);
    this.name = 'RestError';
    this.code = code;
    this.details = details;
  }
}

/** A 400 that names each field, in the order of the problems. */
export function invalidFields(problems: readonly FieldProblem[]): RestError {
  const sentences = problems.map(({ path, message }) => (path === '' ? message : `${path} ${message}`));
  return new RestError('invalid_request', `The request is not valid: ${sentences.join('; ')}.`, { fields: problems });
}

/** Answers whatever was thrown in the form of the contract; `unexpected` is told of what nobody foresaw. */
export function respondRestError(context: ApiContext, error: unknown, unexpected: (error: unknown) => void): Response {
  const { code, message, details } = restErrorOf(error) ?? unforeseen(context, error, unexpected);
  if (details.retry_after !== undefined) context.header('Retry-After', String(details.retry_after));
  if (details.allow) context.header('Allow', details.allow.join(', '));
  return context.json({ error: message, code, details }, statuses[code]);
}

function unforeseen(context: ApiContext, error: unknown, unexpected: (error: unknown) => void): RestError {
  // Nobody reads this any more, and nothing is wrong here.
  if (context.req.raw.signal.aborted) return new RestError('invalid_request', 'The client went in mid-request.');
  unexpected(error);
  const id = context.get('requestId');
  const message = `The server failed on this request. Its log has the cause, under request ${id}.`;
  return new RestError('internal_error', message, { request_id: id });
}

/** The same refusal in the words of the contract. Undefined for what nobody expected. */
export function restErrorOf(error: unknown): RestError | undefined {
  if (error instanceof RestError) return error;
  const status = statusOf(error);
  return status && fromStatus(status);
}

function fromStatus({ reason = 'InternalError', message = '', details = {} }: Status): RestError {
  const { causes = [], retryAfterSeconds } = details;
  const fields = causes.flatMap(({ field, message: text }) =>
    field === undefined ? [] : [{ path: field, message: text }],
  );
  return new RestError(codeOf(reason), message, {
    ...(fields.length > 0 && { fields }),
    ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
  });
}

function codeOf(reason: StatusReason): RestCode {
  switch (reason) {
    case 'BadRequest':
    case 'Invalid':
    case 'Expired':
    case 'NotAcceptable':
      return 'invalid_request';
    case 'Unauthorized':
      return 'unauthorized';
    case 'Forbidden':
      return 'forbidden';
    case 'NotFound':
      return 'not_found';
    case 'MethodNotAllowed':
      return 'method_not_allowed';
    case 'AlreadyExists':
    case 'Conflict':
      return 'conflict';
    case 'RequestEntityTooLarge':
      return 'payload_too_large';
    case 'UnsupportedMediaType':
      return 'unsupported_media_type';
    case 'TooManyRequests':
      return 'rate_limited';
    case 'ServiceUnavailable':
    case 'InsufficientStorage':
      return 'unavailable';
    case 'InternalError':
      return 'internal_error';
    default:
      return reason satisfies never;
  }
}
