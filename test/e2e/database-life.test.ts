import { createConnection } from 'node:net';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildPostgres, buildRedis, buildShell, obstacleToImages } from './database-images.ts';
import { DevEnvironment, obstacleToContainers, until } from './dev-environment.ts';

const obstacle = obstacleToContainers() ?? obstacleToImages();
if (obstacle !== undefined) console.log(`Skipped, the life of databases in real containers: ${obstacle}.`);

const Databases = z.object({
  databases: z.array(z.object({ name: z.string(), connection_url: z.string().optional() })),
});
const ROWS = 500;

function database(name: string, engine: string, spec: string): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Database
metadata: { name: ${name}, namespace: shop }
spec: { engine: ${engine}, ${spec} }
`;
}

describe.skipIf(obstacle !== undefined)('the life of databases in real containers', () => {
  const dev = new DevEnvironment();

  beforeAll(async () => {
    await dev.start({ engine: 'lxc' });
    buildPostgres(dev, ['18', '18.4']);
    buildRedis(dev, ['7.2', '7.2.9']);
    buildShell(dev);
  });
  afterAll(() => dev.dispose());

  function apply(name: string, engine: string, spec: string): void {
    dev.must('apply', '-f', dev.write(`${name}.yaml`, database(name, engine, spec)));
    dev.must('wait', `database/${name}`, '-n', 'shop', '--for=condition=Ready', '--timeout', '120s');
  }

  async function url(name: string): Promise<string> {
    const answer = await fetch(`${dev.ready.url}/api/v1/databases`, {
      headers: { authorization: `Bearer ${dev.ready.token}` },
    });
    const { databases } = Databases.parse(await answer.json());
    return databases.find((one) => one.name === name)?.connection_url ?? '';
  }

  /** The guest that runs has been started anew, and the database answers. */
  async function changed(name: string, what: string, change: () => void): Promise<void> {
    const before = dev.field(`database/${name}`, '{.status.endpoint}');
    const startOf = (): string =>
      dev.field(`guest/${dev.field(`database/${name}`, '{.status.guest}')}`, '{.status.startedAt}');
    const started = startOf();
    change();
    await until(`${name} is started anew after ${what}`, () => startOf() !== started);
    dev.must('wait', `database/${name}`, '-n', 'shop', '--for=condition=Ready', '--timeout', '120s');
    expect(dev.field(`database/${name}`, '{.status.endpoint}')).toBe(before);
  }

  it('PostgreSQL is ready, and keeps its rows and address over restart, plan and version', async () => {
    const project = 'apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: { name: shop }\n';
    dev.must('apply', '-f', dev.write('project.yaml', project));
    const startedAt = Date.now();
    apply('main', 'postgresql', 'version: "18", plan: hobby');
    console.log(`  PostgreSQL was ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    const address = await url('main');
    let sql = postgres(address, { max: 1 });
    await sql`CREATE TABLE rows (n int PRIMARY KEY, word text)`;
    await sql`INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, ${ROWS}::int) AS n`;
    const sum = async (): Promise<unknown> =>
      (await sql`SELECT count(*)::int AS count, md5(string_agg(word, '' ORDER BY n)) AS sum FROM rows`)[0];
    const before = await sum();
    expect(before).toMatchObject({ count: ROWS });

    for (const [what, spec] of [
      ['restart', 'version: "18", plan: hobby, restartedAt: once'],
      ['plan', 'version: "18", plan: starter, restartedAt: once'],
      ['version', 'version: "18.4", plan: starter, restartedAt: once'],
    ] as const) {
      await sql.end({ timeout: 1 });
      await changed('main', what, () => apply('main', 'postgresql', spec));
      expect(await url('main')).toBe(address);
      sql = postgres(address, { max: 1 });
      expect(await sum()).toEqual(before);
    }
    await sql.end();
    expect(dev.field('volume/main-db-data', '{.status.size}')).toBe('5Gi');
    expect(dev.must('get', 'guests', '-n', 'shop', '-o', 'name').split('\n')).toHaveLength(1);
  });

  it('Redis is ready, and keeps its keys over restart and version', async () => {
    apply('cache', 'redis', 'version: "7.2", plan: hobby');
    const address = await url('cache');
    expect(await redis(address, 'SET greeting hello')).toContain('+OK');
    await changed('cache', 'restart', () => apply('cache', 'redis', 'version: "7.2", plan: hobby, restartedAt: once'));
    expect(await redis(address, 'GET greeting')).toContain('hello');
    await changed('cache', 'version', () =>
      apply('cache', 'redis', 'version: "7.2.9", plan: hobby, restartedAt: once'),
    );
    expect(await redis(address, 'GET greeting')).toContain('hello');
  });

  it('a service gets the address and login of a database', () => {
    const command = 'echo "found $DB_HOST $DB_USER"; sleep 1000';
    const text = `apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: reader, namespace: shop }
spec:
  type: worker
  source: { type: image, image: "shell:1" }
  build: { startCommand: '${command}' }
  resources: { cpu: 500m, memory: 64Mi, storage: 256Mi }
  env:
    - { name: DB_HOST, valueFrom: { databaseRef: { name: main, key: host } } }
    - { name: DB_USER, valueFrom: { databaseRef: { name: main, key: username } } }
`;
    dev.must('apply', '-f', dev.write('reader.yaml', text), '--wait', '--timeout', '120s');
    const host = dev.field('database/main', '{.status.endpoint}').split(':')[0];
    expect(dev.must('logs', 'service/reader', '-n', 'shop')).toContain(`found ${host} app`);
  });
});

/** One command after the login, over the protocol as people may type it. */
function redis(address: string, command: string): Promise<string> {
  const { hostname, port, password } = new URL(address);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection({ host: hostname, port: Number(port), timeout: 5_000 });
    socket.on('error', reject).on('timeout', () => reject(new Error('Redis does not answer.')));
    socket.on('data', (chunk) => (answer += chunk.toString())).on('end', () => resolve(answer));
    socket.write(`AUTH ${password}\r\n${command}\r\nQUIT\r\n`);
  });
}
