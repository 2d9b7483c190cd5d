import { beforeEach, expect, it } from 'vitest';
import type { AdminApi } from '../admin-api.ts';
import type { ProxyClient, ProxyRoute, ProxySettings } from '../client.ts';

/** A Caddy under test, alone or with another one behind it. */
export interface CaddyUnderTest {
  /** Of the one that users connect to. */
  admin: AdminApi;
  newClient: () => ProxyClient;
  /** With 127.0.0.1 as the address. */
  settings: ProxySettings;
  /** A port on which somebody else's server may listen. */
  otherPort: number;
}

const { signal } = new AbortController();
const web: ProxyRoute = {
  id: 'web',
  hosts: [{ host: 'web.localhost', tls: 'off' }],
  upstreams: ['127.0.0.1:8001', '127.0.0.1:8002'],
};
const api: ProxyRoute = {
  id: 'api',
  hosts: [
    { host: '*.api.localhost', tls: 'internal' },
    { host: 'api.localhost', tls: 'internal' },
    { host: 'plain.localhost', tls: 'off' },
  ],
  upstreams: [],
};

/** What a ProxyClient promises, whatever answers behind it. Each test starts with a Caddy without a configuration of its own. */
export function proxyConformance(make: () => Promise<CaddyUnderTest>): void {
  let admin: AdminApi;
  let newClient: () => ProxyClient;
  let settings: ProxySettings;
  let client: ProxyClient;
  let otherPort: number;
  beforeEach(async () => {
    ({ admin, newClient, settings, otherPort } = await make());
    client = newClient();
  });

  const table = (...routes: ProxyRoute[]) => ({ settings, routes: new Map(routes.map((route) => [route.id, route])) });
  const call = async (method: 'PUT' | 'POST' | 'GET', path: string, value?: unknown) =>
    admin.call({ method, path, ...(value !== undefined && { body: JSON.stringify(value) }) }, signal);
  const jsonAt = async (path: string): Promise<unknown> => JSON.parse((await call('GET', path)).text);

  it('finds nothing of ours in a proxy that was never written to', async () => {
    expect((await client.read(signal)).routes.size).toBe(0);
    expect(await client.stands(signal)).toBe(false);
  });

  it('reads back what it wrote', async () => {
    const { revision } = await client.read(signal);
    const written = await client.write(table(web, api), revision, signal);
    expect([...written.routes.values()]).toEqual(expect.arrayContaining([web, api]));
    expect(await client.stands(signal)).toBe(true);
  });

  it('is read by another client as it was written, as after a restart', async () => {
    await client.write(table(web), (await client.read(signal)).revision, signal);
    const { routes } = await newClient().read(signal);
    expect(routes).toEqual(new Map([['web', web]]));
  });

  it('writes over what was read only', async () => {
    const { revision } = await client.read(signal);
    await client.write(table(web), revision, signal);
    await expect(client.write(table(api), revision, signal)).rejects.toMatchObject({ meaning: 'changed' });
    expect((await client.read(signal)).routes.has('web')).toBe(true);
  });

  it('sees that somebody else changed the configuration in the meantime', async () => {
    const first = await client.read(signal);
    const other = newClient();
    await other.write(table(web), (await other.read(signal)).revision, signal);
    await expect(client.write(table(api), first.revision, signal)).rejects.toMatchObject({ meaning: 'changed' });
    const { revision } = await client.read(signal);
    await call('PUT', '/config/apps/http/servers/theirs', { listen: [`127.0.0.1:${otherPort}`] });
    await expect(client.write(table(api), revision, signal)).rejects.toMatchObject({ meaning: 'changed' });
  });

  it('leaves all that is not ours as it was', async () => {
    const theirs = {
      listen: [`127.0.0.1:${otherPort}`],
      routes: [{ '@id': 'mine', handle: [{ handler: 'static_response' }] }],
    };
    await call('PUT', '/config/apps/http/servers/theirs', theirs);
    await call('PUT', '/config/apps/tls/automation/policies', [{ subjects: ['api.localhost'] }]);
    const { revision } = await client.write(table(web, api), (await client.read(signal)).revision, signal);
    expect(await jsonAt('/config/apps/http/servers/theirs')).toEqual(theirs);
    expect(await jsonAt('/config/apps/tls/automation/policies')).toContainEqual({ subjects: ['api.localhost'] });
    await client.clear(revision, signal);
    expect(await jsonAt('/config/apps/http')).toEqual({ servers: { theirs } });
    expect(await jsonAt('/config/apps/tls/automation/policies')).toEqual([{ subjects: ['api.localhost'] }]);
  });

  it('keeps a shutdown delay that somebody chose', async () => {
    await call('PUT', '/config/apps/http/shutdown_delay', '1s');
    await client.write(table(web), (await client.read(signal)).revision, signal);
    expect(await jsonAt('/config/apps/http/shutdown_delay')).toBe('1s');
  });

  it('goes on with what it has when the configuration is refused', async () => {
    await call('PUT', '/config/apps/http/servers/theirs', { listen: [`127.0.0.1:${settings.httpPort}`] });
    const { revision } = await client.read(signal);
    const refused = client.write(table(web), revision, signal);
    await expect(refused).rejects.toMatchObject({ meaning: 'refused', message: expect.stringContaining('theirs') });
    expect((await client.read(signal)).routes.size).toBe(0);
  });

  it('notices that its routes are gone', async () => {
    await client.write(table(web), (await client.read(signal)).revision, signal);
    await call('POST', '/config/apps', {});
    expect(await client.stands(signal)).toBe(false);
  });
}
