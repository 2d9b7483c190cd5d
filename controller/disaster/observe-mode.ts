import type { Logger } from 'pino';
import { z } from 'zod';
import { accountAuditRow } from '../access/account-audit.ts';
import type { Clock } from '../clock.ts';
import { observeOnlyText, type ObserveOnly, type Observing } from '../observe-only.ts';
import { runPeriodically } from '../periodic.ts';
import type { Database } from '../store/connect-postgres.ts';
import type { ResourceStore, Writer } from '../store/store.ts';
import { judgeStore } from './judge-store.ts';
import { readLastSeen, writeLastSeen } from './last-seen.ts';

interface ObserveModeOptions {
  /** Migrated. What it says holds for all processes that use it. */
  sql: Database;
  store: Pick<ResourceStore, 'currentVersion'>;
  /** The kind of store, whose versions are compared. */
  storeName: string;
  dataDir: string;
  clock: Clock;
  log: Logger;
  /** Told when everything may be changed again, here or by another process. */
  onResume: () => void;
}

/** Whether this installation only observes, as the database says and all of its processes follow. */
export interface ObserveMode {
  readonly observing: Observing;
  /** Lets everything be changed again. False when it was so already. */
  resume(by: Writer): Promise<boolean>;
  /** Follows what other processes decide, and notes how far the store is, until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
}

const LOOK_MS = 5_000;

const Row = z.object({
  since: z.string().nullable(),
  because: z.string().nullable(),
  usedOn: z.string().nullable(),
});

/** Judges the store before anything is done by it. What looks older than the world makes the installation observe only. */
export async function openObserveMode(options: ObserveModeOptions): Promise<ObserveMode> {
  const { sql, store, storeName, dataDir, clock, log, onResume } = options;
  const isOn = await identifyServer(sql);
  const row = await readRow();
  let current = observeOnlyOf(row);
  if (current) log.warn(observeOnlyText(current));
  else await judge(row.usedOn ?? undefined);
  await sql.execute((pool) => pool`UPDATE installation SET database_system = ${isOn ?? null}`);
  await note();

  async function readRow(): Promise<z.output<typeof Row>> {
    const [found] = await sql.read(
      Row,
      (pool) => pool`
        SELECT to_char(observing_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
          observing_because AS because, database_system AS "usedOn"
        FROM installation`,
    );
    return found ?? { since: null, because: null, usedOn: null };
  }

  async function judge(usedOn: string | undefined): Promise<void> {
    const seen = await readLastSeen(dataDir);
    const because = judgeStore({
      version: await store.currentVersion(),
      seen: seen?.store === storeName ? seen : undefined,
      usedOn,
      isOn,
    });
    if (because === undefined) return;
    await sql.execute(
      (pool) => pool`
        UPDATE installation SET observing_since = clock_timestamp(), observing_because = ${because}
        WHERE observing_since IS NULL`,
    );
    current = observeOnlyOf(await readRow()) ?? { since: clock.now(), because };
    log.warn(observeOnlyText(current));
  }

  /** Nothing while observing: what was seen before is what the store is measured by. */
  async function note(): Promise<void> {
    if (current) return;
    const version = await store.currentVersion();
    const seen = await readLastSeen(dataDir);
    if (seen?.store === storeName && seen.version === version) return;
    await writeLastSeen(dataDir, { store: storeName, version, at: clock.now().toISOString() });
  }

  async function look(): Promise<void> {
    const before = current;
    const row = await readRow();
    current = observeOnlyOf(row);
    if (!before && current) log.warn(observeOnlyText(current));
    if (!before && !current) await judge(row.usedOn ?? undefined);
    if (before && !current) {
      log.warn('Somebody has looked: everything is kept as it is declared again.');
      onResume();
    }
    await note();
  }

  return {
    observing: () => current,
    async resume(by) {
      const event = { action: 'update', kind: 'Installation', name: 'installation', uid: 'installation' } as const;
      const entry = accountAuditRow({ ...event, changed: ['observeOnly'] }, by);
      const [row] = await sql.write(
        z.object({ ended: z.boolean() }),
        (pool) => pool`
          WITH ended AS (
            UPDATE installation SET observing_since = NULL, observing_because = NULL
            WHERE observing_since IS NOT NULL RETURNING note_audit(${entry}::text::json)
          )
          SELECT EXISTS (SELECT FROM ended) AS ended`,
      );
      // What a process saw before is accepted to be gone.
      const version = await store.currentVersion();
      await writeLastSeen(dataDir, { store: storeName, version, at: clock.now().toISOString() });
      await look();
      return row?.ended === true;
    },
    follow: (signal) =>
      runPeriodically({ name: 'note how far the store is', everyMs: LOOK_MS, run: look }, { clock, log, signal }),
  };
}

function observeOnlyOf({ since, because }: z.output<typeof Row>): ObserveOnly | undefined {
  return since === null ? undefined : { since: new Date(since), because: because ?? 'Somebody asked for it.' };
}

/** Undefined where the server does not tell it to everybody, as some that are run for others. */
async function identifyServer(sql: Database): Promise<string | undefined> {
  const Server = z.object({ id: z.string() });
  const rows = await sql
    .read(Server, (pool) => pool`SELECT system_identifier::text AS id FROM pg_control_system()`)
    .catch(() => []);
  return rows[0]?.id;
}
