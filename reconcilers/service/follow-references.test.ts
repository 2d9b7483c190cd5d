import { describe, expect, it } from 'vitest';
import { planFollowing, recordFollowed, recordReferences } from './follow-references.ts';

const now = new Date('2026-01-01T12:00:00Z');
const nowMs = now.getTime();
const recorded = { digest: 'one', endpoints: { api: '10.0.0.1:80' }, inARow: 0 };
const same = { missing: undefined, digest: 'one', endpoints: { api: '10.0.0.1:80' } };
const other = { ...same, digest: 'two' };
const moved = { ...same, endpoints: { api: '10.0.0.2:80' } };
const old = { firstMs: nowMs - 5_000, lastMs: nowMs - 5_000 };

function plan(input: Partial<Parameters<typeof planFollowing>[0]>): ReturnType<typeof planFollowing> {
  return planFollowing({ recorded, current: other, isInCircle: () => false, sighting: old, now, ...input });
}

describe('planFollowing', () => {
  it.each<[string, Parameters<typeof plan>[0], ReturnType<typeof plan>]>([
    ['rolls for another value', {}, { do: 'roll' }],
    ['rolls for another address', { current: moved }, { do: 'roll' }],
    ['does nothing while all is as it was', { current: same }, { do: 'nothing' }],
    ['does nothing for what is not referred to any more', { current: { ...same, endpoints: {} } }, { do: 'nothing' }],
    ['does nothing while something is missing', { current: { ...other, missing: 'env A' } }, { do: 'nothing' }],
    ['does nothing before anything is recorded', { recorded: undefined }, { do: 'nothing' }],
    [
      'waits until no more changes come',
      { sighting: { firstMs: nowMs - 1_500, lastMs: nowMs - 500 } },
      { do: 'wait', forMs: 1_500 },
    ],
    ['does not wait for ever', { sighting: { firstMs: nowMs - 10_000, lastMs: nowMs - 100 } }, { do: 'roll' }],
    [
      'rests after the last time',
      { recorded: { ...recorded, followedAt: new Date(nowMs - 10_000).toISOString(), inARow: 1 } },
      { do: 'wait', forMs: 20_000 },
    ],
    [
      'rests longer after many times in a row, and no longer than ten minutes',
      { recorded: { ...recorded, followedAt: now.toISOString(), inARow: 30 } },
      { do: 'wait', forMs: 600_000 },
    ],
    ['restarts for an address that leads back', { current: moved, isInCircle: () => true }, { do: 'restart' }],
    [
      'rolls for a value although an address leads back too',
      { current: { ...other, endpoints: moved.endpoints }, isInCircle: () => true },
      { do: 'roll' },
    ],
    [
      'rolls for an address that leads nowhere beside one that leads back',
      {
        current: { ...moved, endpoints: { ...moved.endpoints, db: '10.0.0.9:80' } },
        isInCircle: (name) => name === 'api',
      },
      { do: 'roll' },
    ],
  ])('%s', (_, input, expected) => {
    expect(plan(input)).toEqual(expected);
  });
});

describe('recordFollowed', () => {
  it('counts times in a row, and begins anew after a rest', () => {
    const first = recordFollowed(recorded, other, now);
    expect(first).toEqual({ digest: 'two', endpoints: other.endpoints, followedAt: now.toISOString(), inARow: 1 });
    expect(recordFollowed(first, other, new Date(nowMs + 40_000)).inARow).toBe(2);
    expect(recordFollowed(first, other, new Date(nowMs + 61_000)).inARow).toBe(1);
  });
});

describe('recordReferences', () => {
  it('keeps when a change was last followed', () => {
    const followed = { ...recorded, followedAt: now.toISOString(), inARow: 3 };
    expect(recordReferences(followed, other)).toEqual({ ...followed, digest: 'two' });
    expect(recordReferences(undefined, other)).toEqual({ digest: 'two', endpoints: other.endpoints, inARow: 0 });
  });
});
