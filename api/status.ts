import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { isFault, type Fault, type FieldProblem } from '../controller/errors.ts';

/** What a request was refused for, in the words that Kubernetes clients know. */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'InsufficientStorage';

export interface StatusCause {
  reason: string;
  message: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** The answer to what failed, or to what has nothing else to answer: a `Status` object of Kubernetes. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: StatusReason;
  details?: StatusDetails;
  code: ContentfulStatusCode;
}

const codes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  InsufficientStorage: 507,
} as const satisfies Record<StatusReason, ContentfulStatusCode>;

/** A request that is answered with a `Status`: thrown by whoever finds out. */
export class Refused extends Error {
  readonly status: Status;

  constructor(reason: StatusReason, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'Refused';
    this.status = failure(reason, message, details);
  }
}

export function failure(reason: StatusReason, message: string, details?: StatusDetails): Status {
  const base = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' } as const;
  return { ...base, message, reason, ...(details && { details }), code: codes[reason] };
}

export function success(details: StatusDetails): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 };
}

/** Fields that are wrong, as causes: clients print them one by one. */
export function causesOf(problems: readonly FieldProblem[]): StatusCause[] {
  return problems.map(({ path, message }) => ({ reason: 'FieldValueInvalid', message, field: path }));
}

/** What to answer to something thrown. Undefined for what nobody expected: its text is not for strangers. */
export function statusOf(error: unknown): Status | undefined {
  if (error instanceof Refused) return error.status;
  return isFault(error) ? statusOfFault(error) : undefined;
}

function statusOfFault({ code, message, fields, retryAfterMs }: Fault): Status {
  const retry = retryAfterMs === undefined ? undefined : { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) };
  switch (code) {
    case 'Invalid':
      return fields.length > 0
        ? failure('Invalid', message, { causes: causesOf(fields) })
        : failure('BadRequest', message);
    case 'Denied':
      return failure('Forbidden', message);
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
    case 'Expired':
      return failure(code, message);
    case 'Throttled':
      return failure('TooManyRequests', message, retry);
    case 'Exhausted':
      return failure('InsufficientStorage', message);
    case 'Unavailable':
    case 'Fenced':
    case 'ObserveOnly':
      return failure('ServiceUnavailable', message, retry ?? { retryAfterSeconds: 1 });
    default:
      return code satisfies never;
  }
}
