import { describe, expect, it } from 'vitest';
import { noteStop } from './crash.ts';
import { testGuest } from '../shared/testing.ts';

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
