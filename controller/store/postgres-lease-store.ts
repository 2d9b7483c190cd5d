import { z } from 'zod';
import type { Sql } from './connect-postgres.ts';
import type { LeaseStore } from './lease-store.ts';
import { answered } from './postgres-fault.ts';

const Taken = z.array(z.object({ epoch: z.string().transform(BigInt) }));
const Held = z.array(z.object({ holder: z.string() }));

/** Leases in PostgreSQL, by the clock of the database. A take-over waits for writes under way, and no fenced write passes it. */
export function createPostgresLeaseStore(sql: Sql): LeaseStore {
  const holderOf = async (name: string, except: string) => {
    const rows = await sql`
      SELECT holder FROM leases
      WHERE name = ${name} AND holder NOT IN ('', ${except}) AND clock_timestamp() < renewed_at + duration`;
    return Held.parse([...rows])[0]?.holder;
  };

  return {
    acquire: (name, holder, durationMs) =>
      answered(async () => {
        const heldBy = await holderOf(name, holder);
        if (heldBy !== undefined) return { heldBy };
        const taken = await sql.begin(async (transaction) => {
          await transaction`SELECT version FROM store_state FOR UPDATE`;
          return transaction`
            INSERT INTO leases AS l (name, holder, epoch, renewed_at, duration)
            VALUES (${name}, ${holder}, 1, clock_timestamp(), ${durationMs} * interval '1 millisecond')
            ON CONFLICT (name) DO UPDATE
              SET holder = excluded.holder, epoch = l.epoch + 1, renewed_at = clock_timestamp(), duration = excluded.duration
              WHERE l.holder IN ('', ${holder}) OR clock_timestamp() >= l.renewed_at + l.duration
            RETURNING epoch`;
        });
        const [lease] = Taken.parse([...taken]);
        return lease ?? { heldBy: (await holderOf(name, holder)) ?? 'somebody who just let go' };
      }),

    renew: (name, holder, epoch, durationMs) =>
      answered(async () => {
        const renewed = await sql`
          UPDATE leases SET renewed_at = clock_timestamp(), duration = ${durationMs} * interval '1 millisecond'
          WHERE name = ${name} AND holder = ${holder} AND epoch = ${String(epoch)}`;
        return renewed.count === 1;
      }),

    release: (name, holder, epoch) =>
      answered(async () => {
        await sql`
          UPDATE leases SET holder = '' WHERE name = ${name} AND holder = ${holder} AND epoch = ${String(epoch)}`;
      }),
  };
}
