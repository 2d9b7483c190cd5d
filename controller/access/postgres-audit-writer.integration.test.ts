import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { withPostgres } from '../../test/harness/postgres.ts';
import { connectPostgres } from '../store/connect-postgres.ts';
import { createPostgresStore } from '../store/postgres-store.ts';
import { createPostgresAuditLog } from './postgres-audit-log.ts';
import { createAuditWriter } from './postgres-audit-writer.ts';

describe('createAuditWriter', () => {
  const server = withPostgres();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  it('writes what is read again', async () => {
    const url = await server.createDatabase();
    const store = await createPostgresStore({ url, log: pino({ level: 'silent' }) });
    const sql = connectPostgres(url, { max: 1 });
    cleanups.push(
      () => store.close(),
      () => sql.end(),
    );
    const entry = {
      time: new Date('2026-01-02T03:04:05.678Z'),
      user: 'ann\u0000',
      manager: 'rest',
      address: '192.0.2.7',
      userAgent: undefined,
      requestId: 'request-1',
      action: 'update',
      kind: 'Service',
      namespace: 'shop',
      name: 'web',
      uid: 'uid-1',
      resourceVersion: '42',
      changed: ['spec.replicas', 'metadata.labels.a,b"c'],
      changes: [{ path: 'spec.replicas', before: '1', after: '2' }],
    } as const;
    await createAuditWriter(sql)(entry);
    const [read] = await createPostgresAuditLog(sql).list({ limit: 10 });
    expect(read).toEqual({ ...entry, id: expect.any(String), user: expect.stringContaining('ann') });
  });
});
