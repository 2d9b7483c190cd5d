import type { ProxyFeatures, ProxyRoute, ProxySettings, ProxyTable, TlsMode } from './client.ts';

/** What is ours goes by these names, whatever else is in the same Caddy. */
export const HTTP_SERVER = 'containr-http';
export const HTTPS_SERVER = 'containr-https';
export const INTERNAL_POLICY = 'containr-internal';
export const ACME_POLICY = 'containr-acme';

/** How long servers that are being replaced go on, so that clients hear that their connections close before they do. */
export const SHUTDOWN_DELAY = '100ms';

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What is ours in Caddy's configuration. */
export interface CaddyParts {
  servers: Readonly<Record<string, Json>>;
  /** Rules for certificates, without hosts that a rule of somebody else names. */
  policies: readonly Json[];
}

interface RenderOptions {
  features: ProxyFeatures;
  /** Different for each write. */
  mark: string;
  /** Hosts for whose certificates the configuration has rules that are not ours. */
  ruled: ReadonlySet<string>;
}

/** The table as Caddy's JSON. Every string in it is fixed here or was checked by `checkRoute`. Pure. */
export function renderCaddy({ settings, routes }: ProxyTable, options: RenderOptions): CaddyParts {
  const list = [...routes.values()];
  const modes = new Map<string, TlsMode>();
  for (const { hosts } of list)
    for (const { host, tls } of hosts) if (tls !== 'off' && !modes.has(host)) modes.set(host, tls);
  const secure = [...modes.keys()].toSorted();
  const http: Json = {
    ...server(addressOf(settings, settings.httpPort), HTTP_SERVER, options),
    // What it would set up by itself it sets up for the ports of the whole Caddy, which may be other ones.
    automatic_https: { disable: true },
    routes: [
      closing,
      ...hostRoutes(list, ['off'], options),
      ...(secure.length === 0 ? [] : [redirectRoute(secure, settings.httpsPort)]),
      unknownHost,
    ],
  };
  const https: Json = {
    ...server(addressOf(settings, settings.httpsPort), HTTPS_SERVER, options),
    automatic_https: { disable_redirects: true },
    tls_connection_policies: [{}],
    routes: [closing, ...hostRoutes(list, ['auto', 'internal'], options), unknownHost],
  };
  const subjects = (mode: TlsMode): string[] =>
    secure.filter((host) => modes.get(host) === mode && !options.ruled.has(host));
  return {
    // While no host wants a certificate its port is not taken either.
    servers: { [HTTP_SERVER]: http, ...(secure.length > 0 && { [HTTPS_SERVER]: https }) },
    policies: [
      ...policy(INTERNAL_POLICY, subjects('internal'), { module: 'internal' }),
      // Without an address to tell there is nothing to say: this is what Caddy does by itself.
      ...(settings.email === undefined
        ? []
        : policy(ACME_POLICY, subjects('auto'), { module: 'acme', email: settings.email })),
    ],
  };
}

/** A rule without subjects would be the rule for everybody. */
function policy(id: string, subjects: readonly string[], issuer: Json): Json[] {
  return subjects.length === 0 ? [] : [{ '@id': id, subjects, issuers: [issuer] }];
}

/**
 * The second address is nobody's to use: it is another one after each write, by which Caddy sees that the server is being
 * replaced, and keeps the old one for the length of the delay. Without it Caddy closes connections under requests that are
 * just being sent.
 */
function server(address: string, name: string, { mark }: RenderOptions): { [key: string]: Json } {
  return {
    '@id': name,
    listen: [address, `unix/@${name}-${mark}`],
    // HTTP/3 does not outlive a change of the configuration in older versions.
    protocols: ['h1', 'h2'],
    errors: { routes: [{ handle: [troubled('{http.error.status_code}')] }] },
  };
}

function addressOf({ bind = '' }: ProxySettings, port: number): string {
  return bind.includes(':') ? `[${bind}]:${port}` : `${bind}:${port}`;
}

/** A server that is being replaced says with each answer that the connection closes; over HTTP/2 it goes away as gently. */
const closing: Json = {
  match: [
    {
      expression: '{http.shutting_down} == true',
      not: [{ header_regexp: { Connection: { pattern: '(?i)upgrade' } } }],
    },
  ],
  handle: [{ handler: 'headers', response: { set: { Connection: ['close'] } } }],
};

/** Exact names before wildcards: whoever has the name itself has it. */
function hostRoutes(routes: readonly ProxyRoute[], modes: readonly TlsMode[], options: RenderOptions): Json[] {
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

function hostRoute(id: string, hosts: readonly string[], upstreams: readonly string[], options: RenderOptions): Json {
  const handler = upstreams.length === 0 ? troubled('503') : reverseProxy(upstreams, options.features);
  return { '@id': id, match: [{ host: hosts }], handle: [handler], terminal: true };
}

/**
 * No flush interval: streams of events and answers without a length are passed on at once anyway, and the interval that
 * asks for it makes Caddy 2.6 crash when a client leaves. No buffered requests: 2.6 hands a buffer to the next request while
 * it is still being sent. An upstream that is the only one is never set aside: there is nobody else to ask.
 */
function reverseProxy(upstreams: readonly string[], { keepsStreams }: ProxyFeatures): Json {
  return {
    handler: 'reverse_proxy',
    upstreams: upstreams.map((dial) => ({ dial })),
    load_balancing: { selection_policy: { policy: 'least_conn' }, try_duration: '5s', try_interval: '100ms' },
    ...(upstreams.length > 1 && { health_checks: { passive: { fail_duration: '2s', max_fails: 3 } } }),
    transport: {
      protocol: 'http',
      dial_timeout: '2s',
      // Shorter than the 5 s after which Node.js and others close a quiet connection, perhaps under a request on its way.
      keep_alive: { idle_timeout: '4s' },
    },
    ...(keepsStreams && { stream_close_delay: '24h' }),
  };
}

function redirectRoute(hosts: readonly string[], httpsPort: number): Json {
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  return {
    '@id': 'containr-redirect',
    match: [{ host: hosts }],
    handle: [
      {
        handler: 'static_response',
        status_code: 308,
        headers: { Location: [`https://{http.request.host}${port}{http.request.uri}`] },
      },
    ],
    terminal: true,
  };
}

const plainText = { 'Content-Type': ['text/plain; charset=utf-8'], 'Cache-Control': ['no-store'] };

const unknownHost: Json = {
  handle: [
    {
      handler: 'static_response',
      status_code: 404,
      headers: plainText,
      body: 'There is no service with this host name.\n',
    },
  ],
};

function troubled(status: string): Json {
  return {
    handler: 'static_response',
    status_code: status,
    headers: { ...plainText, 'Retry-After': ['5'] },
    body: 'The service does not answer right now. Try again in a moment.\n',
  };
}

function isWildcard(host: string): boolean {
  return host.startsWith('*.');
}
