import { createConnection, createServer, type Server } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { withPostgres } from '../../../test/harness/postgres.ts';
import { createDatabaseClient } from './database-client.ts';
import type { DatabaseTarget } from './client.ts';

describe('a client of postgresql, against a real one', () => {
  const postgres = withPostgres();
  const { signal } = new AbortController();
  const ways: Server[] = [];

  afterAll(() => {
    for (const way of ways) way.close();
  });

  /** The one of the tests listens at a socket in a folder only. */
  async function portTo(socket: string): Promise<number> {
    const way = createServer((client) => {
      const inner = createConnection(socket);
      for (const side of [client, inner]) side.on('error', () => undefined);
      client.pipe(inner).pipe(client);
    });
    ways.push(way);
    await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
    const address = way.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async function target(): Promise<DatabaseTarget> {
    const url = new URL(await postgres.createEmptyDatabase());
    return {
      protocol: 'postgresql',
      host: '127.0.0.1',
      port: await portTo(`${url.searchParams.get('host')}/.s.PGSQL.${url.port}`),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: url.pathname.slice(1),
    };
  }

  it('logs in and runs a query', async () => {
    const answer = await createDatabaseClient().ask(await target(), signal);
    expect(answer).toMatchObject({ ok: true, version: expect.stringMatching(/^18\.\d+$/) });
    if (answer.ok) expect(answer.connections).toBeGreaterThanOrEqual(1);
    if (answer.ok) expect(answer.dataBytes).toBeGreaterThan(1_000_000);
  });

  it('tells a refused login and a database that is not there', async () => {
    const known = await target();
    const client = createDatabaseClient();
    expect(await client.ask({ ...known, password: 'wrong' }, signal)).toMatchObject({ ok: false, denied: true });
    const absent = await client.ask({ ...known, database: 'absent' }, signal);
    expect(absent).toMatchObject({ ok: false, denied: true, why: expect.stringContaining('does not exist') });
  });
});
