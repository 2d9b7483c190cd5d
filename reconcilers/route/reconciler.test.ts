import { beforeEach, describe, expect, it } from 'vitest';
import { findCondition } from '../../crds/condition.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION, DEPLOYMENT_LABEL, SERVICE_LABEL } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { Proxy } from '../../crds/proxy.ts';
import { Route } from '../../crds/route.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { World } from '../../test/harness/world.ts';
import { createCaddyClient } from '../providers/proxy/caddy-client.ts';
import { createFakeCaddy, type FakeCaddy } from '../providers/proxy/fake.ts';
import { createProxyPool } from '../providers/proxy/proxy-pool.ts';
import { createRouteTable } from '../providers/proxy/route-table.ts';
import { proxyReconciler } from '../proxy/reconciler.ts';
import { controlledBy } from '../shared/owner.ts';
import { testCondition, testGuest } from '../shared/testing.ts';
import { routeReconciler } from './reconciler.ts';

const writer = { manager: 'test' };
const key = { namespace: 'shop', name: 'web' };
const HOST = 'web-shop.apps.example.com';

let store: ResourceStore;
let caddy: FakeCaddy;
let world: World;

beforeEach(() => {
  const clock = new FakeClock();
  store = createMemoryStore({ clock });
  caddy = createFakeCaddy({ config: {} });
  world = new World({
    store,
    clock,
    build({ resourcesFor }) {
      const proxies = createProxyPool((_, onLateAnswer) =>
        createRouteTable({ client: createCaddyClient({ admin: caddy }), clock, onLateAnswer }),
      );
      return [
        proxyReconciler({ resources: resourcesFor(Proxy), proxies }),
        routeReconciler({ resources: resourcesFor(Route), proxies }),
      ];
    },
  });
});

function create<R extends Resource>(kind: Kind<R>, name: string, spec: unknown, more: object = {}): Promise<R> {
  const namespace = kind.scope === 'Cluster' ? undefined : key.namespace;
  return store.create(
    kind,
    kind.parseManifest({
      apiVersion: API_VERSION,
      kind: kind.kind,
      metadata: { name, ...(namespace !== undefined && { namespace }), ...more },
      spec,
    }),
    writer,
  );
}

async function deploy(revision: number, promoted = true): Promise<Deployment> {
  const made = await create(Deployment, `web-r${revision}`, {
    service: 'web',
    revision,
    build: 'web-b1',
    template: {},
  });
  return store.updateStatus(Deployment, { ...made, status: { ...made.status, promoted } }, writer);
}

async function run(deployment: Deployment, index: number, address: string): Promise<Guest> {
  const name = `${deployment.metadata.name}-${index}`;
  const { spec } = testGuest({ hostname: name });
  const labels = { [SERVICE_LABEL]: 'web', [DEPLOYMENT_LABEL]: deployment.metadata.name };
  const made = await create(Guest, name, spec, { labels, ownerReferences: [controlledBy(deployment)] });
  return tell(made, true, address);
}

async function tell(guest: Guest, ready: boolean, address = guest.status.addresses[0] ?? ''): Promise<Guest> {
  const condition = testCondition('Ready', ready ? 'True' : 'False', ready ? 'Healthy' : 'Unhealthy');
  const status = { ...guest.status, power: 'running' as const, addresses: [address], conditions: [condition] };
  return store.updateStatus(Guest, { ...guest, status }, writer);
}

async function web(): Promise<Route['status'] & { ready: string | undefined }> {
  const route = await store.get(Route, key);
  if (!route) throw new Error('There is no Route.');
  return { ...route.status, ready: findCondition(route.status.conditions, 'Ready')?.reason };
}

async function withProxy(): Promise<Proxy> {
  await create(Project, 'shop', {});
  const spec = { endpoint: 'http://127.0.0.1:2019', baseDomain: 'apps.example.com', tls: 'off' };
  const proxy = await create(Proxy, 'default', spec);
  await create(Route, 'web', { service: 'web', port: 8080 });
  return proxy;
}

