import type { Logger } from 'pino';
import { z } from 'zod';
import { systemClock, type Clock } from '../clock.ts';
import { Fault, isFault } from '../errors.ts';
import type { LogLine, LogStore } from '../logs.ts';
import { Batcher } from './batcher.ts';
import type { Sql } from './connect-postgres.ts';
import { answered } from './postgres-fault.ts';
import { appendToLogs, LOGS_CHANNEL, type Append } from './postgres-log-append.ts';
import { StreamWaiters } from './stream-waiters.ts';

const MOST_APPENDS_AT_ONCE = 500;

const Line = z.object({
  position: z.string().transform(Number),
  time: z.date(),
  source: z.enum(['stdout', 'stderr', 'system']),
  text: z.string(),
});

const Id = z.array(z.object({ id: z.string() }));

interface PostgresLogStoreOptions {
  /** Of a database that `createPostgresStore` migrated. */
  sql: Sql;
  log: Pick<Logger, 'warn'>;
  clock?: Clock;
}

/** The contract of `LogStore` in PostgreSQL. Appends of many streams at once share a transaction. */
export function createPostgresLogStore({ sql, log, clock = systemClock }: PostgresLogStoreOptions): LogStore {
  const waiters = new StreamWaiters(clock);
  const appends = new Batcher<Append, void>({
    maxItems: MOST_APPENDS_AT_ONCE,
    async run(batch) {
      await answered(() => appendToLogs(sql, batch));
      waiters.wake(new Set(batch.map(({ stream }) => stream)));
      return batch.map(() => ({ ok: true, answer: undefined }));
    },
    isPoisoned: (error) => !isFault(error),
    closed: () => new Fault('Unavailable', 'The log store is closed.'),
  });
  // Whatever was said while nobody listened, everybody looks for after a new connection.
  sql
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
      const rows = await answered(() => sql`SELECT resume_at FROM log_streams WHERE name = ${stream}`);
      const position = z.array(z.object({ resume_at: z.string() })).parse([...rows])[0]?.resume_at;
      return position === undefined ? undefined : Number(position);
    },

    async read(stream, { after, tail, since, limit }): Promise<LogLine[]> {
      const newest = tail === undefined ? sql`` : sql`ORDER BY position DESC LIMIT ${tail}`;
      const rows = await answered(
        () => sql`
          SELECT * FROM (
            SELECT position, time, source, text FROM log_lines
            WHERE stream = (SELECT id FROM log_streams WHERE name = ${stream})
              ${after === undefined ? sql`` : sql`AND position > ${after}`}
              ${since === undefined ? sql`` : sql`AND time >= ${since}`}
            ${newest}
          ) AS wanted
          ORDER BY position ${limit === undefined ? sql`` : sql`LIMIT ${limit}`}`,
      );
      return z.array(Line).parse([...rows]);
    },

    changed: (stream, maxMs, signal) => waiters.wait(stream, maxMs, signal),

    async remove(stream) {
      await answered(() =>
        sql.begin(async (transaction) => {
          const gone = await transaction`DELETE FROM log_streams WHERE name = ${stream} RETURNING id`;
          // Only now: whoever appended to it until this moment has committed, so these are all.
          for (const { id } of Id.parse([...gone])) await transaction`DELETE FROM log_lines WHERE stream = ${id}`;
        }),
      );
    },

    async trim(maxBytesPerStream) {
      const full = await answered(() => sql`SELECT id FROM log_streams WHERE bytes > ${maxBytesPerStream}`);
      for (const { id } of Id.parse([...full])) {
        await answered(() => trimStream(sql, id, maxBytesPerStream));
      }
    },
  };
}

async function trimStream(sql: Sql, id: string, maxBytes: number): Promise<void> {
  await sql`
    WITH kept AS (
      SELECT position, sum(octet_length(text)) OVER (ORDER BY position DESC) AS bytes FROM log_lines WHERE stream = ${id}
    ), dropped AS (
      DELETE FROM log_lines
      WHERE stream = ${id} AND position <= (SELECT max(position) FROM kept WHERE bytes > ${maxBytes})
      RETURNING octet_length(text) AS bytes
    )
    UPDATE log_streams SET bytes = bytes - (SELECT coalesce(sum(bytes), 0) FROM dropped) WHERE id = ${id}`;
}
