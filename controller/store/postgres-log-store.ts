import type { Logger } from 'pino';
import { z } from 'zod';
import { systemClock, type Clock } from '../clock.ts';
import { Fault, isFault } from '../errors.ts';
import type { LogStore } from '../logs.ts';
import { Batcher } from './batcher.ts';
import type { Database } from './connect-postgres.ts';
import { appendToLogs, LOGS_CHANNEL, type Append } from './postgres-log-append.ts';
import { StreamWaiters } from './stream-waiters.ts';

const MOST_APPENDS_AT_ONCE = 500;

const Line = z.object({
  position: z.string().transform(Number),
  time: z.date(),
  source: z.enum(['stdout', 'stderr', 'system']),
  text: z.string(),
});

interface PostgresLogStoreOptions {
  /** That `createPostgresStore` migrated. */
  sql: Database;
  log: Pick<Logger, 'warn'>;
  clock?: Clock;
}

/** The contract of `LogStore` in PostgreSQL. Appends of many streams at once share a transaction. */
export function createPostgresLogStore({ sql: database, log, clock = systemClock }: PostgresLogStoreOptions): LogStore {
  const waiters = new StreamWaiters(clock);
  const appends = new Batcher<Append, void>({
    maxItems: MOST_APPENDS_AT_ONCE,
    async run(batch) {
      await appendToLogs(database, batch);
      waiters.wake(new Set(batch.map(({ stream }) => stream)));
      return batch.map(() => ({ ok: true, answer: undefined }));
    },
    isPoisoned: (error) => !isFault(error),
    closed: () => new Fault('Unavailable', 'The log store is closed.'),
  });
  database
    .listen(
      LOGS_CHANNEL,
      (streams) => waiters.wake(streams.split('\n')),
      () => waiters.wakeAll(),
    )
    .catch((error: unknown) => {
      log.warn(
        { err: error },
        'Cannot listen to the database; lines collected by other processes show a little later.',
      );
    });

  return {
    append: (stream, lines, resumeAt) => appends.submit({ stream, lines, resumeAt }),

    async resumeAt(stream) {
      const [row] = await database.read(
        z.object({ position: z.string() }),
        (sql) => sql`SELECT resume_at AS position FROM log_streams WHERE name = ${stream}`,
      );
      return row && Number(row.position);
    },

    read: (stream, { after, tail, since, limit }) =>
      database.read(
        Line,
        (sql) => sql`
          SELECT * FROM (
            SELECT position, time, source, text FROM log_lines
            WHERE stream = (SELECT id FROM log_streams WHERE name = ${stream})
              ${after === undefined ? sql`` : sql`AND position > ${after}`}
              ${since === undefined ? sql`` : sql`AND time >= ${since}`}
            ${tail === undefined ? sql`` : sql`ORDER BY position DESC LIMIT ${tail}`}
          ) AS wanted
          ORDER BY position ${limit === undefined ? sql`` : sql`LIMIT ${limit}`}`,
      ),

    changed: (stream, maxMs, signal) => waiters.wait(stream, maxMs, signal),

    async remove(stream) {
      await database.execute((sql) => sql`SELECT remove_log(${stream})`);
    },

    async trim(maxBytesPerStream) {
      const full = await database.read(
        z.object({ id: z.string() }),
        (sql) => sql`SELECT id FROM log_streams WHERE bytes > ${maxBytesPerStream}`,
      );
      for (const { id } of full) await trimStream(database, id, maxBytesPerStream);
    },
  };
}

async function trimStream(database: Database, id: string, maxBytes: number): Promise<void> {
  await database.execute(
    (sql) => sql`
      WITH kept AS (
        SELECT position, sum(octet_length(text)) OVER (ORDER BY position DESC) AS bytes FROM log_lines WHERE stream = ${id}
      ), dropped AS (
        DELETE FROM log_lines
        WHERE stream = ${id} AND position <= (SELECT max(position) FROM kept WHERE bytes > ${maxBytes})
        RETURNING octet_length(text) AS bytes
      )
      UPDATE log_streams SET bytes = bytes - (SELECT coalesce(sum(bytes), 0) FROM dropped) WHERE id = ${id}`,
  );
}
