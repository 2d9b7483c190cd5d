import { describe, expect, it } from 'vitest';
import { API_VERSION } from './meta.ts';
import { validateManifest } from './validate.ts';

const endpoint = 'http://127.0.0.1:2019';
const router = { endpoint: 'http://127.0.0.1:2020', socket: '/run/caddy-router/router.sock' };

function problemsOf(spec: unknown): string[] {
  const read = validateManifest({ apiVersion: API_VERSION, kind: 'Proxy', metadata: { name: 'x' }, spec });
  return read.ok ? [] : read.problems.map(({ path }) => path);
}

describe('a Proxy', () => {
  it('is one Caddy, two of them, or a Traefik', () => {
    expect(problemsOf({ endpoint })).toEqual([]);
    expect(problemsOf({ endpoint, router })).toEqual([]);
    expect(problemsOf({ type: 'traefik' })).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['a Caddy that cannot be reached', {}, 'spec.endpoint'],
    ['a second Caddy behind a Traefik', { type: 'traefik', router }, 'spec.router'],
    ['a Caddy behind itself', { endpoint, router: { ...router, endpoint } }, 'spec.router.endpoint'],
    ['a second Caddy without a socket', { endpoint, router: { endpoint: router.endpoint } }, 'spec.router.socket'],
    ['a socket that has no path', { endpoint, router: { ...router, socket: 'router.sock' } }, 'spec.router.socket'],
    [
      'a longer path than a socket has',
      { endpoint, router: { ...router, socket: `/${'x'.repeat(100)}` } },
      'spec.router.socket',
    ],
  ])('is not %s', (_, spec, path) => {
    expect(problemsOf(spec)).toEqual([path]);
  });
});
