import postgres from 'postgres';
import { splitSocket } from './connect-postgres.ts';

/** Statements of one transaction. */
export type Transaction = postgres.TransactionSql<Record<string, never>>;

/**
 * Runs everything in one transaction, of which nothing remains when it throws. For programs that do this and end: a connection
 * that breaks in the middle ends the process.
 */
export async function inOneTransaction<T>(
  address: string,
  mode: 'read only' | 'read write',
  work: (sql: Transaction) => Promise<T>,
): Promise<T> {
  const { url, folder } = splitSocket(address);
  const sql = postgres(url, {
    max: 1,
    ...(folder !== undefined && { host: folder }),
    connect_timeout: 10,
    onnotice: () => undefined,
    fetch_types: false,
    connection: { application_name: 'containr', statement_timeout: 0 },
  });
  try {
    // One moment in time, whoever writes meanwhile.
    const answer = await sql.begin(`isolation level repeatable read ${mode}`, async (begun) => ({
      is: await work(begun),
    }));
    return answer.is;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
