import { describe, expect, it } from 'vitest';
import { edgeTable, readEdge, renderEdge } from './caddy-edge.ts';
import type { ProxyHost, ProxyRoute } from './client.ts';
import { mergeCaddy } from './merge-caddy.ts';
import { CaddyApps, OurServer } from './schema.ts';

const settings = { httpPort: 80, httpsPort: 8443, email: 'ops@example.com' };
const socket = '/run/router.sock';
const options = { features: { keepsStreams: false }, mark: 'm1', ruled: new Set<string>() };

function routes(...hosts: ProxyHost[]): ProxyRoute[] {
  return hosts.map((host, index) => ({ id: `r${index}`, hosts: [host], upstreams: ['10.0.0.1:80'] }));
}

/** What an edge answers to HTTP, as a person would say it. */
function answersOf(...hosts: ProxyHost[]): string[] {
  const { servers } = renderEdge(edgeTable(settings, routes(...hosts)), socket, options);
  return OurServer.parse(servers['containr-http']).routes.flatMap(({ '@id': id, match = [] }) =>
    id === undefined ? [] : [`${id} ${match.flatMap(({ host = [] }) => host).join(' ')}`.trim()],
  );
}

describe('the edge', () => {
  it('passes on all of HTTP when no host has a certificate, and does not listen for HTTPS', () => {
    expect(answersOf({ host: 'a.example.org', tls: 'off' })).toEqual(['containr-pass']);
    const { servers } = renderEdge(edgeTable(settings, []), socket, options);
    expect(Object.keys(servers)).toEqual(['containr-http']);
  });

  it('redirects hosts with a certificate, but not one without that lies under a wildcard which has one', () => {
    expect(
      answersOf(
        { host: '*.example.org', tls: 'auto' },
        { host: 'a.example.org', tls: 'off' },
        { host: 'b.example.org', tls: 'internal' },
        { host: 'deep.a.example.org', tls: 'off' },
        { host: 'other.example.net', tls: 'off' },
      ),
    ).toEqual([
      'containr-redirect b.example.org',
      'containr-pass-plain a.example.org',
      'containr-redirect-any *.example.org',
      'containr-pass',
    ]);
  });

  it('is the same whichever guests serve, and in whatever order the routes come', () => {
    const list = routes({ host: 'b.example.org', tls: 'auto' }, { host: 'a.example.org', tls: 'auto' });
    const others = list.toReversed().map((route) => ({ ...route, id: `x${route.id}`, upstreams: ['10.0.0.9:80'] }));
    expect(renderEdge(edgeTable(settings, others), socket, options)).toEqual(
      renderEdge(edgeTable(settings, list), socket, options),
    );
  });

  it('keeps no connection to the router, which could be closed under a request', () => {
    const text = JSON.stringify(renderEdge(edgeTable(settings, []), socket, options));
    expect(text).toContain('"keep_alive":{"enabled":false}');
  });

  it('is read back as it was written, and only as passing on to the socket that is asked about', () => {
    const hosts = routes(
      { host: 'a.example.org', tls: 'auto' },
      { host: 'b.example.org', tls: 'internal' },
      { host: 'c.example.org', tls: 'off' },
    );
    const parts = renderEdge(edgeTable(settings, hosts), socket, options);
    const apps = CaddyApps.parse(mergeCaddy({}, parts));
    expect(readEdge(apps, socket)).toEqual(
      new Map([
        ['a.example.org', 'auto'],
        ['b.example.org', 'internal'],
      ]),
    );
    expect(readEdge(apps, '/run/other.sock')).toBeUndefined();
    expect(readEdge({}, socket)).toBeUndefined();
  });
});
