import { z } from 'zod';
import type { Database } from './connect-postgres.ts';
import type { LeaseStore } from './lease-store.ts';

const Taken = z.object({ epoch: z.string().transform(BigInt).nullable() });
const Held = z.object({ holder: z.string() });

/** Leases in PostgreSQL, by the clock of the database. Of one that `createPostgresStore` migrated. */
export function createPostgresLeaseStore(database: Database): LeaseStore {
  return {
    async acquire(name, holder, durationMs) {
      const [taken] = await database.write(
        Taken,
        (sql) => sql`SELECT take_lease(${name}, ${holder}, ${durationMs}) AS epoch`,
      );
      if (taken?.epoch) return { epoch: taken.epoch };
      const [held] = await database.read(Held, (sql) => sql`SELECT holder FROM leases WHERE name = ${name}`);
      return { heldBy: held?.holder ?? '' };
    },

    async renew(name, holder, epoch, durationMs) {
      const renewed = await database.execute(
        (sql) => sql`
          UPDATE leases SET renewed_at = clock_timestamp(), duration = ${durationMs} * interval '1 millisecond'
          WHERE name = ${name} AND holder = ${holder} AND epoch = ${String(epoch)}`,
      );
      return renewed === 1;
    },

    async release(name, holder, epoch) {
      await database.execute(
        (sql) => sql`
          UPDATE leases SET holder = '' WHERE name = ${name} AND holder = ${holder} AND epoch = ${String(epoch)}`,
      );
    },
  };
}
