import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';
import { Fault } from '../errors.ts';

const TRIES = 5;

/** What a database error means to whoever asked. What is a mistake of ours is thrown on as it is. */
export function postgresFault(error: unknown): unknown {
  if (error instanceof postgres.PostgresError) {
    const [kind] = [error.code.slice(0, 2)];
    // 53: no room, memory or connections; 57: shut down, or a statement that took too long; 08: connection; 58: disk.
    if (error.code === '53100') {
      return new Fault('Exhausted', 'The disk of the database is full. Make room; then everything goes on.', {
        cause: error,
      });
    }
    if (kind === '53' || kind === '57' || kind === '08' || kind === '58') return unavailable(error);
    if (isTransient(error)) return unavailable(error);
    return error;
  }
  return isConnectionError(error) ? unavailable(error) : error;
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
