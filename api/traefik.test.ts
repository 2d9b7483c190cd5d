import { describe, expect, it } from 'vitest';
import { API_VERSION } from '../crds/meta.ts';
import { Project } from '../crds/project.ts';
import { Proxy } from '../crds/proxy.ts';
import { Route } from '../crds/route.ts';
import { createApi, type ApiFixture } from './testing/api-fixture.ts';

const writer = { manager: 'test' };
const apiVersion = API_VERSION;

async function withRoute(status: Partial<Route['status']>, proxySpec: object = {}): Promise<ApiFixture> {
  const api = createApi();
  const { store } = api;
  const manifest = (kind: string, metadata: object, spec: object) => ({ apiVersion, kind, metadata, spec });
  await store.create(Project, Project.parseManifest(manifest('Project', { name: 'shop' }, {})), writer);
  const spec = { type: 'traefik', baseDomain: 'apps.example.com', ...proxySpec };
  await store.create(Proxy, Proxy.parseManifest(manifest('Proxy', { name: 'edge' }, spec)), writer);
  const domains = [{ host: '*.shop.example.com', tls: 'off' }, { host: 'shop.example.com' }];
  const route = await store.create(
    Route,
    Route.parseManifest(manifest('Route', { name: 'web', namespace: 'shop' }, { service: 'web', port: 8080, domains })),
    writer,
  );
  await store.updateStatus(Route, { ...route, status: { ...route.status, proxy: 'edge', ...status } }, writer);
  return api;
}

describe('the configuration for Traefik', () => {
  it('has each host where it belongs', async () => {
    const api = await withRoute({
      hosts: ['*.shop.example.com', 'shop.example.com', 'web-shop.apps.example.com'],
      upstreams: [{ guest: 'web-r1-0', address: '10.0.0.5:8080' }],
    });
    expect((await api.ask('GET', '/traefik/config', { as: 'admin-read' })).body).toEqual({
      http: {
        routers: {
          shop_web_http: {
            rule: String.raw`HostRegexp(${'`'}^[^.]+\.shop\.example\.com$${'`'})`,
            service: 'shop_web',
            entryPoints: ['web'],
          },
          shop_web_auto: {
            rule: 'Host(`shop.example.com`) || Host(`web-shop.apps.example.com`)',
            service: 'shop_web',
            entryPoints: ['websecure'],
            tls: { certResolver: 'containr' },
          },
          shop_web_auto_redirect: {
            rule: 'Host(`shop.example.com`) || Host(`web-shop.apps.example.com`)',
            service: 'shop_web',
            entryPoints: ['web'],
            middlewares: ['containr-to-https'],
          },
        },
        services: { shop_web: { loadBalancer: { servers: [{ url: 'http://10.0.0.5:8080' }] } } },
        middlewares: { 'containr-to-https': { redirectScheme: { scheme: 'https', port: '443', permanent: true } } },
      },
    });
  });

  it('knows a host that nobody answers for', async () => {
    const api = await withRoute({ hosts: ['web-shop.apps.example.com'] }, { tls: 'off' });
    expect((await api.ask('GET', '/traefik/config', { as: 'admin' })).body).toMatchObject({
      http: { services: { shop_web: { loadBalancer: {} } } },
    });
  });

  it('leaves out what a Caddy carries, and any host that could mean something in a rule', async () => {
    const onCaddy = await withRoute({ hosts: ['a.example.com'] }, { type: 'caddy', endpoint: 'http://127.0.0.1:2019' });
    const hostile = await withRoute({ hosts: ['a`) || Host(`b.example.com', '{env.HOME}'] });
    for (const api of [onCaddy, hostile])
      expect((await api.ask('GET', '/traefik/config', { as: 'admin' })).body).toEqual({});
  });

  it.each([
    ['dev', 403],
    ['owner', 403],
  ] as const)('is not for %s, who sees one project only', async (as, status) => {
    expect((await createApi().ask('GET', '/traefik/config', { as })).status).toBe(status);
  });

  it('is for nobody without a token', async () => {
    expect((await createApi().fetch('GET', '/traefik/config', { headers: { authorization: '' } })).status).toBe(401);
  });
});
