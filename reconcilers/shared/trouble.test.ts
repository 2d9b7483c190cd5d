import { describe, expect, it } from 'vitest';
import type { Guest } from '../../crds/guest.ts';
import { isUnknown, troubleOfGuests } from './guest-troubles.ts';
import { Setbacks } from './setbacks.ts';
import { testCondition, testGuest } from './testing.ts';
import { troubleOf } from './trouble.ts';

const now = new Date('2026-01-01T01:00:00Z');

function named(name: string, ...conditions: ReturnType<typeof testCondition>[]): Guest {
  const guest = testGuest({}, { conditions });
  return { ...guest, metadata: { ...guest.metadata, name } };
}

describe('troubleOf', () => {
  it.each([
    ['nothing is known', [], undefined],
    ['all goes its way', [testCondition('Ready', 'False', 'Creating')], undefined],
    ['what is ready waits for something', [testCondition('Ready', 'True', 'StorageFull')], undefined],
    ['it is stalled', [testCondition('Stalled', 'True', 'UnsupportedSpec')], 'UnsupportedSpec'],
    ['the last pass could not go on', [testCondition('Reconciling', 'True', 'StorageFull')], 'StorageFull'],
    ['the last pass only waits', [testCondition('Reconciling', 'True', 'Creating')], undefined],
    ['it is not ready for a reason', [testCondition('Ready', 'False', 'CrashLoop')], 'CrashLoop'],
    ['nobody can look', [testCondition('Ready', 'Unknown', 'NodeOffline')], 'NodeOffline'],
  ] as const)('when %s', (_, conditions, reason) => {
    expect(troubleOf(named('a', ...conditions))?.reason).toBe(reason);
  });
});

describe('troubleOfGuests', () => {
  it('lets the first troubled guest speak, whatever the order of the list', () => {
    const one = named('a-0', testCondition('Ready', 'False', 'Creating'));
    const two = named('a-1', testCondition('Ready', 'False', 'CrashLoop', 'It ends.'));
    const three = named('a-2', testCondition('Ready', 'False', 'TaskFailed', 'It fails.'));
    const words = { reason: 'CrashLoop', message: 'Guest a-1: It ends.' };
    expect(troubleOfGuests([three, two, one])).toEqual(words);
    expect(troubleOfGuests([one, two, three])).toEqual(words);
    expect(troubleOfGuests([one])).toBeUndefined();
  });
});

describe('isUnknown', () => {
  const unknown = named('a-0', testCondition('Ready', 'Unknown', 'NodeOffline'));
  const down = named('a-1', testCondition('Ready', 'False', 'Unhealthy'));
  const up = named('a-2', testCondition('Ready', 'True', 'Healthy'));

  it.each([
    ['no guest at all', [], false],
    ['one of which nothing is known', [unknown], true],
    ['one of which nothing is known beside one that serves', [unknown, up], true],
    ['one that is known to be down', [unknown, down], false],
    ['one that nobody has looked at yet', [unknown, named('a-3')], false],
  ])('for %s', (_, guests, expected) => {
    expect(isUnknown(guests)).toBe(expected);
  });
});

describe('Setbacks', () => {
  it('rests longer each time, and not at all after a success', () => {
    const setbacks = new Setbacks();
    const trouble = { reason: 'TaskFailed', message: 'It broke.' } as const;
    const rests = [1, 2, 3, 4].map(() => setbacks.note('a', trouble, now));
    expect(rests).toEqual(rests.toSorted((a, b) => a - b));
    expect(setbacks.last('a')).toEqual(trouble);
    expect(setbacks.restMs('a', now)).toBe(rests.at(-1));
    expect(setbacks.restMs('a', new Date(now.getTime() + 3_600_000))).toBe(0);
    expect(setbacks.restMs('b', now)).toBe(0);
    setbacks.clear('a');
    expect(setbacks.last('a')).toBeUndefined();
    expect(setbacks.restMs('a', now)).toBe(0);
    expect(setbacks.note('a', trouble, now)).toBeLessThan(2_000);
  });
});
