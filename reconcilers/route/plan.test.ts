import { describe, expect, it } from 'vitest';
import type { GuestFact, RevisionFact } from './observe.ts';
import { planTraffic, type TrafficPlan, type Upstream } from './plan.ts';

const guest = (name: string, facts: Partial<GuestFact> = {}): GuestFact => ({
  guest: name,
  address: `10.0.0.1:${name.length}`,
  ready: true,
  gone: false,
  ...facts,
});
const upstream = (name: string): Upstream => ({ guest: name, address: `10.0.0.1:${name.length}` });
const revision = (number: number, ...guests: GuestFact[]): RevisionFact => ({ revision: number, guests });
const unready = { ready: false };
const nobody: TrafficPlan = { revision: undefined, upstreams: [], ready: false };

describe('planTraffic', () => {
  it.each<[string, RevisionFact[], { revision?: number; upstreams: Upstream[] }, TrafficPlan]>([
    ['has nobody while nothing was promoted', [], { upstreams: [] }, nobody],
    [
      'takes the ready guests of the newest revision',
      [revision(2, guest('a'), guest('bb', unready)), revision(1, guest('ccc'))],
      { revision: 1, upstreams: [upstream('ccc')] },
      { revision: 2, upstreams: [upstream('a')], ready: true },
    ],
    [
      'stays with the revision before while the new one has no ready guest',
      [revision(2, guest('a', unready)), revision(1, guest('ccc'))],
      { revision: 1, upstreams: [upstream('ccc')] },
      { revision: 1, upstreams: [upstream('ccc')], ready: true },
    ],
    [
      'does not go back to a revision that has given up the traffic',
      [revision(2, guest('a', unready)), revision(1, guest('ccc'))],
      { revision: 2, upstreams: [upstream('a')] },
      { revision: 2, upstreams: [upstream('a')], ready: false },
    ],
    [
      'goes back when the revision that served was deleted',
      [revision(1, guest('ccc'))],
      { revision: 2, upstreams: [upstream('a')] },
      { revision: 1, upstreams: [upstream('ccc')], ready: true },
    ],
    [
      'keeps the last guests that were ready when none is, and only as long as they may answer',
      [revision(1, guest('a', unready), guest('bb', { ready: false, gone: true }), guest('ccc', unready))],
      { revision: 1, upstreams: [upstream('a'), upstream('bb')] },
      { revision: 1, upstreams: [upstream('a')], ready: false },
    ],
    [
      'sends nothing to a guest that came back with another address',
      [revision(1, guest('a', { ready: false, address: '10.0.0.9:1' }))],
      { revision: 1, upstreams: [upstream('a')] },
      { revision: 1, upstreams: [], ready: false },
    ],
    [
      'does not send anything to a guest without an address',
      [revision(1, guest('a', { address: undefined }))],
      { upstreams: [] },
      nobody,
    ],
  ])('%s', (_, revisions, serving, plan) => {
    expect(planTraffic({ revisions }, serving)).toEqual(plan);
  });
});
