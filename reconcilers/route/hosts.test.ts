import { describe, expect, it } from 'vitest';
import { Proxy } from '../../crds/proxy.ts';
import { Route } from '../../crds/route.ts';
import { testObject } from '../shared/testing.ts';
import { claimHosts, urlOf, wantedHosts } from './hosts.ts';

const proxy = (spec: Record<string, unknown> = {}): Proxy =>
  testObject(Proxy, 'default', { endpoint: 'http://127.0.0.1:2019', baseDomain: 'apps.example.com', ...spec });

function route(name: string, domains: object[] = [], metadata: Partial<Route['metadata']> = {}): Route {
  const object = testObject(Route, name, { service: name, port: 80, domains });
  return { ...object, metadata: { ...object.metadata, ...metadata } };
}

describe('wantedHosts', () => {
  it('adds the generated name to the domains, which take their TLS from the proxy unless they say otherwise', () => {
    const domains = [{ host: 'a.example.org' }, { host: 'b.example.org', tls: 'off' }];
    expect(wantedHosts(route('web', domains), proxy({ tls: 'internal' }))).toEqual([
      { host: 'a.example.org', tls: 'internal' },
      { host: 'b.example.org', tls: 'off' },
      { host: 'web-shop.apps.example.com', tls: 'internal' },
    ]);
  });

  it('generates no name without a base domain, and never a label that is too long', () => {
    expect(wantedHosts(route('web'), proxy({ baseDomain: undefined }))).toEqual([]);
    const long = wantedHosts(route('w'.repeat(60)), proxy())[0]?.host ?? '';
    expect(long.split('.')[0]).toMatch(/^w{54}-[0-9a-f]{8}$/);
  });
});

describe('claimHosts', () => {
  const older = route('old', [{ host: 'a.example.org' }], { uid: 'u1', creationTimestamp: '2026-01-01T00:00:00.000Z' });
  const younger = route('new', [{ host: 'a.example.org' }, { host: 'b.example.org' }], {
    uid: 'u2',
    creationTimestamp: '2026-01-02T00:00:00.000Z',
  });
  const hostsOf = (one: Route) => wantedHosts(one, proxy({ baseDomain: undefined }));
  const claim = (one: Route, others: Route[]) => {
    const { granted, taken } = claimHosts(one, hostsOf(one), others, hostsOf);
    return {
      granted: granted.map(({ host }) => host),
      taken: taken.map(({ host, by }) => `${host} ${by.metadata.name}`),
    };
  };

  it('leaves a host to the older of two', () => {
    expect(claim(older, [older, younger])).toEqual({ granted: ['a.example.org'], taken: [] });
    expect(claim(younger, [older, younger])).toEqual({ granted: ['b.example.org'], taken: ['a.example.org old'] });
  });

  it('decides between two of the same age, the same way for both', () => {
    const twin = { ...younger, metadata: { ...younger.metadata, creationTimestamp: older.metadata.creationTimestamp } };
    expect(claim(older, [twin]).taken).toEqual([]);
    expect(claim(twin, [older]).taken).toEqual(['a.example.org old']);
  });

  it('gives a host away with the one that is being removed', () => {
    const leaving = { ...older, metadata: { ...older.metadata, deletionTimestamp: '2026-01-03T00:00:00.000Z' } };
    expect(claim(younger, [leaving]).taken).toEqual([]);
  });
});

describe('urlOf', () => {
  it.each([
    ['auto', {}, 'https://a.example.org'],
    ['internal', { ports: { https: 8443 } }, 'https://a.example.org:8443'],
    ['off', {}, 'http://a.example.org'],
    ['off', { ports: { http: 8080 } }, 'http://a.example.org:8080'],
  ] as const)('names the port only where it is not the usual one (%s %j)', (tls, spec, url) => {
    expect(urlOf({ host: 'a.example.org', tls }, proxy(spec))).toBe(url);
  });
});
