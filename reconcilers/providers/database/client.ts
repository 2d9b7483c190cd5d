/** How a database is spoken to. Several engines may share one. */
export type DatabaseProtocol = 'postgresql' | 'mysql' | 'redis' | 'mongodb' | 'clickhouse';

/** Where a database is and how to log in. */
export interface DatabaseTarget {
  protocol: DatabaseProtocol;
  host: string;
  port: number;
  username: string;
  password: string;
  database: string;
}

/** What a database says of itself when it is asked. */
export interface DatabaseAnswer {
  ok: true;
  /** As the server calls it, such as "17.6". */
  version: string;
  /** Of clients, ours included. */
  connections: number;
  /** Bytes that its data take, where asking costs next to nothing. */
  dataBytes: number | undefined;
}

/**
 * Why a database did not answer a query. `denied`: it answers and refuses the login, which waiting does not mend. `why` is for
 * people, holds no credential and is the same for the same problem.
 */
export interface DatabaseRefusal {
  ok: false;
  denied: boolean;
  why: string;
}

/** Asks a database as a program of its users does. */
export interface DatabaseClient {
  /** Logs in and runs a real query. Never takes longer than its time limit; throws only when the signal says so. */
  ask(target: DatabaseTarget, signal: AbortSignal): Promise<DatabaseAnswer | DatabaseRefusal>;
}
