import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { Database } from './connect-postgres.ts';
import { isUniqueViolation } from './postgres-fault.ts';

/** One step from one version of the database to the next. */
export interface Migration {
  number: number;
  name: string;
  checksum: string;
  text: string;
}

const Applied = z.object({ number: z.int(), name: z.string(), checksum: z.string() });

/** Any number, the same in every version: who holds it migrates, the others wait. */
const LOCK = 4_811_734_005;

/** The migrations that come with this version, in order. */
export async function readMigrations(folder = join(import.meta.dirname, 'migrations')): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{3}-[a-z0-9-]+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number: Number(file.slice(0, 3)), name: file.slice(0, -'.sql'.length), checksum, text };
    }),
  );
}

/**
 * Brings the database to this version, one transaction for each migration, whoever else tries at the same time. Invalid when
 * the database is of a newer version, or was migrated by files that are not these; then nothing is changed.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
  log: Pick<Logger, 'info'>,
): Promise<void> {
  await database.script(`
    SELECT pg_advisory_xact_lock(${LOCK});
    CREATE TABLE IF NOT EXISTS schema_migrations (
      number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
    );`);
  for (;;) {
    const applied = await database.read(
      Applied,
      (sql) => sql`SELECT number, name, checksum FROM schema_migrations ORDER BY number`,
    );
    const pending = pendingMigration(applied, migrations);
    if (!pending) return;
    if (await apply(database, pending)) log.info(`Migrated the database: ${pending.name}.`);
  }
}

/** False when somebody else applied it first. */
async function apply(database: Database, { number, name, checksum, text }: Migration): Promise<boolean> {
  try {
    // Name and checksum are made of harmless letters; see `readMigrations`.
    await database.script(`
      SET LOCAL statement_timeout = 0;
      SELECT pg_advisory_xact_lock(${LOCK});
      INSERT INTO schema_migrations (number, name, checksum) VALUES (${number}, '${name}', '${checksum}');
      ${text}`);
    return true;
  } catch (error) {
    if (isUniqueViolation(error, 'schema_migrations_pkey')) return false;
    throw error;
  }
}

/** The first migration that was not applied yet. Pure. */
export function pendingMigration(
  applied: readonly Omit<Migration, 'text'>[],
  known: readonly Migration[],
): Migration | undefined {
  const newest = applied.at(-1);
  const last = known.at(-1);
  if (newest && newest.number > (last?.number ?? 0)) {
    const hint = 'Start that version or a later one, or restore a backup from before the upgrade.';
    throw new Fault(
      'Invalid',
      `The database is of a newer version of Containr (${newest.name}; this one knows up to ${last?.name ?? 'nothing'}). ${hint}`,
    );
  }
  for (const done of applied) {
    const ours = known.find(({ number }) => number === done.number);
    if (ours?.checksum !== done.checksum) {
      const hint = 'Start the version of Containr that did, or restore a backup.';
      throw new Fault('Invalid', `The database was migrated by another "${done.name}" than this version has. ${hint}`);
    }
  }
  return known.find(({ number }) => number > (newest?.number ?? 0));
}
