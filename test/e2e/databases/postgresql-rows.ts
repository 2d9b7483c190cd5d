import postgres from 'postgres';
import { z } from 'zod';
import type { RowStore } from './row-store.ts';

const Rows = z.array(z.object({ n: z.int(), word: z.string() }));
const Setting = z.tuple([z.object({ max_connections: z.coerce.number() })]);

/** Rows in a table of PostgreSQL. */
export function openPostgresqlRows(url: string): RowStore {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
  return {
    async prepare() {
      await sql`CREATE TABLE IF NOT EXISTS rows (n int PRIMARY KEY, word text NOT NULL)`;
    },
    async write(rows) {
      await sql`INSERT INTO rows ${sql(rows.map(({ n, word }) => ({ n, word })))}`;
    },
    async read() {
      return Rows.parse([...(await sql`SELECT n, word FROM rows ORDER BY n`)]);
    },
    async maxConnections() {
      return Setting.parse([...(await sql`SHOW max_connections`)])[0].max_connections;
    },
    async close() {
      await sql.end({ timeout: 1 });
    },
  };
}
