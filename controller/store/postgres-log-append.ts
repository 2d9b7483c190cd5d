import type { LogLine } from '../logs.ts';
import type { Database } from './connect-postgres.ts';
import { plainText } from './plain-text.ts';

/** The channel on which other processes hear which streams grew: their names, one a line. */
export const LOGS_CHANNEL = 'containr_logs';
/** What PostgreSQL takes as one notification, less a little. */
const LONGEST_NOTIFICATION = 7_900;

/** Lines for one stream, and where to resume after them. */
export interface Append {
  stream: string;
  lines: readonly LogLine[];
  resumeAt: number;
}

/** Stores lines and positions of all appends in one transaction. Lines whose position is known are left as they are. */
export async function appendToLogs(database: Database, appends: readonly Append[]): Promise<void> {
  const resumeAt = new Map(appends.map((append) => [append.stream, append.resumeAt]));
  const streams = [...resumeAt].map(([name, position]) => ({ name, resume_at: position }));
  const lines = appends.flatMap(({ stream, lines }) =>
    lines.map(({ text, ...line }) => ({ ...line, stream, text: plainText(text) })),
  );
  await database.execute(
    (sql) => sql`
      SELECT append_logs(
        ${JSON.stringify(streams)}::text::json,
        ${JSON.stringify(lines)}::text::json,
        ${JSON.stringify(notifications([...resumeAt.keys()]))}::text::json
      )`,
  );
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
