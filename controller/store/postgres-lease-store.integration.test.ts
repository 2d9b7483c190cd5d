import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe } from 'vitest';
import { leaseStoreConformance } from '../../test/conformance/lease-store.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres } from './connect-postgres.ts';
import { createPostgresLeaseStore } from './postgres-lease-store.ts';

describe('createPostgresLeaseStore', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  leaseStoreConformance(async () => {
    const sql = connectPostgres(await server.createDatabase(), { max: 4 });
    cleanups.push(() => sql.end());
    return { leases: createPostgresLeaseStore(sql), pass: (ms) => pause(ms) };
  });
});
