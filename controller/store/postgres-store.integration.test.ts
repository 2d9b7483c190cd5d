import { pino } from 'pino';
import { afterEach, describe } from 'vitest';
import { resourceStoreConformance } from '../../test/conformance/resource-store.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { createPostgresAuditLog } from '../access/postgres-audit-log.ts';
import { connectPostgres } from './connect-postgres.ts';
import { createPostgresLeaseStore } from './postgres-lease-store.ts';
import { createPostgresStore } from './postgres-store.ts';

const log = pino({ level: 'silent' });

describe('createPostgresStore', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  resourceStoreConformance(
    async () => {
      const url = await server.createDatabase();
      const open = async () => {
        const store = await createPostgresStore({ url, log });
        cleanups.push(() => store.close());
        return store;
      };
      const store = await open();
      const sql = connectPostgres(url, { max: 2 });
      cleanups.push(() => sql.end());
      return { store, another: open, leases: createPostgresLeaseStore(sql), audit: createPostgresAuditLog(sql) };
    },
    { histories: 40 },
  );
});
