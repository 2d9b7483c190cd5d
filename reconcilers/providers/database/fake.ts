import type { DatabaseAnswer, DatabaseClient, DatabaseRefusal, DatabaseTarget } from './client.ts';

/** Databases for scenarios: what `find` says of a target is what it answers. */
export function createFakeDatabaseClient(
  find: (target: DatabaseTarget) => Omit<DatabaseAnswer, 'ok'> | Omit<DatabaseRefusal, 'ok'>,
): DatabaseClient {
  return {
    async ask(target, signal) {
      signal.throwIfAborted();
      const found = find(target);
      return 'why' in found ? { ok: false, ...found } : { ok: true, ...found };
    },
  };
}
