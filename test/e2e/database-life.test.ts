import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createDatabaseClient } from '../../reconcilers/providers/database/database-client.ts';
import type { DatabaseProtocol } from '../../reconcilers/providers/database/client.ts';
import {
  PROJECT,
  applyDatabase,
  connectionUrl,
  startDatabase,
  type ReadyDatabase,
} from './databases/database-fixture.ts';
import { buildShell, obstacleToImages } from './databases/database-images.ts';
import { guestProcesses } from './databases/guest-processes.ts';
import { realEngines, recipes, type RealEngine } from './databases/image-recipes.ts';
import { RowWriter, lostRows, sumOfRows } from './databases/row-writer.ts';
import { DevEnvironment, obstacleToContainers, pause, until } from './dev-environment.ts';

const obstacle = obstacleToContainers() ?? obstacleToImages();
if (obstacle !== undefined) console.log(`Skipped, the life of databases in real containers: ${obstacle}.`);

const protocols: Record<RealEngine, DatabaseProtocol> = {
  postgresql: 'postgresql',
  mariadb: 'mysql',
  redis: 'redis',
  clickhouse: 'clickhouse',
};
/** Connections that are open while a database is measured. */
const HELD = 6;
const Metrics = z.object({
  at: z.string(),
  cpu: z.number(),
  memory: z.number(),
  storage: z.number(),
  connections: z.number(),
});
type Metrics = z.output<typeof Metrics>;
const client = createDatabaseClient();
const never = new AbortController().signal;

