import type { ProxyFeatures, ProxySettings } from './client.ts';

/** What is ours goes by these names, whatever else is in the same Caddy. */
export const HTTP_SERVER = 'containr-http';
export const HTTPS_SERVER = 'containr-https';
export const ROUTER_SERVER = 'containr-router';
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
  /** Whether users connect to it, who have to be told before their connections close. */
  isPublic: boolean;
}

/** What a rendering depends on besides the table. */
export interface RenderOptions {
  features: ProxyFeatures;
  /** Different for each write. */
  mark: string;
  /** Hosts for whose certificates the configuration has rules that are not ours. */
  ruled: ReadonlySet<string>;
}

/**
 * A server of ours without its routes. The second address is nobody's to use: it is another one after each write, by which
 * Caddy sees that the server is being replaced, and keeps the old one for the length of the delay. Without it Caddy closes
 * connections under requests that are just being sent.
 */
export function server(address: string, name: string, { mark }: RenderOptions): { [key: string]: Json } {
  return {
    '@id': name,
    listen: [address, `unix/@${name}-${mark}`],
    // HTTP/3 does not outlive a change of the configuration in older versions.
    protocols: ['h1', 'h2'],
    errors: { routes: [{ handle: [troubled('{http.error.status_code}')] }] },
  };
}

/** Where a public server listens. */
export function addressOf({ bind = '' }: ProxySettings, port: number): string {
  return bind.includes(':') ? `[${bind}]:${port}` : `${bind}:${port}`;
}

/** A server that is being replaced says with each answer that the connection closes; over HTTP/2 it goes away as gently. */
export const closing: Json = {
  match: [
    {
      expression: '{http.shutting_down} == true',
      not: [{ header_regexp: { Connection: { pattern: '(?i)upgrade' } } }],
    },
  ],
  handle: [{ handler: 'headers', response: { set: { Connection: ['close'] } } }],
};

/** Leads from HTTP to HTTPS. */
export function redirectRoute(id: string, hosts: readonly string[], httpsPort: number): Json {
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  return {
    '@id': id,
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

/** The last route of a server. */
export const unknownHost: Json = {
  handle: [
    {
      handler: 'static_response',
      status_code: 404,
      headers: plainText,
      body: 'There is no service with this host name.\n',
    },
  ],
};

/** What users see when nobody can answer them. */
export function troubled(status: string): Json {
  return {
    handler: 'static_response',
    status_code: status,
    headers: { ...plainText, 'Retry-After': ['5'] },
    body: 'The service does not answer right now. Try again in a moment.\n',
  };
}
