import { beforeEach, describe, expect, it } from 'vitest';
import type { AdminApi } from './admin-api.ts';
import { createCaddyClient } from './caddy-client.ts';
import type { ProxyClient, ProxyRoute, TlsMode } from './client.ts';
import { createFakeCaddy, type FakeCaddy } from './fake.ts';
import { createSplitCaddyClient } from './split-caddy-client.ts';

const { signal } = new AbortController();
const settings = { httpPort: 80, httpsPort: 443 };
const socket = '/run/router.sock';

let edge: FakeCaddy;
let router: FakeCaddy;
/** Which of the two was changed, in order. */
let changes: string[];
/** The process dies when it is about to make this change, counted from 1. */
let diesAt: number;
let client: ProxyClient;

beforeEach(() => {
  [edge, router] = [createFakeCaddy({ config: {} }), createFakeCaddy({ config: {} })];
  changes = [];
  diesAt = Infinity;
  client = newClient();
});

function newClient(): ProxyClient {
  return createSplitCaddyClient({ edge: watched('edge', edge), router: watched('router', router), socket });
}

function watched(name: string, admin: AdminApi): AdminApi {
  return {
    ...admin,
    async call(request, given) {
      if (request.method !== 'GET' && request.path !== '/adapt') {
        changes.push(name);
        if (changes.length === diesAt) throw new Error('The process died.');
      }
      return admin.call(request, given);
    },
  };
}

function route(id: string, tls: TlsMode, upstream = '10.0.0.1:80', host = `${id}.localhost`): ProxyRoute {
  return { id, hosts: [{ host, tls }], upstreams: [upstream] };
}

async function write(...routes: ProxyRoute[]): Promise<ReadonlyMap<string, ProxyRoute>> {
  const { revision } = await client.read(signal);
  changes = [];
  const table = { settings, routes: new Map(routes.map((one) => [one.id, one])) };
  return (await client.write(table, revision, signal)).routes;
}

async function writeAndDie(at: number, ...routes: ProxyRoute[]): Promise<void> {
  diesAt = at;
  await expect(write(...routes)).rejects.toThrow('The process died.');
  diesAt = Infinity;
  client = newClient();
}

