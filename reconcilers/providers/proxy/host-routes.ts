import { troubled, type Json } from './caddy-parts.ts';
import type { ProxyFeatures, ProxyRoute, TlsMode } from './client.ts';

interface HostRouteOptions {
  features: ProxyFeatures;
  /** Whether users come through another Caddy, whose word about them is passed on. */
  isBehindEdge: boolean;
}

/** From the hosts with one of these modes to their upstreams. Exact names before wildcards: whoever has the name itself has it. Pure. */
export function hostRoutes(
  routes: readonly ProxyRoute[],
  modes: readonly TlsMode[],
  options: HostRouteOptions,
): Json[] {
  const exact: Json[] = [];
  const wildcard: Json[] = [];
  for (const { id, hosts, upstreams } of routes)
    for (const mode of modes) {
      const names = hosts.filter(({ tls }) => tls === mode).map(({ host }) => host);
      const [named, starred] = [names.filter((name) => !isWildcard(name)), names.filter(isWildcard)];
      if (named.length > 0) exact.push(hostRoute(`containr-${id}.${mode}`, named, upstreams, options));
      if (starred.length > 0) wildcard.push(hostRoute(`containr-${id}.${mode}.any`, starred, upstreams, options));
    }
  return [...exact, ...wildcard];
}

/** `*.example.com`. */
export function isWildcard(host: string): boolean {
  return host.startsWith('*.');
}

function hostRoute(
  id: string,
  hosts: readonly string[],
  upstreams: readonly string[],
  options: HostRouteOptions,
): Json {
  const handler = upstreams.length === 0 ? troubled('503') : reverseProxy(upstreams, options);
  return { '@id': id, match: [{ host: hosts }], handle: [handler], terminal: true };
}

/**
 * No flush interval: streams of events and answers without a length are passed on at once anyway, and the interval that
 * asks for it makes Caddy 2.6 crash when a client leaves. No buffered requests: 2.6 hands a buffer to the next request while
 * it is still being sent. An upstream that is the only one is never set aside: there is nobody else to ask.
 */
function reverseProxy(upstreams: readonly string[], { features, isBehindEdge }: HostRouteOptions): Json {
  return {
    handler: 'reverse_proxy',
    upstreams: upstreams.map((dial) => ({ dial })),
    load_balancing: { selection_policy: { policy: 'least_conn' }, try_duration: '5s', try_interval: '100ms' },
    ...(upstreams.length > 1 && { health_checks: { passive: { fail_duration: '2s', max_fails: 3 } } }),
    ...(isBehindEdge && { headers: { request: { set: wordOfEdge } } }),
    transport: {
      protocol: 'http',
      dial_timeout: '2s',
      // Shorter than the 5 s after which Node.js and others close a quiet connection, perhaps under a request on its way.
      keep_alive: { idle_timeout: '4s' },
    },
    ...(features.keepsStreams && { stream_close_delay: '24h' }),
  };
}

/** On a socket Caddy sees no address of a client and drops these, which the edge has set and which no client can. */
const wordOfEdge: Json = Object.fromEntries(
  ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host'].map((name) => [name, [`{http.request.header.${name}}`]]),
);
