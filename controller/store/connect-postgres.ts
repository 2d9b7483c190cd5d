import postgres from 'postgres';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isConnectionError, postgresFault } from './postgres-fault.ts';

type Pool = postgres.Sql<{ texts: readonly string[] }>;
/** Builds one statement; parts of it may be built with the same `sql`. */
export type BuildQuery = (sql: Pool) => postgres.PendingQuery<postgres.Row[]>;

interface ConnectOptions {
  /** Connections at most; default 10. */
  max?: number;
}

/** A plan is kept for long, and the first are made while the tables are empty: they must be good for full ones. */
const alwaysByIndex = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' };
/** Lists of text, as parameters only: answers have them as JSON. */
const texts = {
  to: 1009,
  from: [],
  serialize: (list: readonly string[]) =>
    `{${list.map((text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`,
  parse: (): readonly string[] => [],
};
/** The server gives up on a statement first; after this nobody is there any more. */
const STATEMENT_MS = 60_000;
const PATIENCE_MS = 75_000;

/** Opens a database. The URL is as PostgreSQL's own tools take it: `postgres://user:password@host/db`, `?host=/folder` for a socket. */
export function connectPostgres(url: string, options: ConnectOptions = {}): Database {
  return new Database(url, options);
}

/**
 * A pool of connections on which every statement is a transaction of its own, and which is thrown away and made anew when one
 * of its connections broke. Both because of the driver: a transaction that spans several calls ends the process when its
 * connection breaks in the middle, and a connection that broke may never work again.
 */
export class Database {
  readonly #url: string;
  readonly #options: ConnectOptions;
  #pool: Pool;
  #listener: Pool | undefined;
  #hasEnded = false;

  constructor(url: string, options: ConnectOptions) {
    this.#url = url;
    this.#options = options;
    this.#pool = this.#open(options);
  }

  /** The rows of a statement that changes nothing: it is asked once more when a connection turns out to be broken. */
  async read<T>(row: z.ZodType<T>, build: BuildQuery): Promise<T[]> {
    const pool = this.#pool;
    const rows = await this.#run(build).catch((error: unknown) => {
      if (this.#pool === pool) throw error;
      return this.#run(build);
    });
    return z.array(row).parse([...rows]);
  }

  /** The rows that a statement answers which changes something. */
  async write<T>(row: z.ZodType<T>, build: BuildQuery): Promise<T[]> {
    return z.array(row).parse([...(await this.#run(build))]);
  }

  /** How many rows a statement changed. */
  async execute(build: BuildQuery): Promise<number> {
    return (await this.#run(build)).count;
  }

  /** Runs several statements as one transaction, however long it takes. The text is ours, never anybody's input. */
  async script(text: string): Promise<void> {
    await this.#run((sql) => sql.unsafe<postgres.Row[]>(text).simple(), Infinity);
  }

  /** Calls back on every notification, and whenever some may have been missed. Connects again by itself. */
  async listen(channel: string, onNotify: (payload: string) => void, onMissed: () => void): Promise<void> {
    this.#listener ??= this.#open({ max: 1 });
    await this.#listener.listen(channel, onNotify, onMissed);
  }

  /** Waits for statements under way for a few seconds. */
  async end({ timeout = 5 }: { timeout?: number } = {}): Promise<void> {
    this.#hasEnded = true;
    await Promise.all([this.#pool.end({ timeout }), this.#listener?.end({ timeout: 0 })]);
  }

  async #run(build: BuildQuery, patienceMs = PATIENCE_MS): Promise<postgres.RowList<postgres.Row[]>> {
    const pool = this.#pool;
    try {
      return await within(patienceMs, build(pool));
    } catch (error) {
      if (isConnectionError(error)) this.#replace(pool);
      throw postgresFault(error);
    }
  }

  #replace(broken: Pool): void {
    if (this.#pool !== broken || this.#hasEnded) return;
    this.#pool = this.#open(this.#options);
    // Its other statements may still be answered.
    broken.end({ timeout: 5 }).catch(() => undefined);
  }

  #open({ max = 10 }: ConnectOptions): Pool {
    const { url, folder } = splitSocket(this.#url);
    return postgres(url, {
      max,
      ...(folder !== undefined && { host: folder }),
      connect_timeout: 10,
      idle_timeout: 120,
      max_lifetime: null,
      onnotice: () => undefined,
      // Asking the server for its types is a query that nobody waits for: when it fails, it ends the process.
      fetch_types: false,
      types: { texts },
      connection: { application_name: 'containr', statement_timeout: STATEMENT_MS, ...alwaysByIndex },
    });
  }
}

/** The address as the driver takes it, and the folder of a socket beside it. Invalid for what is no URL. */
export function splitSocket(text: string): { url: string; folder: string | undefined } {
  const url = URL.parse(text);
  if (!url) {
    // Not shown: it may hold a password.
    throw new Fault(
      'Invalid',
      'The address of the database is not of the form postgres://user:password@host:5432/name.',
    );
  }
  const folder = url.searchParams.get('host') ?? undefined;
  url.searchParams.delete('host');
  return { url: url.href, folder };
}

async function within<T>(ms: number, query: PromiseLike<T>): Promise<T> {
  if (ms === Infinity) return query;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Fault('Unavailable', `The database did not answer for ${ms} ms.`)), ms);
  try {
    return await Promise.race([query, promise]);
  } finally {
    clearTimeout(timer);
  }
}
