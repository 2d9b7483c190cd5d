import { openClickhouseRows } from './clickhouse-rows.ts';
import type { RealEngine } from './image-recipes.ts';
import { openMariadbRows } from './mariadb-rows.ts';
import { openPostgresqlRows } from './postgresql-rows.ts';
import { openRedisRows } from './redis-rows.ts';

export interface Row {
  n: number;
  word: string;
}

/** Rows in a database of any engine, reached as a program of its users reaches it. After a failure it connects anew. */
export interface RowStore {
  /** Makes the place for them; once. */
  prepare(): Promise<void>;
  /** Returns when the database has acknowledged all of them; throws when it has not. Numbers are never used twice. */
  write(rows: readonly Row[]): Promise<void>;
  /** All that there are, in the order of their numbers. */
  read(): Promise<Row[]>;
  /** What the running server says of the setting maxConnections; undefined where no query tells it. */
  maxConnections(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** The rows behind a connection URL; nothing is connected before it is needed. */
export function openRowStore(engine: RealEngine, url: string): RowStore {
  const store = storeOf(engine, url);
  // A connection from before a restart is found to be closed only when it is used.
  return {
    ...store,
    read: () => store.read().catch(() => store.read()),
    maxConnections: () => store.maxConnections().catch(() => store.maxConnections()),
  };
}

function storeOf(engine: RealEngine, url: string): RowStore {
  switch (engine) {
    case 'postgresql':
      return openPostgresqlRows(url);
    case 'mariadb':
      return openMariadbRows(url);
    case 'redis':
      return openRedisRows(url);
    case 'clickhouse':
      return openClickhouseRows(url);
    default:
      return engine satisfies never;
  }
}
