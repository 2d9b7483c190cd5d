import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { createProxmoxEngine, type ProxmoxEngine, type ProxmoxEngineOptions } from './engine.ts';
import { sendData, sendRefusal, startHttpsServer, type Respond, type TestServer } from './testing/https-server.ts';

const signal = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function serve(respond: Respond, port?: number): Promise<TestServer> {
  const server = await startHttpsServer(respond, port === undefined ? {} : { port });
  open.push(server);
  return server;
}

function engineFor(urls: readonly string[], options: Partial<ProxmoxEngineOptions> = {}): ProxmoxEngine {
  const tls = { insecureSkipVerify: true };
  const engine = createProxmoxEngine({ endpoints: urls, tokenId: 'a@pve!b', tokenSecret: 'x', tls, ...options });
  open.push(engine);
  return engine;
}

async function deadUrl(): Promise<string> {
  const server = await startHttpsServer(() => undefined);
  await server.close();
  return server.url;
}

function ask(engine: ProxmoxEngine, method: string, path: string, params?: Record<string, unknown>): Promise<unknown> {
  return engine.during({ what: 'try', signal }).doRequest(method, `/api2/json${path}`, `/api2/json${path}`, params);
}

const answering: Respond = (_, response) => sendData(response, 'fine');
const start = '/nodes/pve1/lxc/100/status/start';

describe('several endpoints', () => {
  it.each(['get', 'post', 'put', 'delete'])(
    'takes a %s elsewhere when an endpoint cannot be connected to',
    async (method) => {
      const alive = await serve(answering);
      expect(await ask(engineFor([await deadUrl(), alive.url]), method, start)).toBe('fine');
      expect(alive.received).toHaveLength(1);
    },
  );

  it('keeps to the endpoint that works, and tries the other again after a rest', async () => {
    const dead = await deadUrl();
    const alive = await serve(answering);
    const news: [string, string | undefined][] = [];
    const engine = engineFor([dead, alive.url], { onEndpoint: (...told) => news.push(told) });
    await ask(engine, 'get', '/version');
    expect(news).toEqual([[dead, 'ECONNREFUSED']]);

    const revived = await serve(answering, Number(new URL(dead).port));
    for (let n = 0; n < 3; n++) await ask(engine, 'get', '/version');
    expect(revived.received).toHaveLength(0);

    await alive.close();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await ask(engine, 'get', '/version')).toBe('fine');
    expect(revived.received).toHaveLength(1);
    expect(news.at(-1)).toEqual([dead, undefined]);
  });

  it('names every endpoint when none can be reached', async () => {
    const [one, two] = [await deadUrl(), await deadUrl()];
    const failed = ask(engineFor([one, two]), 'post', start);
    await expect(failed).rejects.toMatchObject({ meaning: 'noAnswer', code: 'Unavailable' });
    await expect(failed).rejects.toThrow(new RegExp(`${one}: ECONNREFUSED; ${two}: ECONNREFUSED`));
  });

  it.each(['post', 'put', 'delete'])('never sends a %s twice once it may have arrived', async (method) => {
    const breaking = await serve((_, response) => void response.destroy());
    const other = await serve(answering);
    const failed = ask(engineFor([breaking.url, other.url]), method, start);
    await expect(failed).rejects.toMatchObject({ meaning: 'noAnswer' });
    await expect(failed).rejects.toThrow('It may have been done all the same.');
    expect([breaking.received.length, other.received.length]).toEqual([1, 0]);
  });

  it('reads elsewhere when a connection breaks', async () => {
    const breaking = await serve((_, response) => void response.destroy());
    const other = await serve(answering);
    expect(await ask(engineFor([breaking.url, other.url]), 'get', '/version')).toBe('fine');
  });

  it('reads elsewhere when an endpoint is silent, and then leaves it alone for a while', async () => {
    const silent = await serve(() => undefined);
    const other = await serve(answering);
    const engine = engineFor([silent.url, other.url], { timeouts: { read: 150 } });
    for (let n = 0; n < 3; n++) expect(await ask(engine, 'get', '/version')).toBe('fine');
    expect(silent.received).toHaveLength(1);
  });
});

describe('one endpoint', () => {
  it('reads again after a broken connection, and gives up after three tries', async () => {
    let failures = 2;
    const server = await serve((_, response) =>
      failures-- > 0 ? void response.destroy() : sendData(response, 'fine'),
    );
    const engine = engineFor([server.url]);
    expect(await ask(engine, 'get', '/version')).toBe('fine');
    failures = Infinity;
    await expect(ask(engine, 'get', '/version')).rejects.toMatchObject({ meaning: 'noAnswer' });
    expect(server.received).toHaveLength(6);
  });

  it('does not repeat what Proxmox refused', async () => {
    const server = await serve((_, response) =>
      sendRefusal(response, 500, 'CT is locked (backup)', 'CT is locked (backup)'),
    );
    await expect(ask(engineFor([server.url]), 'get', '/nodes/pve1/lxc/100/config')).rejects.toMatchObject({
      meaning: 'locked',
    });
    expect(server.received).toHaveLength(1);
  });

  it('gives up on a change that is not answered in time', async () => {
    const server = await serve(() => undefined);
    const engine = engineFor([server.url], { timeouts: { change: 100 } });
    await expect(ask(engine, 'post', start)).rejects.toMatchObject({ meaning: 'noAnswer' });
    expect(server.received).toHaveLength(1);
  });
});

