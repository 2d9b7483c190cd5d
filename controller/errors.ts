/**
 * What can go wrong at an edge, by what it means to a loop:
 * Invalid      only a new spec or a person helps
 * Denied       credentials or privileges
 * NotFound     proven absent
 * AlreadyExists
 * Conflict     a stale read, or somebody else holds it (a lock)
 * Throttled    told to slow down
 * Unavailable  no usable answer; nothing is known
 * Exhausted    no room: storage, addresses, ids, quota
 * Expired      the place to resume a watch or a list from is compacted
 * Fenced       this process no longer leads; whatever it wanted did not happen
 * ObserveOnly  nothing may be changed outside until a person has looked; it did not happen
 */
export type FaultCode =
  | 'Invalid'
  | 'Denied'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Throttled'
  | 'Unavailable'
  | 'Exhausted'
  | 'Expired'
  | 'Fenced'
  | 'ObserveOnly';

interface FaultOptions extends ErrorOptions {
  retryAfterMs?: number;
  /** Machine-readable place of the trouble, such as the fields of an Invalid. */
  fields?: readonly FieldProblem[];
}

/** One field that is wrong. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** The one error class of the controller. The message is for people and never holds a secret. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly retryAfterMs: number | undefined;
  readonly fields: readonly FieldProblem[];

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options);
    this.name = 'Fault';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.fields = options.fields ?? [];
  }
}

export function isFault(error: unknown, ...codes: FaultCode[]): error is Fault {
  return error instanceof Fault && (codes.length === 0 || codes.includes(error.code));
}
