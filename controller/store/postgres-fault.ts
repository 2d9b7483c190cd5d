import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';
import { Fault } from '../errors.ts';

const TRIES = 5;
/** Connection lost; out of memory or connections; shut down or took too long; trouble with the disk. */
const unavailableClasses: ReadonlySet<string> = new Set(['08', '53', '57', '58']);

/** What a database error means to whoever asked. What is a mistake of ours is thrown on as it is. */
export function postgresFault(error: unknown): unknown {
  if (error instanceof postgres.PostgresError) {
    if (error.code === '53100') {
      return new Fault('Exhausted', 'The disk of the database is full. Make room; then everything goes on.', {
        cause: error,
      });
    }
    return isTransient(error) || unavailableClasses.has(error.code.slice(0, 2)) ? unavailable(error) : error;
  }
  return isConnectionError(error) ? unavailable(error) : error;
}

/** Waits for the database, turning what it throws into what it means. */
export async function answered<T>(query: () => PromiseLike<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw postgresFault(error);
  }
}

/** Runs `work` again where the database asks for that: it lost to another transaction and left nothing behind. */
export async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      if (tried === TRIES || !isTransient(error)) throw error;
      await pause(5 * tried);
    }
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof postgres.PostgresError && (error.code === '40001' || error.code === '40P01');
}

function unavailable(cause: unknown): Fault {
  const hint = 'Whether an unanswered write was kept is not known; look before repeating it.';
  return new Fault('Unavailable', `The database does not answer. ${hint}`, { cause });
}

/** The driver's own errors, and those of sockets, carry a word as their code. */
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return error.code.startsWith('CONNECTION_') || error.code === 'CONNECT_TIMEOUT' || /^E[A-Z]+$/.test(error.code);
}
