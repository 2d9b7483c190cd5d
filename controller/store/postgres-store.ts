import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { systemClock, type Clock } from '../clock.ts';
import type { KnownObject } from './backend.ts';
import { ChangeTail } from './change-tail.ts';
import { connectPostgres } from './connect-postgres.ts';
import { migrate, readMigrations } from './migrate.ts';
import { PostgresBackend } from './postgres-backend.ts';
import { CHANGES_CHANNEL } from './postgres-commit.ts';
import { createResourceStore } from './resource-store.ts';
import type { ResourceStore } from './store.ts';

/** How long a watch of another process may lag behind when the database could not wake it. */
const POLL_MS = 1_000;

interface PostgresStoreOptions {
  /** As `connectPostgres` takes it. */
  url: string;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  clock?: Clock;
  newUid?: () => string;
  /** Connections for reading, besides one for writing and one for listening. */
  readers?: number;
  /** What need not be parsed again because it is in memory already. */
  known?: KnownObject;
}

/** The contract of `ResourceStore` in PostgreSQL. Migrates the database first; Invalid when it is of a newer version. */
export async function createPostgresStore({
  url,
  log,
  clock = systemClock,
  newUid = randomUUID,
  readers = 3,
  known = () => undefined,
}: PostgresStoreOptions): Promise<ResourceStore> {
  const reader = connectPostgres(url, { max: readers });
  const writer = connectPostgres(url, { max: 1 });
  try {
    await migrate(reader, await readMigrations(), log);
  } catch (error) {
    await Promise.all([reader.end(), writer.end()]);
    throw error;
  }
  const backend = new PostgresBackend({
    writer,
    reader,
    clock,
    newUid,
    known,
    committed: (changes) => tail.offer(changes),
  });
  const tail = new ChangeTail({
    readChanges: (after, limit) => backend.readChanges(after, limit),
    clock,
    log,
    pollMs: POLL_MS,
  });
  // Only to be quicker: without it the poll finds the changes of other processes.
  const heard = (version: string) => tail.heardOf(version);
  reader
    .listen(CHANGES_CHANNEL, heard, () => tail.poke())
    .catch((error: unknown) => {
      log.warn(
        { err: error },
        `Cannot listen to the database; changes by other processes are seen within ${POLL_MS} ms.`,
      );
    });
  return createResourceStore({ backend, tail, log });
}
