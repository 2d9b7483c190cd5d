import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { createCaddyClient } from './caddy-client.ts';
import type { ProxyRoute } from './client.ts';
import { createFakeCaddy, type FakeCaddy } from './fake.ts';
import { createRouteTable, type RouteTable } from './route-table.ts';
import { createSplitCaddyClient } from './split-caddy-client.ts';

const { signal } = new AbortController();
const settings = { httpPort: 80, httpsPort: 443 };

let caddy: FakeCaddy;
let clock: FakeClock;
let table: RouteTable;
let late: string[];

beforeEach(() => {
  caddy = createFakeCaddy({ config: {} });
  clock = new FakeClock();
  late = [];
  table = newTable();
});

function newTable(): RouteTable {
  return createRouteTable({
    client: createCaddyClient({ admin: caddy }),
    clock,
    onLateAnswer: (ids) => void late.push(...ids),
  });
}

function route(id: string, ...upstreams: string[]): ProxyRoute {
  return { id, hosts: [{ host: `${id}.localhost`, tls: 'off' }], upstreams };
}

async function told(id: string): Promise<boolean> {
  return table.answered(id, 1_000, signal);
}

describe('a route table', () => {
  it('brings a burst in with one write, the last word for each route', async () => {
    table.configure(settings);
    for (let index = 0; index < 1_000; index += 1) table.put(route(`r${index}`, '10.0.0.1:80'));
    table.put(route('r5', '10.0.0.2:80'));
    table.remove('r6');
    expect(await told('r999')).toBe(true);
    expect(caddy.reloads).toBe(1);
    expect(caddy.upstreamsOf('r5.localhost')).toEqual(['10.0.0.2:80']);
    expect(caddy.upstreamsOf('r6.localhost')).toBeUndefined();
  });

  it('writes nothing before it knows the ports', async () => {
    table.put(route('web', '10.0.0.1:80'));
    await nextTurn();
    expect(caddy.reloads).toBe(0);
    table.configure(settings);
    expect(await told('web')).toBe(true);
  });

  it('has an answer for a route without a host: there is nothing to take', async () => {
    table.configure(settings);
    table.put({ id: 'web', hosts: [], upstreams: ['10.0.0.1:80'] });
    expect(await told('web')).toBe(true);
    table.put(route('web', '10.0.0.1:80'));
    expect(await told('web')).toBe(true);
    table.put({ id: 'web', hosts: [], upstreams: ['10.0.0.1:80'] });
    expect(await told('web')).toBe(true);
    expect(caddy.upstreamsOf('web.localhost')).toBeUndefined();
  });

  it('acknowledges what the proxy took, not what it was told', async () => {
    table.configure(settings);
    table.put(route('web', '10.0.0.1:80'));
    await told('web');
    caddy.setReachable(false);
    table.put(route('web', '10.0.0.2:80'));
    expect(await told('web')).toBe(false);
    expect(table.acknowledged('web')?.upstreams).toEqual(['10.0.0.1:80']);
    expect(table.refusalOf('web')?.code).toBe('Unavailable');
    caddy.setReachable(true);
    await table.check(signal);
    expect(table.acknowledged('web')?.upstreams).toEqual(['10.0.0.2:80']);
    expect(late).toEqual(['web']);
  });

  it('leaves what is in the proxy after a restart until it knows better, and writes nothing for nothing', async () => {
    table.configure(settings);
    for (const id of ['a', 'b', 'c']) table.put(route(id, '10.0.0.1:80'));
    await told('c');
    table = newTable();
    table.configure(settings);
    table.put(route('a', '10.0.0.1:80'));
    expect(await told('a')).toBe(true);
    expect(caddy.reloads).toBe(1);
    table.put(route('a', '10.0.0.9:80'));
    await told('a');
    expect(caddy.upstreamsOf('b.localhost')).toEqual(['10.0.0.1:80']);
    table.retain(new Set(['a', 'b']));
    await told('c');
    expect(caddy.upstreamsOf('b.localhost')).toEqual(['10.0.0.1:80']);
    expect(caddy.upstreamsOf('c.localhost')).toBeUndefined();
  });

  it('puts everything back when the proxy came back with another configuration', async () => {
    table.configure(settings);
    for (const id of ['a', 'b']) table.put(route(id, '10.0.0.1:80'));
    await told('b');
    caddy.load({ apps: { http: { servers: { theirs: { listen: [':8000'] } } } } });
    await table.check(signal);
    expect(caddy.upstreamsOf('a.localhost')).toEqual(['10.0.0.1:80']);
    expect(caddy.upstreamsOf('b.localhost')).toEqual(['10.0.0.1:80']);
    expect(JSON.stringify(caddy.config)).toContain('":8000"');
  });

  it('merges when somebody else writes at the same time', async () => {
    table.configure(settings);
    let times = 0;
    caddy.onChange(() => {
      times += 1;
      if (times <= 3) caddy.load({ apps: { http: { servers: { [`theirs${times}`]: { listen: [`:800${times}`] } } } } });
    });
    table.put(route('a', '10.0.0.1:80'));
    expect(await told('a')).toBe(true);
    expect(JSON.stringify(caddy.config)).toContain('theirs3');
  });

  it('finds the one route that the proxy refuses, and serves the others', async () => {
    caddy.load({ apps: { tls: { automation: { policies: [{ subjects: ['x.localhost'] }] } } } });
    table.configure(settings);
    caddy.refuseHost('r7.localhost');
    for (let index = 0; index < 50; index += 1) table.put(route(`r${index}`, '10.0.0.1:80'));
    await told('r49');
    expect(table.refusalOf('r7')?.message).toMatch(/refuses/);
    expect(caddy.upstreamsOf('r6.localhost')).toEqual(['10.0.0.1:80']);
    expect(caddy.upstreamsOf('r49.localhost')).toEqual(['10.0.0.1:80']);
    expect(caddy.upstreamsOf('r7.localhost')).toBeUndefined();
    table.put({ ...route('r7', '10.0.0.1:80'), hosts: [{ host: 'other.localhost', tls: 'off' }] });
    expect(await told('r7')).toBe(true);
    expect(table.refusalOf('r7')).toBeUndefined();
  });

  it('finds the one route that the Caddy in front of another refuses, and serves the others', async () => {
    const edge = createFakeCaddy({ config: {} });
    const client = createSplitCaddyClient({ edge, router: caddy, socket: '/run/router.sock' });
    table = createRouteTable({ client, clock, onLateAnswer: () => undefined });
    edge.refuseHost('r3.localhost');
    table.configure(settings);
    for (let index = 0; index < 10; index += 1)
      table.put({ ...route(`r${index}`, '10.0.0.1:80'), hosts: [{ host: `r${index}.localhost`, tls: 'internal' }] });
    for (let index = 0; index < 10; index += 1) expect(await told(`r${index}`)).toBe(true);
    expect(table.refusalOf('r3')?.message).toMatch(/refuses/);
    expect(table.refusalOf('r4')).toBeUndefined();
    expect(table.acknowledged('r3')).toBeUndefined();
    expect(table.acknowledged('r9')?.upstreams).toEqual(['10.0.0.1:80']);
  });

  it('does not look for a culprit among the routes when the ports are refused', async () => {
    caddy.load({ apps: { http: { servers: { theirs: { listen: [':80'] } } } } });
    table.configure(settings);
    for (let index = 0; index < 100; index += 1) table.put(route(`r${index}`, '10.0.0.1:80'));
    expect(await told('r1')).toBe(false);
    expect(caddy.calls.length).toBeLessThan(10);
    expect(table.state().trouble?.message).toContain("already claimed by server 'theirs'");
    table.configure({ httpPort: 8080, httpsPort: 443 });
    expect(await told('r1')).toBe(true);
  });

  it.each([
    '{env.HOME}.localhost',
    '{http.request.host}',
    'a b',
    'a"b',
    'UPPER.localhost',
    '..',
    '*',
    '*.*.x',
    'a.localhost\n',
    '<script>',
    '',
  ])('never sends the host %j to the proxy', async (host) => {
    table.configure(settings);
    table.put({ id: 'bad', hosts: [{ host, tls: 'off' }], upstreams: ['10.0.0.1:80'] });
    table.put(route('good', '10.0.0.1:80'));
    await told('good');
    expect(table.refusalOf('bad')?.code).toBe('Invalid');
    expect(caddy.upstreamsOf('good.localhost')).toBeDefined();
    expect(JSON.stringify(caddy.config)).not.toContain('containr-bad');
  });

  it.each([
    '{env.HOME}:80',
    'unix//run/docker.sock',
    'example.com:80',
    '10.0.0.1',
    '10.0.0.1:0',
    '10.0.0.1:99999',
    '::1:80',
  ])('never sends the upstream %j to the proxy', async (upstream) => {
    table.configure(settings);
    table.put(route('bad', upstream));
    expect(table.refusalOf('bad')?.code).toBe('Invalid');
  });

  it.each([{ email: 'a{env.HOME}@example.com' }, { email: 'no address' }, { bind: '{env.HOME}' }])(
    'never sends the setting %j to the proxy',
    async (setting) => {
      table.configure({ ...settings, ...setting });
      table.put(route('a', '10.0.0.1:80'));
      expect(await told('a')).toBe(false);
      expect(table.refusalOf('a')?.code).toBe('Invalid');
      expect(caddy.reloads).toBe(0);
    },
  );

  it('listens where it is told to', async () => {
    table.configure({ ...settings, bind: '::1' });
    table.put(route('a', '10.0.0.1:80'));
    await told('a');
    expect(JSON.stringify(caddy.config)).toContain('"[::1]:80"');
  });

  it('takes all that is ours out again', async () => {
    caddy.load({ apps: { http: { servers: { theirs: { listen: [':8000'] } } } } });
    table.configure(settings);
    table.put(route('a', '10.0.0.1:80'));
    await told('a');
    await table.clear(signal);
    expect(caddy.config).toEqual({ apps: { http: { servers: { theirs: { listen: [':8000'] } } } } });
  });
});
