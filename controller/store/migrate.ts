import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { Sql } from './connect-postgres.ts';

export interface Migration {
  number: number;
  name: string;
  checksum: string;
  text: string;
}

const Applied = z.array(z.object({ number: z.int(), name: z.string(), checksum: z.string() }));

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
export async function migrate(sql: Sql, migrations: readonly Migration[], log: Pick<Logger, 'info'>): Promise<void> {
  for (let next: Migration | undefined, first = true; first || next; first = false) {
    next = await sql.begin(async (transaction) => {
      await transaction`SELECT pg_advisory_xact_lock(${LOCK})`;
      await transaction`
        CREATE TABLE IF NOT EXISTS schema_migrations (
          number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
        )`;
      const rows = await transaction`SELECT number, name, checksum FROM schema_migrations ORDER BY number`;
      const pending = pendingMigration(Applied.parse([...rows]), migrations);
      if (!pending) return undefined;
      await transaction.unsafe(pending.text).simple();
      const { number, name, checksum } = pending;
      await transaction`INSERT INTO schema_migrations (number, name, checksum) VALUES (${number}, ${name}, ${checksum})`;
      return pending;
    });
    if (next) log.info(`Migrated the database: ${next.name}.`);
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
