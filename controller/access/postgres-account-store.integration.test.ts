import { afterEach, describe } from 'vitest';
import { accountStoreConformance } from '../../test/conformance/account-store.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres } from '../store/connect-postgres.ts';
import { createPostgresAccountStore } from './postgres-account-store.ts';
import { createPostgresAuditLog } from './postgres-audit-log.ts';

describe('createPostgresAccountStore', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  accountStoreConformance(async (clock) => {
    const sql = connectPostgres(await server.createDatabase(), { max: 4 });
    cleanups.push(() => sql.end());
    return { accounts: createPostgresAccountStore({ sql, clock }), audit: createPostgresAuditLog(sql) };
  });
});
