import { request } from 'undici';
import type { RowStore } from './row-store.ts';

/** Rows in a table of ClickHouse, over HTTP. */
export function openClickhouseRows(url: string): RowStore {
  const { origin, username, password, pathname } = new URL(url);

  async function ask(query: string): Promise<string> {
    const { statusCode, body } = await request(`${origin}/?database=${pathname.slice(1)}`, {
      method: 'POST',
      headers: { 'x-clickhouse-user': username, 'x-clickhouse-key': password },
      body: query,
      signal: AbortSignal.timeout(20_000),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`ClickHouse answered ${statusCode}: ${text.slice(0, 500)}`);
    return text;
  }

  return {
    async prepare() {
      await ask('CREATE TABLE IF NOT EXISTS rows (n UInt32, word String) ENGINE = MergeTree() ORDER BY n');
    },
    async write(rows) {
      await ask(`INSERT INTO rows VALUES ${rows.map(({ n, word }) => `(${n}, '${word}')`).join(', ')}`);
    },
    async read() {
      const text = await ask('SELECT n, word FROM rows ORDER BY n FORMAT TabSeparated');
      return text.split('\n').filter(Boolean).map(rowOf);
    },
    async maxConnections() {
      return undefined;
    },
    async close() {
      // Nothing stays open between two questions.
    },
  };
}

function rowOf(line: string): { n: number; word: string } {
  const [n = '', word = ''] = line.split('\t');
  return { n: Number(n), word };
}
