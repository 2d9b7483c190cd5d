import postgres from 'postgres';
import { Fault, isFault } from '../errors.ts';

/** Connection lost; out of memory or connections; shut down or took too long; trouble with the disk. */
const unavailableClasses: ReadonlySet<string> = new Set(['08', '53', '57', '58']);
/** The session was ended from the other side. */
const endedSessions: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '25P04']);

/** What a database error means to whoever asked. What is a mistake of ours is answered as it is. */
export function postgresFault(error: unknown): unknown {
  if (isFault(error)) return error;
  if (sqlState(error) === '53100') {
    return new Fault('Exhausted', 'The disk of the database is full. Make room; then everything goes on.', {
      cause: error,
    });
  }
  if (!isConnectionError(error) && !unavailableClasses.has(sqlState(error).slice(0, 2)) && !isTransient(error))
    return error;
  const hint = 'Whether an unanswered write was kept is not known; look before repeating it.';
  return new Fault('Unavailable', `The database does not answer. ${hint}`, { cause: error });
}

/** Whether the connection is not to be used any more. */
export function isConnectionError(error: unknown): boolean {
  if (isFault(error, 'Unavailable') || endedSessions.has(sqlState(error))) return true;
  if (error instanceof postgres.PostgresError || !(error instanceof Error) || !('code' in error)) return false;
  // The driver's own errors and those of sockets carry a word as their code.
  return typeof error.code === 'string' && /^(CONNECTION_|CONNECT_TIMEOUT$|E[A-Z]+$)/.test(error.code);
}

/** Lost to another transaction, and left nothing behind. */
function isTransient(error: unknown): boolean {
  return sqlState(error) === '40001' || sqlState(error) === '40P01';
}

/** Whether a row of that name exists already. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return error instanceof postgres.PostgresError && error.code === '23505' && error.constraint_name === constraint;
}

function sqlState(error: unknown): string {
  return error instanceof postgres.PostgresError ? error.code : '';
}