describe('the loop of routes', () => {
  it('sends requests to the ready guests of the promoted revision, and reports what the proxy confirmed', async () => {
    await withProxy();
    const first = await deploy(1);
    await run(first, 0, '10.0.0.5');
    await world.runUntilQuiet();
    expect(caddy.upstreamsOf(HOST)).toEqual(['10.0.0.5:8080']);
    expect(await web()).toMatchObject({
      proxy: 'default',
      hosts: [HOST],
      url: `http://${HOST}`,
      revision: 1,
      upstreams: [{ guest: 'web-r1-0', address: '10.0.0.5:8080' }],
      serving: 1,
      draining: [],
      ready: 'RouteServing',
    });
  });

  it('answers for a host from the beginning, with nobody behind it', async () => {
    await withProxy();
    await world.runUntilQuiet();
    expect(caddy.upstreamsOf(HOST)).toEqual([]);
    expect(await web()).toMatchObject({ serving: 0, ready: 'NoUpstream' });
  });

  it('changes over in one pass when a revision is promoted, and drains the guests before until they are gone', async () => {
    await withProxy();
    const before = await run(await deploy(1), 0, '10.0.0.5');
    const next = await deploy(2, false);
    await run(next, 0, '10.0.0.6');
    await world.runUntilQuiet();
    expect((await web()).revision).toBe(1);
    const passes = world.passesOf.get('Route shop/web') ?? 0;
    await store.updateStatus(Deployment, { ...next, status: { ...next.status, promoted: true } }, writer);
    await world.runUntilQuiet();
    expect((world.passesOf.get('Route shop/web') ?? 0) - passes).toBe(1);
    expect(caddy.upstreamsOf(HOST)).toEqual(['10.0.0.6:8080']);
    expect(await web()).toMatchObject({ revision: 2, draining: [{ guest: 'web-r1-0', address: '10.0.0.5:8080' }] });
    await store.delete(Guest, before.metadata, writer, {});
    const stored = await store.get(Guest, before.metadata);
    if (stored) await store.update(Guest, { ...stored, metadata: { ...stored.metadata, finalizers: [] } }, writer);
    await world.runUntilQuiet();
    expect((await web()).draining).toEqual([]);
  });

  it('takes an unhealthy guest out at once, and keeps the last one rather than none', async () => {
    await withProxy();
    const first = await deploy(1);
    const one = await run(first, 0, '10.0.0.5');
    const other = await run(first, 1, '10.0.0.6');
    await world.runUntilQuiet();
    await tell(one, false);
    await world.runUntilQuiet();
    expect(caddy.upstreamsOf(HOST)).toEqual(['10.0.0.6:8080']);
    await tell(other, false);
    await world.runUntilQuiet();
    expect(caddy.upstreamsOf(HOST)).toEqual(['10.0.0.6:8080']);
    expect(await web()).toMatchObject({ ready: 'NoUpstream', serving: 1 });
  });

  it('does not report what an unreachable proxy has not confirmed, and catches up later', async () => {
    await withProxy();
    const first = await deploy(1);
    await run(first, 0, '10.0.0.5');
    await world.runUntilQuiet();
    caddy.setReachable(false);
    await run(await deploy(2), 0, '10.0.0.6');
    await world.run(10_000);
    expect(await web()).toMatchObject({ revision: 1, ready: 'ProxyUnreachable' });
    caddy.setReachable(true);
    await world.run(30_000);
    expect(await web()).toMatchObject({ revision: 2, ready: 'RouteServing' });
  });

  it('puts routes back into a proxy that lost them', async () => {
    await withProxy();
    await run(await deploy(1), 0, '10.0.0.5');
    await world.runUntilQuiet();
    caddy.load({});
    await world.run(10_000);
    expect(caddy.upstreamsOf(HOST)).toEqual(['10.0.0.5:8080']);
  });

  it('leaves the proxy as it is after a restart', async () => {
    await withProxy();
    await run(await deploy(1), 0, '10.0.0.5');
    await world.runUntilQuiet();
    const { reloads } = caddy;
    await world.restart();
    await world.run(60_000);
    expect(caddy.reloads).toBe(reloads);
  });

  it('gives a host to the older of two routes, and to the younger once the older is gone', async () => {
    await withProxy();
    await world.clock.advance(1_000);
    await create(Route, 'other', { service: 'other', port: 80, domains: [{ host: HOST, tls: 'off' }] });
    await world.runUntilQuiet();
    const other = async () => (await store.get(Route, { ...key, name: 'other' }))?.status;
    expect(findCondition((await other())?.conditions ?? [], 'Ready')).toMatchObject({
      reason: 'HostTaken',
      message: expect.stringContaining('the Service web'),
    });
    await store.delete(Route, key, writer, {});
    await world.runUntilQuiet();
    expect((await other())?.hosts).toContain(HOST);
  });

  it('removes only its own from the proxy when the Proxy is deleted, and says that there is none', async () => {
    caddy.load({ apps: { http: { servers: { theirs: { listen: [':9000'] } } } } });
    const proxy = await withProxy();
    await run(await deploy(1), 0, '10.0.0.5');
    await world.runUntilQuiet();
    await store.delete(Proxy, proxy.metadata, writer, {});
    await world.runUntilQuiet();
    expect(caddy.config).toEqual({ apps: { http: { servers: { theirs: { listen: [':9000'] } } } } });
    const { proxy: carrier, url, ready, upstreams } = await web();
    expect({ carrier, url, ready, upstreams }).toEqual({
      carrier: undefined,
      url: 'http://10.0.0.5:8080',
      ready: 'NoProxy',
      upstreams: [],
    });
  });

  it('is in effect for a Traefik as soon as it is written', async () => {
    await create(Project, 'shop', {});
    await create(Proxy, 'edge', { type: 'traefik', baseDomain: 'apps.example.com' });
    await create(Route, 'web', { service: 'web', port: 8080 });
    await run(await deploy(1), 0, '10.0.0.5');
    await world.runUntilQuiet();
    expect(await web()).toMatchObject({ proxy: 'edge', revision: 1, url: `https://${HOST}`, ready: 'RouteServing' });
    expect((await store.get(Proxy, { name: 'edge' }))?.status.routes).toBe(1);
  });
});
