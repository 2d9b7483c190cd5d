import { describe, expect, it } from 'vitest';
import { clockFinding, clusterFindings, tokenFinding, troubleOf, versionFinding } from './findings.ts';
import type { ApiObject } from './objects.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

describe('versionFinding', () => {
  it.each([
    ['0.1.0', 'v0.1.7', true],
    ['0.1.0', 'v0.2.0', false],
    ['1.0.0', 'unknown', false],
  ])('compares %s with %s', (own, server, isFine) => {
    expect(versionFinding(own, server).isFine).toBe(isFine);
  });
});

describe('clockFinding', () => {
  it.each([
    [undefined, true, 'does not tell'],
    [-900, true, 'agree'],
    [61_000, false, '61 s ahead of'],
    [-61_000, false, '61 s behind'],
  ])('takes %s ms for what they are', (ahead, isFine, text) => {
    expect(clockFinding(ahead)).toMatchObject({ isFine, text: expect.stringContaining(text) });
  });
});

describe('tokenFinding', () => {
  it('warns of a token that ends soon', () => {
    const ending = (expiresAt: string | undefined): boolean =>
      tokenFinding({ user: 'ann', scope: 'write', expiresAt }, now).isFine;
    expect([undefined, '2026-03-20T12:00:00Z', '2026-03-02T12:00:00Z'].map(ending)).toEqual([true, true, false]);
  });
});

describe('troubleOf', () => {
  it('names what hangs in its deletion, once that has lasted an hour', () => {
    const going = (deletionTimestamp: string): ApiObject => ({
      kind: 'Guest',
      metadata: { name: 'web-1-0', namespace: 'shop', deletionTimestamp },
    });
    expect(troubleOf(going('2026-03-01T11:30:00Z'), now)).toEqual([]);
    expect(troubleOf(going('2026-03-01T10:00:00Z'), now)).toMatchObject([
      {
        isFine: false,
        text: 'guest/web-1-0 in shop has been in deletion for 120m.',
        advice: expect.stringContaining('-n shop'),
      },
    ]);
  });
});

describe('clusterFindings', () => {
  it('tells of a shared storage once, and of a lost quorum', () => {
    const storages = [{ name: 'ceph', totalBytes: 100, freeBytes: 5 }];
    const status = { quorate: false, nodes: ['a', 'b'].map((name) => ({ name, online: true, storages })) };
    const findings = clusterFindings({ kind: 'ProxmoxCluster', metadata: { name: 'home' }, status });
    expect(findings.map(({ text }) => text)).toEqual([
      'proxmoxcluster/home has no quorum.',
      expect.stringContaining('Storage ceph on node b of proxmoxcluster/home is 95% full.'),
    ]);
  });
});
