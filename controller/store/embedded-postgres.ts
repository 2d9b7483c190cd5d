import { mkdir, readFile, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { connectPostgres } from './connect-postgres.ts';
import { claimFolder } from './embedded/claim-folder.ts';
import { databasePassword, dataFolder, SUPERUSER } from './embedded/data-folder.ts';
import { postgresAccount } from './embedded/postgres-account.ts';
import { postgresBinaries } from './embedded/postgres-binaries.ts';
import { startPostmaster, stopOrphan, type Postmaster } from './embedded/postmaster.ts';

const DATABASE = 'containr';
const RESTART_MS = 1_000;
/** What fits into the address of a Unix socket. */
const LONGEST_SOCKET_PATH = 103;

interface EmbeddedOptions {
  /** Made when it is missing; one server works in it at a time. Whoever can read it can read everything. */
  dataDir: string;
  /** On 127.0.0.1. Without it only a socket in the data folder is listened on, where its path is short enough for one. */
  port?: number;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** PostgreSQL's own, over those that keep it small. */
  settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL that runs until it is stopped. */
export interface EmbeddedPostgres {
  /** For `connectPostgres`; holds the password. */
  url: string;
  stop(): Promise<void>;
}

/** Small, and as sure of what it acknowledged as PostgreSQL is by default. */
const SMALL = {
  shared_buffers: '32MB',
  max_connections: '40',
  max_wal_size: '256MB',
  autovacuum_max_workers: '2',
  max_worker_processes: '4',
  max_parallel_workers: '0',
  max_wal_senders: '0',
  wal_level: 'minimal',
  io_method: 'sync',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Errors reach whoever asked; the log is for what concerns the server itself. Statements would show values.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
};

/**
 * Runs PostgreSQL in a folder, making it at the first start. Survives a kill of either side: a server that was left behind
 * is stopped first, one that ends on its own is started again. Conflict while another process uses the folder.
 */
export async function startEmbeddedPostgres({
  dataDir,
  port,
  log,
  settings = {},
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const home = await realpath(dataDir);
  const disclaim = await claimFolder(home);
  try {
    const account = await postgresAccount(log);
    const binaries = await postgresBinaries(account, log);
    const password = await databasePassword(home);
    const folder = await dataFolder(home, { binaries, account, password });
    const listen = await whereToListen(folder.path, port);
    const all = {
      ...SMALL,
      port: String(listen.port),
      listen_addresses: listen.socket ? '' : '127.0.0.1',
      unix_socket_directories: listen.socket ? folder.argument : '',
      unix_socket_permissions: '0700',
      ...settings,
    };
    const start = async () => {
      await stopOrphan(folder, log);
      return startPostmaster(binaries, folder, { settings: all, log });
    };
    const supervisor = new Supervisor(start, await start(), log);
    const login = `postgres://${SUPERUSER}:${password}@`;
    const urlOf = (database: string) =>
      listen.socket
        ? `${login}localhost:${listen.port}/${database}?host=${encodeURIComponent(folder.path)}`
        : `${login}127.0.0.1:${listen.port}/${database}`;
    await ensureDatabase(urlOf('postgres'));
    return {
      url: urlOf(DATABASE),
      async stop() {
        await supervisor.stop();
        await disclaim();
      },
    };
  } catch (error) {
    await disclaim();
    throw error;
  }
}

/** Where the PostgreSQL is that another process runs in a folder; undefined when none seems to. */
export async function runningPostgres(dataDir: string): Promise<string | undefined> {
  const folder = join(await realpath(dataDir), 'data');
  const note = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (note === undefined) return undefined;
  // Its process, folder, start, port, folder of the socket, address.
  const [, , , port = '', , address = ''] = note.split('\n');
  const login = `postgres://${SUPERUSER}:${await databasePassword(await realpath(dataDir))}@`;
  if (address !== '') return `${login}${address}:${port}/${DATABASE}`;
  return `${login}localhost:${port}/${DATABASE}?host=${encodeURIComponent(folder)}`;
}

/** Keeps one server running until it is told to stop. */
class Supervisor {
  readonly #start: () => Promise<Postmaster>;
  readonly #log: EmbeddedOptions['log'];
  #server: Postmaster;
  #stopping = false;
  /** A process that ends without stopping us takes the server along, as far as it can. */
  readonly #onExit = () => this.#server.interrupt();
  readonly #kept: Promise<void>;

  constructor(start: () => Promise<Postmaster>, server: Postmaster, log: EmbeddedOptions['log']) {
    this.#start = start;
    this.#server = server;
    this.#log = log;
    process.once('exit', this.#onExit);
    this.#kept = this.#keepRunning();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    process.off('exit', this.#onExit);
    await this.#server.stop();
    // A start under way when we were told to stop brings one more.
    await this.#kept;
    await this.#server.stop();
  }

  async #keepRunning(): Promise<void> {
    for (;;) {
      await this.#server.ended;
      if (this.#stopping) return;
      this.#log.error(
        'PostgreSQL ended although nobody asked it to (out of memory?). Starting it again; nothing committed is lost.',
      );
      await this.#startAgain();
    }
  }

  async #startAgain(): Promise<void> {
    while (!this.#stopping) {
      try {
        this.#server = await this.#start();
        return;
      } catch (error) {
        this.#log.error({ err: error }, 'PostgreSQL does not start; trying again.');
        await pause(RESTART_MS);
      }
    }
  }
}

async function whereToListen(folder: string, port: number | undefined): Promise<{ socket: boolean; port: number }> {
  if (port !== undefined) return { socket: false, port };
  if (join(folder, '.s.PGSQL.5432').length <= LONGEST_SOCKET_PATH) return { socket: true, port: 5432 };
  return { socket: false, port: await freePort() };
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** A crash between making the files and making the database is made good at the next start. */
async function ensureDatabase(url: string): Promise<void> {
  const database = connectPostgres(url, { max: 1 });
  try {
    const found = await database.read(z.object({}), (sql) => sql`SELECT FROM pg_database WHERE datname = ${DATABASE}`);
    if (found.length === 0) await database.script(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await database.end();
  }
}