describe('two Caddys, one behind the other', () => {
  it('changes nothing in the edge when only guests change', async () => {
    await write(route('a', 'auto'), route('b', 'off'));
    const before = structuredClone(edge.config);
    const after = await write(route('a', 'auto', '10.0.0.2:80'), route('b', 'off', '10.0.0.3:80'));
    expect(changes).toEqual(['router']);
    expect(edge.config).toEqual(before);
    expect(after.get('a')?.upstreams).toEqual(['10.0.0.2:80']);
    expect(JSON.stringify(edge.config)).not.toContain('10.0.0.');
  });

  it('changes nothing in the edge when a host without a certificate comes or goes', async () => {
    await write(route('a', 'off'));
    await write(route('a', 'off'), route('b', 'off'));
    expect(changes).toEqual(['router']);
    await write(route('b', 'off'));
    expect(changes).toEqual(['router']);
  });

  it('changes nothing in the edge when the same routes come in another order', async () => {
    await write(route('a', 'auto'), route('b', 'internal'), route('c', 'auto'));
    await write(route('c', 'auto'), route('b', 'internal'), route('a', 'auto'));
    expect(changes).not.toContain('edge');
  });

  it('tells the router first of what comes, and the edge first of what goes', async () => {
    await write();
    await write(route('a', 'auto'));
    expect(changes).toEqual(['router', 'edge']);
    await write();
    expect(changes).toEqual(['edge', 'router']);
    await write(route('a', 'auto'));
    await write(route('b', 'auto'));
    expect(changes).toEqual(['edge', 'router', 'edge']);
  });

  it.each<[string, ProxyRoute[], ProxyRoute[]]>([
    ['comes', [], [route('a', 'auto')]],
    ['goes', [route('a', 'auto')], []],
    ['gives way to another', [route('a', 'auto')], [route('b', 'internal')]],
    ['gets a certificate', [route('a', 'off')], [route('a', 'internal')]],
    ['loses its certificate', [route('a', 'auto')], [route('a', 'off')]],
  ])(
    'acknowledges nothing that is not in force in both, wherever it is cut off while a host %s',
    async (_, from, to) => {
      await write(...from);
      await write(...to);
      const steps = changes.length;
      for (let at = 1; at <= steps; at += 1) {
        await write(...from);
        await writeAndDie(at, ...to);
        const { routes } = await client.read(signal);
        for (const { id, hosts, upstreams } of routes.values())
          for (const { host, tls } of hosts) {
            expect(router.upstreamsOf(host), `${id} at ${at}`).toEqual(upstreams);
            expect(secureInEdge(host), `${id} at ${at}`).toBe(tls === 'off' ? undefined : tls);
          }
        // Nothing is passed on with a certificate to a router that does not know it.
        for (const host of ['a.localhost', 'b.localhost'])
          if (secureInEdge(host) !== undefined) expect(router.upstreamsOf(host), `${host} at ${at}`).toBeDefined();
        expect(await write(...to)).toEqual(new Map(to.map((one) => [one.id, one])));
      }
    },
  );

  it('takes over the routes of a Caddy that did it all so far', async () => {
    const alone = createCaddyClient({ admin: edge });
    const routes = new Map([route('a', 'auto'), route('b', 'off')].map((one) => [one.id, one]));
    await alone.write({ settings, routes }, (await alone.read(signal)).revision, signal);
    const { routes: found } = await client.read(signal);
    expect(found).toEqual(routes);
    await write(...found.values());
    expect(changes).toEqual(['router', 'edge']);
    expect(router.upstreamsOf('a.localhost')).toEqual(['10.0.0.1:80']);
    expect(secureInEdge('a.localhost')).toBe('auto');
    expect(JSON.stringify(edge.config)).not.toContain('10.0.0.');
  });

  it('notices that either lost its configuration, and puts it back', async () => {
    for (const caddy of [edge, router]) {
      await write(route('a', 'auto'));
      expect(await client.stands(signal)).toBe(true);
      caddy.load({});
      expect(await client.stands(signal)).toBe(false);
      expect((await client.read(signal)).routes.size).toBe(0);
      expect((await write(route('a', 'auto'))).size).toBe(1);
    }
  });

  it('says which of the two does not answer, and touches neither', async () => {
    await write(route('a', 'auto'));
    for (const caddy of [edge, router]) {
      caddy.setReachable(false);
      await expect(client.read(signal)).rejects.toMatchObject({ meaning: 'unreachable' });
      caddy.setReachable(true);
    }
  });

  it('goes on with the routes of others when the edge refuses one', async () => {
    await write(route('good', 'auto'));
    edge.refuseHost('bad.localhost');
    const bad = write(route('good', 'auto', '10.0.0.2:80'), route('bad', 'auto'));
    await expect(bad).rejects.toMatchObject({
      meaning: 'refused',
      message: expect.stringContaining('The Caddy at spec.endpoint refuses'),
    });
    const { routes } = await client.read(signal);
    expect([...routes.keys()]).toEqual(['good']);
    expect((await write(...routes.values())).get('good')?.upstreams).toEqual(['10.0.0.2:80']);
    expect(router.upstreamsOf('bad.localhost')).toBeUndefined();
  });

  it('leaves what is not ours in both, and takes out all that is ours', async () => {
    const theirs = { listen: [':8000'] };
    for (const caddy of [edge, router]) caddy.load({ apps: { http: { servers: { theirs } } } });
    await write(route('a', 'internal'));
    const { revision } = await client.read(signal);
    await client.clear(revision, signal);
    for (const caddy of [edge, router]) expect(caddy.config).toMatchObject({ apps: { http: { servers: { theirs } } } });
    expect(JSON.stringify([edge.config, router.config])).not.toContain('containr');
  });

  it.each(['relative.sock', '/run/{env.HOME}', '/run/a\nb', '/run/a|0777', ''])(
    'never sends the socket %j',
    async (path) => {
      client = createSplitCaddyClient({ edge, router, socket: path });
      await expect(write(route('a', 'off'))).rejects.toMatchObject({ meaning: 'invalid' });
      expect(edge.reloads + router.reloads).toBe(0);
    },
  );

  it('asks what a change of a route starts anew whether it keeps WebSockets', async () => {
    router = createFakeCaddy({ config: {}, keepsStreams: true });
    client = newClient();
    expect((await client.features(signal)).keepsStreams).toBe(true);
  });
});

function secureInEdge(host: string): string | undefined {
  const text = JSON.stringify(edge.config);
  return (['auto', 'internal'] as const).find((mode) =>
    new RegExp(`"containr-pass-${mode}","match":\\[\\{"host":\\[[^\\]]*"${host}"`).test(text),
  );
}