describe('a node that cannot be reached', () => {
  const hop: Respond = ({ url }, response) =>
    url.includes('/pve2/') ? sendRefusal(response, 595, 'No route to host') : sendData(response, 'fine');

  it('is read as such; a read is tried once more, a change is not', async () => {
    const server = await serve(hop);
    const change = ask(engineFor([server.url]), 'post', '/nodes/pve2/lxc');
    await expect(change).rejects.toMatchObject({ meaning: 'nodeUnreachable' });
    expect(server.received).toHaveLength(1);
    const read = ask(engineFor([server.url]), 'get', '/nodes/pve2/lxc');
    await expect(read).rejects.toMatchObject({ meaning: 'nodeUnreachable' });
    expect(server.received).toHaveLength(3);
  });

  it('does not cost the endpoint its good name when it hangs', async () => {
    const server = await serve(({ url }, response) =>
      url.includes('/pve2/') ? undefined : sendData(response, 'fine'),
    );
    const news: string[] = [];
    const engine = engineFor([server.url], { timeouts: { read: 80 }, onEndpoint: (url) => news.push(url) });
    const hung = await Promise.allSettled(Array.from({ length: 20 }, () => ask(engine, 'get', '/nodes/pve2/lxc')));
    expect(hung.every(({ status }) => status === 'rejected')).toBe(true);
    expect(server.received.length).toBeLessThan(10);
    expect(await ask(engine, 'get', '/cluster/resources')).toBe('fine');
    expect(news).toEqual([]);
  });

  it('fails calls at once for a while, without touching the other nodes', async () => {
    const clock = new FakeClock();
    const server = await serve(hop);
    const engine = engineFor([server.url], { clock });
    for (let n = 0; n < 5; n++) {
      await expect(ask(engine, 'post', '/nodes/pve2/lxc')).rejects.toMatchObject({ meaning: 'nodeUnreachable' });
    }
    expect(server.received).toHaveLength(3);
    expect(await ask(engine, 'post', '/nodes/pve1/lxc')).toBe('fine');
    expect(await ask(engine, 'get', '/version')).toBe('fine');

    clock.pause(10_000);
    const probes = await Promise.allSettled([1, 2, 3].map(() => ask(engine, 'post', '/nodes/pve2/lxc')));
    expect(probes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(server.received).toHaveLength(6);
  });

  it('is asked normally again once it answered', async () => {
    const clock = new FakeClock();
    let isAway = true;
    const server = await serve((request, response) => (isAway ? hop(request, response) : answering(request, response)));
    const engine = engineFor([server.url], { clock });
    for (let n = 0; n < 3; n++) await expect(ask(engine, 'post', '/nodes/pve2/lxc')).rejects.toThrow();
    isAway = false;
    clock.pause(10_000);
    for (let n = 0; n < 3; n++) expect(await ask(engine, 'post', '/nodes/pve2/lxc')).toBe('fine');
  });
});

describe('calls at once', () => {
  /** Holds each request for a moment and counts how many are held at once, by node. */
  function counting() {
    const held = new Map<string, number>();
    const most = new Map<string, number>();
    const respond: Respond = ({ url }, response) => {
      const node = /nodes\/(\w+)/.exec(url)?.[1] ?? '';
      held.set(node, (held.get(node) ?? 0) + 1);
      most.set(node, Math.max(most.get(node) ?? 0, held.get(node) ?? 0));
      setTimeout(() => {
        held.set(node, (held.get(node) ?? 0) - 1);
        sendData(response, 'fine');
      }, 30);
    };
    return { most, respond };
  }

  it('changes no more on a node than it is told to, and nodes do not wait for each other', async () => {
    const { most, respond } = counting();
    const server = await serve(respond);
    const engine = engineFor([server.url], { perNode: 2 });
    const calls = Array.from({ length: 12 }, (_, n) => ask(engine, 'post', `/nodes/pve${n % 2}/lxc`));
    await Promise.all(calls);
    expect([...most.values()]).toEqual([2, 2]);
  });

  it('bounds reads, and does not let changes or the readers of other nodes wait for them', async () => {
    const { most, respond } = counting();
    const server = await serve(respond);
    const engine = engineFor([server.url]);
    await Promise.all([
      ...Array.from({ length: 30 }, () => ask(engine, 'get', '/nodes/pve1/lxc')),
      ask(engine, 'post', '/nodes/pve1/lxc'),
      ask(engine, 'get', '/nodes/pve2/lxc'),
      ask(engine, 'get', '/cluster/resources'),
    ]);
    expect(most.get('pve1')).toBeLessThanOrEqual(5);
    const first = server.received.slice(0, 10).map(({ method, url }) => `${method} ${url}`);
    expect(first).toEqual(
      expect.arrayContaining([
        'POST /api2/json/nodes/pve1/lxc',
        'GET /api2/json/nodes/pve2/lxc',
        'GET /api2/json/cluster/resources',
      ]),
    );
  });
});
