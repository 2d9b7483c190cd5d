import { describe, expect, it } from 'vitest';
import { testCondition, testGuest } from '../shared/testing.ts';
import { isLongUnhealthy, noteSteady, noteStop } from './crash.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (ms: number): Date => new Date(start + ms);
const started: ReturnType<typeof noteStop> = {
  ...testGuest().status,
  startedDigest: 'd',
  startedAt: at(0).toISOString(),
};

function pauseOf(status: ReturnType<typeof noteStop>, now: Date): number {
  return Date.parse(status.startNotBefore ?? '') - now.getTime();
}

describe('noteStop', () => {
  it('lets a guest that stopped for the first time start at once', () => {
    const now = at(5_000);
    const status = noteStop(started, now);
    expect(status).toMatchObject({ crashes: 1, restarts: 1 });
    expect(pauseOf(status, now)).toBe(0);
  });

  it('doubles the pause with each stop, up to a minute', () => {
    let status = started;
    const pauses = Array.from({ length: 9 }, () => {
      status = { ...noteStop({ ...status, startedDigest: 'd' }, at(1_000)) };
      return pauseOf(status, at(1_000));
    });
    expect(pauses).toEqual([0, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('begins anew after a run of a minute', () => {
    expect(noteStop({ ...started, crashes: 7 }, at(60_000))).toMatchObject({ crashes: 1 });
  });

  it('counts a stop once, however often it is seen', () => {
    const once = noteStop(started, at(1_000));
    expect(noteStop(once, at(2_000))).toEqual(once);
  });
});

describe('noteSteady', () => {
  it('forgets the stops of a guest that has served for a minute, and no sooner', () => {
    const ready = { ...testCondition('Ready', 'True', 'Healthy'), lastTransitionTime: at(0).toISOString() };
    const status = { ...started, crashes: 3, conditions: [ready] };
    expect(noteSteady(status, at(59_000)).crashes).toBe(3);
    expect(noteSteady(status, at(60_000)).crashes).toBe(0);
    const down = { ...status, conditions: [{ ...ready, status: 'False' as const }] };
    expect(noteSteady(down, at(600_000)).crashes).toBe(3);
  });
});

describe('isLongUnhealthy', () => {
  const MINUTE_MS = 60_000;
  const unhealthy = { ...testCondition('Ready', 'False', 'Unhealthy'), lastTransitionTime: at(0).toISOString() };
  const checked = (restartAfter?: string) =>
    testGuest({ healthCheck: { tcp: { port: 80 }, ...(restartAfter !== undefined && { restartAfter }) } }).spec;

  it.each([
    ['not before its time', '5m', { crashes: 0 }, 4.9, false],
    ['at its time', '5m', { crashes: 0 }, 5, true],
    ['after twice the time when a restart did not help', '5m', { crashes: 1 }, 9.9, false],
    ['then', '5m', { crashes: 1 }, 10, true],
    ['after an hour at the latest', '5m', { crashes: 50 }, 60, true],
    ['never sooner than asked', '2h', { crashes: 3 }, 60, false],
    ['counted from its last start', '5m', { crashes: 0, startedAt: at(4 * MINUTE_MS).toISOString() }, 6, false],
    ['never unless asked', undefined, { crashes: 0 }, 10_000, false],
    [
      'not for another reason',
      '5m',
      { crashes: 0, conditions: [testCondition('Ready', 'False', 'CrashLoop')] },
      99,
      false,
    ],
  ])('%s', (_, restartAfter, about, minutes, expected) => {
    const status = { ...started, conditions: [unhealthy], ...about };
    expect(isLongUnhealthy(checked(restartAfter), status, at(minutes * MINUTE_MS))).toBe(expected);
  });
});
