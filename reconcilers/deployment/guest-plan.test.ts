import { describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import { testCondition, testGuest, testObject } from '../shared/testing.ts';
import { LEAVING_ANNOTATION } from '../shared/traffic.ts';
import { planGuests } from './guest-plan.ts';
import type { DeploymentState } from './machine.ts';
import { testView } from './testing.ts';

const now = new Date('2026-01-01T01:00:00Z');
const deployment = testObject(Deployment, 'web-r1', { service: 'web', revision: 1, build: 'web-b1', template: {} });
const source = { type: 'image', image: 'shop/web:1' };
const worker = testObject(Service, 'web', { type: 'worker', source });

/** One of the revision's guests, healthy and running unless told otherwise. */
function guest(
  index: number,
  about: { ready?: boolean; power?: 'running' | 'stopped'; markedMsAgo?: number } = {},
): Guest {
  const { ready = true, power = 'running', markedMsAgo } = about;
  const made = testGuest(
    { power },
    { power, conditions: [testCondition('Ready', ready ? 'True' : 'False', 'Healthy')] },
  );
  const annotations =
    markedMsAgo === undefined ? {} : { [LEAVING_ANNOTATION]: new Date(now.getTime() - markedMsAgo).toISOString() };
  return { ...made, metadata: { ...made.metadata, name: `web-r1-${index}`, uid: `uid-${index}`, annotations } };
}

function route(upstreams: readonly number[], draining: readonly [number, number][] = []): Route {
  const at = (index: number) => ({ guest: `web-r1-${index}`, address: `10.0.0.${index}:80` });
  return testObject(
    Route,
    'web',
    { service: 'web', port: 80 },
    {
      proxy: 'edge',
      upstreams: upstreams.map(at),
      draining: draining.map(([index, msAgo]) => ({
        ...at(index),
        since: new Date(now.getTime() - msAgo).toISOString(),
      })),
    },
  );
}

/** What is done, in short: `make web-r1-0 running`. */
function plan(state: DeploymentState, view: Parameters<typeof testView>[0], exposed = true) {
  const { actions, checkAfterMs } = planGuests(deployment, state, testView(view), { exposed, now });
  const words = actions.map((action) => {
    if (action.do === 'make') return `make ${action.name} ${action.power}`;
    if (action.do === 'remove') return `remove ${action.guest.metadata.name}`;
    return `${action.leavingSince === undefined ? action.power : 'mark'} ${action.guest.metadata.name}`;
  });
  return { words, checkAfterMs };
}

describe('planGuests', () => {
  const recreate = { facts: { recreate: true } } as const;
  it.each<[string, DeploymentState, Parameters<typeof testView>[0], string[]]>([
    ['makes as many as may surge', 'Provisioning', { desired: 3, batch: 1 }, ['make web-r1-0 running']],
    ['makes those that replace others without starting them', 'Provisioning', recreate, ['make web-r1-0 stopped']],
    [
      'waits for the old ones to stop',
      'TakingOver',
      { ...recreate, clear: false, guests: [guest(0, { power: 'stopped' })] },
      [],
    ],
    ['starts them then', 'TakingOver', { ...recreate, guests: [guest(0, { power: 'stopped' })] }, ['running web-r1-0']],
    ['stops what stands down', 'Active', { standsDown: true, guests: [guest(0)] }, ['stopped web-r1-0']],
    ['makes none while it stands down', 'Active', { standsDown: true }, []],
    ['starts again what stood down', 'Active', { guests: [guest(0, { power: 'stopped' })] }, ['running web-r1-0']],
    ['does not start beside another', 'Active', { clear: false, guests: [guest(0, { power: 'stopped' })] }, []],
    [
      'keeps those that serve best',
      'Active',
      { desired: 2, needed: 1, guests: [guest(0, { ready: false }), guest(1)] },
      ['remove web-r1-0'],
    ],
    ['makes none while another takes over', 'Active', { desired: 2, needed: 2, guests: [guest(0)] }, []],
    ['calls back one that is needed again', 'Active', { guests: [guest(0, { markedMsAgo: 1 })] }, ['running web-r1-0']],
    ['marks one that is too many', 'Active', { guests: [guest(0), guest(1)] }, ['mark web-r1-1']],
    ['removes one that never served', 'Superseded', { guests: [guest(0, { ready: false })] }, ['remove web-r1-0']],
    [
      'removes one that is stopped',
      'Superseded',
      { guests: [guest(0, { power: 'stopped', markedMsAgo: 1 })] },
      ['remove web-r1-0'],
    ],
  ])('%s', (_, state, view, words) => {
    expect(plan(state, view).words).toEqual(words);
  });

  it.each<[string, Parameters<typeof testView>[0], { words: string[]; checkAfterMs: number | undefined }]>([
    ['the drain without a proxy', { guests: [guest(0, { markedMsAgo: 4_000 })] }, { words: [], checkAfterMs: 6_000 }],
    [
      'nothing after it',
      { guests: [guest(0, { markedMsAgo: 10_000 })] },
      { words: ['remove web-r1-0'], checkAfterMs: undefined },
    ],
    [
      'the proxy to let go of it',
      { guests: [guest(0, { markedMsAgo: 20_000 })], route: route([0]) },
      { words: [], checkAfterMs: 50_000 },
    ],
    [
      'the drain since the proxy let go of it',
      { guests: [guest(0, { markedMsAgo: 20_000 })], route: route([], [[0, 3_000]]) },
      { words: [], checkAfterMs: 7_000 },
    ],
    [
      'the proxy no longer than a minute after the drain',
      { guests: [guest(0, { markedMsAgo: 70_000 })], route: route([0]) },
      { words: ['remove web-r1-0'], checkAfterMs: undefined },
    ],
    [
      'no drain of a worker',
      { guests: [guest(0, { markedMsAgo: 1 })], service: worker },
      { words: ['remove web-r1-0'], checkAfterMs: undefined },
    ],
  ])('before a guest goes, waits for %s', (_, view, expected) => {
    expect(plan('Superseded', view)).toEqual(expected);
  });

  it('removes guests at once of a revision that never took requests', () => {
    expect(plan('Failed', { guests: [guest(0), guest(1)] }, false).words).toEqual([
      'remove web-r1-0',
      'remove web-r1-1',
    ]);
  });
});
