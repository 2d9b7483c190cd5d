import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, Pool, request, WebSocket, type Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../controller/clock.ts';
import { connectCaddy } from './connect-caddy.ts';
import type { TlsMode } from './client.ts';
import { createRouteTable, type RouteTable } from './route-table.ts';
import { startCaddy, whyNoCaddy, type TestCaddy } from './testing/caddy-process.ts';
import { startUpstream, type UpstreamApp } from './testing/upstream-app.ts';

const reason = whyNoCaddy();
if (reason !== undefined) console.log(`Skipping the tests of traffic through Caddy: ${reason}.`);

const { signal } = new AbortController();

describe.skipIf(reason !== undefined).each([
  ['Caddy', false],
  ['a Caddy behind another', true],
])('traffic through %s', (_, isSplit) => {
  let caddy: TestCaddy;
  let router: TestCaddy | undefined;
  let table: RouteTable;
  let blue: UpstreamApp;
  let green: UpstreamApp;

  beforeAll(async () => {
    [caddy, blue, green] = await Promise.all([startCaddy(), startUpstream('blue'), startUpstream('green')]);
    router = isSplit ? await startCaddy() : undefined;
    const behind = router && { endpoint: router.endpoint, socket: join(router.folder, 'router.sock') };
    table = createRouteTable({
      client: connectCaddy({ endpoint: caddy.endpoint, router: behind }),
      clock: systemClock,
      onLateAnswer: () => undefined,
    });
    table.configure({ httpPort: caddy.httpPort, httpsPort: caddy.httpsPort, bind: '127.0.0.1' });
  });
  afterAll(async () => {
    await table?.close();
    await Promise.all([caddy, router, blue, green].map((thing) => thing?.[Symbol.asyncDispose]()));
  });

  async function route(id: string, upstreams: readonly string[], host = `${id}.localhost`, tls: TlsMode = 'off') {
    table.put({ id, hosts: [{ host, tls }], upstreams });
    expect(await table.answered(id, 10_000, signal), String(table.refusalOf(id)?.message)).toBe(true);
    expect(table.refusalOf(id)).toBeUndefined();
  }

  async function get(host: string, path = '/', headers: Record<string, string> = {}): Promise<Dispatcher.ResponseData> {
    return request(`http://127.0.0.1:${caddy.httpPort}${path}`, { headers: { host, ...headers } });
  }

  async function text(host: string, path = '/'): Promise<string> {
    return (await get(host, path)).body.text();
  }

  it('goes to all upstreams of a host', async () => {
    await route('both', [blue.address, green.address]);
    const names = await Promise.all(Array.from({ length: 20 }, () => text('both.localhost')));
    expect(new Set(names)).toEqual(new Set(['blue', 'green']));
  });

  it('goes to a wildcard only when no route has the name itself', async () => {
    await route('any', [blue.address], '*.any.localhost');
    await route('one', [green.address], 'one.any.localhost');
    expect(await text('other.any.localhost')).toBe('blue');
    expect(await text('one.any.localhost')).toBe('green');
  });

  it('answers 404 for a host nobody has, and 503 with Retry-After for one without an upstream', async () => {
    await route('empty', []);
    expect((await get('nobody.localhost')).statusCode).toBe(404);
    const answer = await get('empty.localhost');
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5', server: 'Caddy' } });
  });

  it('tells the application who asked for what, and believes no client about it', async () => {
    await route('told', [blue.address]);
    const answer = await get('told.localhost', '/headers', {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil',
      'x-forwarded-proto': 'https',
    });
    expect(await answer.body.json()).toMatchObject({
      host: 'told.localhost',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'told.localhost',
    });
  });

  it('tries another upstream when one does not take the connection', async () => {
    const gone = await startUpstream('gone');
    await gone[Symbol.asyncDispose]();
    await route('retry', [gone.address, blue.address]);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const url = `http://127.0.0.1:${caddy.httpPort}/`;
        return (await request(url, { method: 'POST', headers: { host: 'retry.localhost' } })).body.text();
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['blue']));
  });

  it('lets requests under way and streams of events finish when their upstream leaves', async () => {
    await route('drain', [blue.address]);
    const before = blue.answered;
    const slow = text('drain.localhost', '/slow');
    const events = await get('drain.localhost', '/events');
    let received = 0;
    events.body.on('data', () => (received += 1)).on('error', () => undefined);
    await until(() => blue.answered === before + 2 && received > 0);
    await route('drain', [green.address]);
    expect(await text('drain.localhost')).toBe('green');
    const atSwitch = received;
    await until(() => received > atSwitch + 5);
    blue.release();
    expect(await slow).toBe('slow blue');
    events.body.destroy();
    await until(() => blue.streams === 0);
    expect(await text('drain.localhost')).toBe('green');
  });

  it('passes WebSockets through', async () => {
    await route('socket', [blue.address]);
    const dispatcher = new Agent({
      connect: { lookup: (_, __, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) },
    });
    const socket = new WebSocket(`ws://socket.localhost:${caddy.httpPort}/socket`, { dispatcher });
    const echoed = new Promise<unknown>((resolve, fail) => {
      socket.addEventListener('message', ({ data }) => resolve(data));
      socket.addEventListener('error', () => fail(new Error('The WebSocket failed.')));
    });
    socket.addEventListener('open', () => socket.send('hi'));
    expect(await echoed).toBe('hi');
    socket.close();
    await dispatcher.destroy();
  });

  // A Caddy that is alone starts its ports anew with each change, when Linux can reset a connection that is being opened.
  const what = isSplit ? 'fails no request' : 'fails no request but by rare resets';
  it(`${what} on connections that are kept while upstreams change 30 times`, async () => {
    await route('load', [blue.address]);
    const pool = new Pool(`http://127.0.0.1:${caddy.httpPort}`, { connections: 8 });
    const failures: string[] = [];
    let answers = 0;
    const ending = new AbortController();
    const clients = Array.from({ length: 8 }, async () => {
      while (!ending.signal.aborted) {
        try {
          const answer = await pool.request({
            path: '/',
            method: 'POST',
            body: 'x',
            headers: { host: 'load.localhost' },
          });
          await answer.body.dump();
          if (answer.statusCode === 200) answers += 1;
          else failures.push(String(answer.statusCode));
        } catch (error) {
          failures.push(String(error));
        }
      }
    });
    for (let change = 0; change < 30; change += 1) {
      await route('load', [change % 2 === 0 ? green.address : blue.address]);
      await sleep(50);
    }
    ending.abort();
    await Promise.all(clients);
    await pool.destroy();
    expect(failures.filter((failure) => isSplit || !failure.includes('ECONNRESET'))).toEqual([]);
    expect(failures.length).toBeLessThan(answers / 100);
    expect(answers).toBeGreaterThan(100);
  });

  it('serves TLS and HTTP/2 with a certificate of its own, and leads there from HTTP', async () => {
    await route('safe', [blue.address], 'safe.localhost', 'internal');
    const redirect = await get('safe.localhost', '/a?b={env.HOME}');
    expect(redirect.statusCode).toBe(308);
    expect(redirect.headers['location']).toBe(`https://safe.localhost:${caddy.httpsPort}/a?b={env.HOME}`);
    const session = connectHttp2(`https://127.0.0.1:${caddy.httpsPort}`, {
      servername: 'safe.localhost',
      rejectUnauthorized: false,
    });
    const body = await new Promise<string>((resolve, fail) => {
      session.on('error', fail);
      const stream = session.request({ ':path': '/headers', ':authority': 'safe.localhost' });
      let received = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      stream.on('end', () => resolve(received));
      stream.on('error', fail);
    });
    session.close();
    expect(JSON.parse(body)).toMatchObject({ host: 'safe.localhost', 'x-forwarded-proto': 'https' });
  });

  it.each(['{env.HOME}', '{http.request.host}.localhost', '*.localhost', 'empty.localhost{', '"', '%00'])(
    'reads nothing into the Host header %j',
    async (host) => {
      const answer = await get(host, '/{env.HOME}');
      expect([400, 404]).toContain(answer.statusCode);
      expect(await answer.body.text()).not.toContain(process.env['HOME'] ?? '/root');
    },
  );

  it('takes a thousand routes with one change and goes on', async () => {
    for (let index = 0; index < 1_000; index += 1)
      table.put({
        id: `many-${index}`,
        hosts: [{ host: `m${index}.many.localhost`, tls: 'off' }],
        upstreams: [blue.address],
      });
    expect(await table.answered('many-999', 30_000, signal)).toBe(true);
    expect(await text('m999.many.localhost')).toBe('blue');
    await route('many-5', [green.address], 'm5.many.localhost');
    expect(await text('m5.many.localhost')).toBe('green');
  });
});

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 5 }).toBe(true);
}