describe.skipIf(obstacle !== undefined)('the life of databases in real containers', () => {
  const dev = new DevEnvironment();
  const databases = new Map<RealEngine, ReadyDatabase>();

  beforeAll(() => dev.start({ engine: 'lxc' }));
  afterAll(async () => {
    for (const { rows } of databases.values()) await rows.close();
    await dev.dispose();
  });

  function guestField(name: string, path: string): string {
    return dev.field(`guest/${dev.field(`database/${name}`, '{.status.guest}')}`, path);
  }

  function argumentsOf(name: string): string[] {
    return guestProcesses(dev, guestField(name, '{.status.vmid}')).flatMap((process) => process.arguments);
  }

  /** The guest has been started anew, and the database answers where it was. */
  async function changed({ engine, name, url }: ReadyDatabase, spec: string): Promise<void> {
    const startedAt = guestField(name, '{.status.startedAt}');
    applyDatabase(dev, engine, name, spec);
    await until(`${name} is started anew`, () => guestField(name, '{.status.startedAt}') !== startedAt);
    dev.must('wait', `database/${name}`, '-n', PROJECT, '--for=condition=Ready', '--timeout', '120s');
    expect(await connectionUrl(dev, name)).toBe(url);
  }

  it.each(realEngines)('%s keeps its rows and address over restart, stop, plan and settings', async (engine) => {
    const database = await startDatabase(dev, engine, { spec: 'deletionProtection: true' });
    databases.set(engine, database);
    const { name, rows, url, readyMs } = database;
    const { hostname, port, username, password, pathname } = new URL(url);
    const target = {
      protocol: protocols[engine],
      host: hostname,
      port: Number(port),
      username,
      database: pathname.slice(1),
    };
    expect(await client.ask({ ...target, password }, never)).toMatchObject({ ok: true });
    expect(await client.ask({ ...target, password: 'wrong' }, never)).toMatchObject({ ok: false, denied: true });

    const writer = new RowWriter(rows);
    writer.start();
    await until('some rows are acknowledged', () => writer.acknowledged.length >= 200);
    const written = await writer.stop();
    const sum = sumOfRows(written);
    expect(sumOfRows(await rows.read())).toEqual(sum);

    const kept = 'deletionProtection: true';
    applyDatabase(dev, engine, name, `${kept}, power: stopped`);
    expect(await client.ask({ ...target, password }, never)).toMatchObject({ ok: false });
    const grown = `${kept}, plan: starter, settings: { maxConnections: 77 }`;
    await changed(database, grown);
    expect(sumOfRows(await rows.read())).toEqual(sum);
    expect(dev.field(`volume/${name}-db-data`, '{.status.size}')).toBe('5Gi');
    if (engine === 'clickhouse') expect(argumentsOf(name)).toContain('--max_connections=77');
    else expect(await rows.maxConnections()).toBe(77);

    // Under load, so that what was acknowledged just before the stop counts too.
    const more = new RowWriter(rows, 1_000_000);
    more.start();
    await changed(database, `${grown}, restartedAt: once`);
    await pause(300);
    const acknowledged = [...written, ...(await more.stop())];
    expect(lostRows(acknowledged, await rows.read())).toEqual([]);

    const refused = dev.command('delete', `database/${name}`, '-n', PROJECT);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('deletionProtection');
    console.log(
      `  ${engine} was ready after ${(readyMs / 1000).toFixed(1)} s; ${acknowledged.length} rows kept, ${more.failures} writes refused during the restart`,
    );
  });

  it('tells how a database does as its guest and the database itself have it', async () => {
    const database = databases.get('postgresql');
    if (!database) throw new Error('PostgreSQL did not come up.');
    const held = Array.from({ length: HELD }, () => postgres(database.url, { max: 1 }));
    try {
      const counted = await Promise.all(
        held.map((sql) => sql`SELECT pg_database_size(current_database())::text AS size`),
      );
      const since = Date.now();
      const read = (): Metrics =>
        Metrics.parse(JSON.parse(dev.field(`database/${database.name}`, '{.status.metrics}')));
      await until('it is measured', () => Date.parse(read().at) > since, 90_000);
      const { cpu, memory, storage, connections } = read();
      // Those that are held, that of the rows, and that of whoever measures.
      expect(connections).toBeGreaterThanOrEqual(HELD + 1);
      expect(connections).toBeLessThanOrEqual(HELD + 3);
      expect(storage).toBeCloseTo((Number(counted[0]?.[0]?.['size']) / (5 * 2 ** 30)) * 100, 0);
      const own = guestProcesses(dev, guestField(database.name, '{.status.vmid}'));
      const least = (own.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / (512 * 2 ** 20)) * 100;
      expect(memory).toBeGreaterThan(least * 0.7);
      expect(memory).toBeLessThan(100);
      expect(cpu).toBeGreaterThanOrEqual(0);
      expect(cpu).toBeLessThan(150);
      console.log(
        `  PostgreSQL takes ${memory} % of its memory, of which ${least.toFixed(1)} % are its processes' own`,
      );
    } finally {
      await Promise.all(held.map((sql) => sql.end({ timeout: 1 })));
    }
  });

  it('PostgreSQL takes another release of the same series with the same rows', async () => {
    const database = databases.get('postgresql');
    if (!database) throw new Error('PostgreSQL did not come up.');
    const { name, rows, url } = database;
    const before = sumOfRows(await rows.read());
    const guest = dev.field(`database/${name}`, '{.status.guest}');
    const [, newer] = recipes.postgresql.tags;
    applyDatabase(dev, 'postgresql', name, `version: "${newer}", plan: starter`);
    await until('another guest serves', () => dev.field(`database/${name}`, '{.status.guest}') !== guest);
    dev.must('wait', `database/${name}`, '-n', PROJECT, '--for=condition=Ready', '--timeout', '120s');
    expect(await connectionUrl(dev, name)).toBe(url);
    expect(sumOfRows(await rows.read())).toEqual(before);
  });

  it('a service gets the address and login of a database', () => {
    buildShell(dev);
    const command = 'echo "found $DB_HOST $DB_USER"; sleep 1000';
    const text = `apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: reader, namespace: ${PROJECT} }
spec:
  type: worker
  source: { type: image, image: "shell:1" }
  build: { startCommand: '${command}' }
  resources: { cpu: 500m, memory: 64Mi, storage: 256Mi }
  env:
    - { name: DB_HOST, valueFrom: { databaseRef: { name: my-postgresql, key: host } } }
    - { name: DB_USER, valueFrom: { databaseRef: { name: my-postgresql, key: username } } }
`;
    dev.must('apply', '-f', dev.write('reader.yaml', text), '--wait', '--timeout', '120s');
    const host = dev.field('database/my-postgresql', '{.status.endpoint}').split(':')[0];
    expect(dev.must('logs', 'service/reader', '-n', PROJECT)).toContain(`found ${host} app`);
  });
});
