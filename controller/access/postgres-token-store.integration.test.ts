import { afterEach, describe } from 'vitest';
import { tokenStoreConformance } from '../../test/conformance/token-store.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres } from '../store/connect-postgres.ts';
import type { AuditQuery } from './audit-log.ts';
import { createPostgresAccountStore } from './postgres-account-store.ts';
import { createPostgresAuditLog } from './postgres-audit-log.ts';
import { createPostgresTokenStore } from './postgres-token-store.ts';

describe('createPostgresTokenStore', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  tokenStoreConformance(async (clock) => {
    const sql = connectPostgres(await server.createDatabase(), { max: 2 });
    cleanups.push(() => sql.end());
    const accounts = createPostgresAccountStore({ sql, clock });
    const all = createPostgresAuditLog(sql);
    // Accounts are noted there too.
    const audit = { list: (query: AuditQuery) => all.list({ ...query, kind: 'Token' }) };
    return { audit, accounts, tokens: createPostgresTokenStore({ sql, clock }) };
  });
});
