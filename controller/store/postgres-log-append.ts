import type { LogLine } from '../logs.ts';
import type { Sql } from './connect-postgres.ts';
import { storableText } from './storable-text.ts';

/** The channel on which other processes hear which streams grew: their names, one a line. */
export const LOGS_CHANNEL = 'containr_logs';
/** What PostgreSQL takes as one notification, less a little. */
const LONGEST_NOTIFICATION = 7_900;

export interface Append {
  stream: string;
  lines: readonly LogLine[];
  resumeAt: number;
}

/** Stores lines and positions of all appends in one transaction. Lines whose position is known are left as they are. */
export async function appendToLogs(sql: Sql, appends: readonly Append[]): Promise<void> {
  const resumeAt = new Map(appends.map((append) => [append.stream, append.resumeAt]));
  const lines = appends.flatMap((append) => append.lines.map((line) => ({ ...line, stream: append.stream })));
  await sql.begin(async (transaction) => {
    // A crash of the machine may lose the last moment, but lines and position together: they are collected again.
    await transaction`SET LOCAL synchronous_commit = off`;
    await transaction`
      INSERT INTO log_streams (name, resume_at, bytes)
      SELECT name, resume_at, 0
      FROM unnest(${[...resumeAt.keys()]}::text[], ${[...resumeAt.values()].map(String)}::bigint[]) AS n (name, resume_at)
      ORDER BY name
      ON CONFLICT (name) DO UPDATE SET resume_at = excluded.resume_at`;
    await transaction`
      WITH inserted AS (
        INSERT INTO log_lines (stream, position, time, source, text)
        SELECT s.id, n.position, n.time, n.source, n.text
        FROM unnest(
          ${lines.map(({ stream }) => stream)}::text[],
          ${lines.map(({ position }) => String(position))}::bigint[],
          ${lines.map(({ time }) => time.toISOString())}::timestamptz[],
          ${lines.map(({ source }) => source)}::text[],
          ${lines.map(({ text }) => storableText(text))}::text[]
        ) AS n (stream, position, time, source, text)
        JOIN log_streams AS s ON s.name = n.stream COLLATE "C"
        ON CONFLICT (stream, position) DO NOTHING
        RETURNING stream, octet_length(text) AS bytes
      )
      UPDATE log_streams AS s SET bytes = s.bytes + grown.bytes
      FROM (SELECT stream, sum(bytes) AS bytes FROM inserted GROUP BY stream) AS grown
      WHERE s.id = grown.stream`;
    for (const names of notifications([...resumeAt.keys()])) {
      await transaction`SELECT pg_notify(${LOGS_CHANNEL}, ${names})`;
    }
  });
}

/** The names in as few notifications as hold them. */
function notifications(names: readonly string[]): string[] {
  const texts: string[] = [];
  for (const name of names) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + name.length < LONGEST_NOTIFICATION)
      texts[texts.length - 1] = `${last}\n${name}`;
    else texts.push(name);
  }
  return texts;
}
