import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { lockDataDir } from '../data-dir-lock.ts';
import { isFault } from '../errors.ts';
import { connectPostgres } from '../store/connect-postgres.ts';
import { runningPostgres, startEmbeddedPostgres } from '../store/embedded-postgres.ts';
import { migrate, readMigrations } from '../store/migrate.ts';

type Where = Pick<Config, 'dataDir' | 'databaseUrl'>;

/** Hands the URL of the installation's database to `use`: of the one that a server runs, or that is run meanwhile. */
export async function withDatabase<T>(config: Where, log: Logger, use: (url: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl !== undefined) return use(config.databaseUrl);
  const running = isInUse(config.dataDir) ? await runningPostgres(join(config.dataDir, 'postgres')) : undefined;
  return running === undefined ? withOwnDatabase(config, log, use) : use(running);
}

/** The same for what must be alone in the data folder: Invalid while a server has it. Migrates the database first. */
export async function withOwnDatabase<T>(config: Where, log: Logger, use: (url: string) => Promise<T>): Promise<T> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const lock = lockDataDir(config.dataDir);
  try {
    if (config.databaseUrl !== undefined) return await useMigrated(config.databaseUrl, log, use);
    const embedded = await startEmbeddedPostgres({ dataDir: join(config.dataDir, 'postgres'), log });
    try {
      return await useMigrated(embedded.url, log, use);
    } finally {
      await embedded.stop();
    }
  } finally {
    lock.release();
  }
}

async function useMigrated<T>(url: string, log: Logger, use: (url: string) => Promise<T>): Promise<T> {
  const database = connectPostgres(url, { max: 1 });
  try {
    await migrate(database, await readMigrations(), log);
  } finally {
    await database.end();
  }
  return use(url);
}

function isInUse(dataDir: string): boolean {
  try {
    lockDataDir(dataDir).release();
    return false;
  } catch (error) {
    if (isFault(error, 'Invalid')) return true;
    throw error;
  }
}
