import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, Pool, request, WebSocket } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../controller/clock.ts';
import { connectCaddy } from './connect-caddy.ts';
import { createRouteTable, type RouteTable } from './route-table.ts';
import { startCaddy, whyNoCaddy, type TestCaddy } from './testing/caddy-process.ts';
import { startUpstream, type UpstreamApp } from './testing/upstream-app.ts';

const reason = whyNoCaddy();
if (reason !== undefined) console.log(`Skipping the tests of traffic through two Caddys: ${reason}.`);

const { signal } = new AbortController();
const CHANGES = 150;

describe.skipIf(reason !== undefined)('traffic through a Caddy behind another', () => {
  let edge: TestCaddy;
  let router: TestCaddy;
  let table: RouteTable;
  let blue: UpstreamApp;
  let green: UpstreamApp;

  beforeAll(async () => {
    [edge, router, blue, green] = await Promise.all([
      startCaddy(),
      startCaddy(),
      startUpstream('blue'),
      startUpstream('green'),
    ]);
    const behind = { endpoint: router.endpoint, socket: join(router.folder, 'the router.sock') };
    table = createRouteTable({
      client: connectCaddy({ endpoint: edge.endpoint, router: behind }),
      clock: systemClock,
      onLateAnswer: () => undefined,
    });
    table.configure({ httpPort: edge.httpPort, httpsPort: edge.httpsPort, bind: '127.0.0.1' });
  });
  afterAll(async () => {
    await table?.close();
    await Promise.all([edge, router, blue, green].map((thing) => thing?.[Symbol.asyncDispose]()));
  });

  async function route(...upstreams: string[]): Promise<void> {
    table.put({ id: 'web', hosts: [{ host: 'web.localhost', tls: 'off' }], upstreams });
    expect(await table.answered('web', 10_000, signal), String(table.refusalOf('web')?.message)).toBe(true);
  }

  it.each([
    ['kept', 'GET'],
    ['kept', 'POST'],
    ['new', 'GET'],
    ['new', 'POST'],
  ] as const)(
    `fails no request on %s connections (%s) while upstreams change ${CHANGES} times`,
    async (kind, method) => {
      await route(blue.address);
      const pool = new Pool(`http://127.0.0.1:${edge.httpPort}`, { connections: 8 });
      const failures: string[] = [];
      const ending = new AbortController();
      let answers = 0;
      const clients = Array.from({ length: 8 }, async () => {
        while (!ending.signal.aborted) {
          const asked = pool.request({
            path: '/',
            method,
            headers: { host: 'web.localhost' },
            reset: kind === 'new',
            ...(method === 'POST' && { body: 'x' }),
          });
          const status = await asked.then(
            async ({ statusCode, body }) => ((await body.text()) === '' ? 'no answer' : statusCode),
            (error: unknown) => String(error),
          );
          if (status === 200) answers += 1;
          else failures.push(String(status));
        }
      });
      for (let change = 0; change < CHANGES; change += 1) {
        await route(change % 2 === 0 ? green.address : blue.address);
        await sleep(10);
      }
      ending.abort();
      await Promise.all(clients);
      await pool.destroy();
      expect(failures).toEqual([]);
      expect(answers).toBeGreaterThan(CHANGES);
    },
  );

  it('closes no connection of a user when upstreams change, however long it was quiet', async () => {
    await route(blue.address);
    const socket = connect(edge.httpPort, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    const ask = async (expected: string): Promise<void> => {
      received = '';
      socket.write('GET / HTTP/1.1\r\nHost: web.localhost\r\n\r\n');
      await expect.poll(() => received, { timeout: 10_000 }).toContain(`\r\n\r\n${expected}`);
      expect(received.toLowerCase()).not.toContain('connection: close');
    };
    await ask('blue');
    for (const { name, address } of [
      { name: 'green', address: green.address },
      { name: 'blue', address: blue.address },
    ]) {
      await route(address);
      await sleep(300);
      await ask(name);
    }
    socket.destroy();
  });

  it('keeps a WebSocket over a change exactly where it says that it does', async () => {
    await route(blue.address);
    const dispatcher = new Agent({
      connect: { lookup: (_, __, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) },
    });
    const socket = new WebSocket(`ws://web.localhost:${edge.httpPort}/socket`, { dispatcher });
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    await route(green.address);
    await sleep(500);
    expect(socket.readyState === WebSocket.OPEN).toBe(table.state().keepsStreams);
    socket.close();
    await dispatcher.destroy();
  });

  it('goes on after the router was killed and told anew', async () => {
    await route(green.address);
    await router.restart();
    const asked = request(`http://127.0.0.1:${edge.httpPort}/`, { headers: { host: 'web.localhost' } });
    await table.check(signal);
    const { statusCode, body } = await asked;
    expect([statusCode, await body.text()]).toEqual([200, 'green']);
  });
});
