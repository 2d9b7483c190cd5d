import {
  addressOf,
  closing,
  HTTP_SERVER,
  HTTPS_SERVER,
  redirectRoute,
  server,
  unknownHost,
  type CaddyParts,
  type Json,
  type RenderOptions,
} from './caddy-parts.ts';
import { certificatePolicies, secureHosts, type SecureHosts } from './certificate-policies.ts';
import type { ProxyRoute, ProxySettings } from './client.ts';
import { isWildcard } from './host-routes.ts';
import { OurServer, type CaddyApps } from './schema.ts';

/** All that an edge knows of routes. It is the same whichever guests serve, so a deploy changes nothing in it. */
export interface EdgeTable {
  settings: ProxySettings;
  secure: SecureHosts;
  /** Hosts without a certificate that lie under a wildcard which has one, and are not to be redirected with it. */
  plain: readonly string[];
}

/** What the edge has to know of a table. Pure. */
export function edgeTable(settings: ProxySettings, routes: Iterable<ProxyRoute>): EdgeTable {
  const list = [...routes];
  const secure = secureHosts(list);
  const plain = list
    .flatMap(({ hosts }) => hosts)
    .filter(({ host, tls }) => tls === 'off' && secure.has(host.replace(/^[^.]+/, '*')))
    .map(({ host }) => host);
  return { settings, secure, plain: plain.toSorted() };
}

/** The table as the JSON of the Caddy that users connect to; whatever it takes it passes on to the router at `socket`. Pure. */
export function renderEdge({ settings, secure, plain }: EdgeTable, socket: string, options: RenderOptions): CaddyParts {
  const hosts = [...secure.keys()];
  const [named, starred] = [hosts.filter((host) => !isWildcard(host)), hosts.filter(isWildcard)];
  const http: Json = {
    ...server(addressOf(settings, settings.httpPort), HTTP_SERVER, options),
    // What it would set up by itself it sets up for the ports of the whole Caddy, which may be other ones.
    automatic_https: { disable: true },
    routes: [
      closing,
      ...(named.length === 0 ? [] : [redirectRoute('containr-redirect', named, settings.httpsPort)]),
      ...(plain.length === 0 ? [] : [passRoute('containr-pass-plain', socket, options, plain)]),
      ...(starred.length === 0 ? [] : [redirectRoute('containr-redirect-any', starred, settings.httpsPort)]),
      passRoute('containr-pass', socket, options),
    ],
  };
  const https: Json = {
    ...server(addressOf(settings, settings.httpsPort), HTTPS_SERVER, options),
    automatic_https: { disable_redirects: true },
    tls_connection_policies: [{}],
    routes: [
      closing,
      ...(['auto', 'internal'] as const).flatMap((mode) => {
        const ofMode = hosts.filter((host) => secure.get(host) === mode);
        return ofMode.length === 0 ? [] : [passRoute(`containr-pass-${mode}`, socket, options, ofMode)];
      }),
      unknownHost,
    ],
  };
  return {
    // While no host wants a certificate its port is not taken either.
    servers: { [HTTP_SERVER]: http, ...(secure.size > 0 && { [HTTPS_SERVER]: https }) },
    policies: certificatePolicies(secure, settings, options),
    isPublic: true,
  };
}

/** The hosts with a certificate that this edge passes on to the router at `socket`; undefined when it passes nothing on to it. Pure. */
export function readEdge({ http }: CaddyApps, socket: string): SecureHosts | undefined {
  const routesOf = (name: string): OurServer['routes'] => OurServer.safeParse(http?.servers?.[name]).data?.routes ?? [];
  const passes = routesOf(HTTP_SERVER).some(
    ({ '@id': id, handle }) =>
      id === 'containr-pass' && handle.some(({ upstreams }) => upstreams.some(({ dial }) => dial === `unix/${socket}`)),
  );
  if (!passes) return undefined;
  const hosts = (['auto', 'internal'] as const).flatMap((mode) =>
    routesOf(HTTPS_SERVER)
      .filter((route) => route['@id'] === `containr-pass-${mode}`)
      .flatMap(({ match = [] }) => match.flatMap(({ host = [] }) => host))
      .map((host) => [host, mode] as const),
  );
  return new Map(hosts);
}

/**
 * A connection for each request: one that is kept could be closed by a router that starts anew, under the request. What the
 * router packs or does not pack is passed on as it is.
 */
function passRoute(id: string, socket: string, { features }: RenderOptions, hosts?: readonly string[]): Json {
  return {
    '@id': id,
    ...(hosts && { match: [{ host: hosts }] }),
    handle: [
      {
        handler: 'reverse_proxy',
        upstreams: [{ dial: `unix/${socket}` }],
        load_balancing: { try_duration: '5s', try_interval: '100ms' },
        transport: { protocol: 'http', compression: false, keep_alive: { enabled: false } },
        ...(features.keepsStreams && { stream_close_delay: '24h' }),
      },
    ],
    terminal: true,
  };
}
