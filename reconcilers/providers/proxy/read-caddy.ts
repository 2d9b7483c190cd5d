import { HTTPS_SERVER, HTTP_SERVER, ROUTER_SERVER } from './caddy-parts.ts';
import type { ProxyHost, ProxyRoute, TlsMode } from './client.ts';
import { OurServer, type CaddyApps } from './schema.ts';

const modes: Readonly<Record<string, TlsMode>> = { auto: 'auto', internal: 'internal', off: 'off' };

/** Our routes as Caddy has them; what is ours and not in our form is passed over and goes with the next write. Pure. */
export function readCaddyRoutes({ http }: CaddyApps): Map<string, ProxyRoute> {
  const found = new Map<string, { hosts: ProxyHost[]; upstreams: readonly string[] }>();
  for (const name of [HTTP_SERVER, HTTPS_SERVER, ROUTER_SERVER])
    for (const route of OurServer.safeParse(http?.servers?.[name]).data?.routes ?? []) {
      const { id, mode } = /^containr-(?<id>[A-Za-z0-9-]+)\.(?<mode>[a-z]+)/.exec(route['@id'] ?? '')?.groups ?? {};
      const tls = modes[mode ?? ''];
      if (id === undefined || tls === undefined) continue;
      const hosts = (route.match ?? []).flatMap(({ host = [] }) => host).map((host) => ({ host, tls }));
      const upstreams = route.handle.flatMap((handler) => handler.upstreams).map(({ dial }) => dial);
      const known = found.get(id);
      if (known) known.hosts.push(...hosts);
      else found.set(id, { hosts, upstreams });
    }
  return new Map([...found].map(([id, { hosts, upstreams }]) => [id, sortedRoute({ id, hosts, upstreams })]));
}

/** A route in the order in which two of them can be compared. */
export function sortedRoute({ id, hosts, upstreams }: ProxyRoute): ProxyRoute {
  return {
    id,
    hosts: hosts.toSorted((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)),
    upstreams: upstreams.toSorted(),
  };
}
