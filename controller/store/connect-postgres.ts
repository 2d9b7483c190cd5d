import postgres from 'postgres';

export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;

interface ConnectOptions {
  /** Connections at most; default 10. */
  max?: number;
  applicationName?: string;
}

/**
 * Opens a pool. Understands what PostgreSQL's own tools do of a socket: `postgres://user:password@localhost/db?host=/folder`.
 * A session that stops in the middle of a transaction (its process is paused) is ended by the server, so that it cannot hold
 * up the others.
 */
export function connectPostgres(url: string, { max = 10, applicationName = 'containr' }: ConnectOptions = {}): Sql {
  const { url: plain, folder } = splitSocket(url);
  return postgres(plain, {
    max,
    ...(folder !== undefined && { host: folder }),
    connect_timeout: 10,
    onnotice: () => {},
    connection: {
      application_name: applicationName,
      statement_timeout: 60_000,
      idle_in_transaction_session_timeout: 10_000,
    },
  });
}

function splitSocket(text: string): { url: string; folder: string | undefined } {
  const url = new URL(text);
  const folder = url.searchParams.get('host') ?? undefined;
  url.searchParams.delete('host');
  return { url: url.href, folder };
}
