import { describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { testObject } from './testing.ts';
import { readSchedule, type Schedule } from './schedule.ts';

function scheduleOf(schedule: string, timeZone?: string): Schedule {
  const source = { type: 'image', image: 'app:1' };
  const { spec } = testObject(Service, 'nightly', { source, type: 'cron', schedule, timeZone });
  const reading = readSchedule(spec);
  if (!reading.ok) throw new Error(reading.message);
  return reading.schedule;
}

function nextOf(schedule: Schedule, from: string, count: number): string[] {
  const times: string[] = [];
  let at: Date | undefined = new Date(from);
  while (times.length < count) {
    at = schedule.next(at);
    if (!at) break;
    times.push(at.toISOString());
  }
  return times;
}

describe('readSchedule', () => {
  it.each([
    ['at a time that does not exist', '2026-03-28T12:00:00Z', ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']],
    ['at a time that comes twice', '2026-10-24T12:00:00Z', ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']],
  ])('comes due once a day, also %s', (_, from, times) => {
    expect(nextOf(scheduleOf('30 2 * * *', 'Europe/Berlin'), from, 2)).toEqual(times);
  });

  it('comes due every hour also in the hour that clocks repeat', () => {
    const hours = nextOf(scheduleOf('@hourly', 'Europe/Berlin'), '2026-10-24T23:30:00Z', 3);
    expect(hours).toEqual(['2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000Z']);
  });

  it('goes by UTC without a time zone', () => {
    expect(nextOf(scheduleOf('0 3 * * *'), '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T03:00:00.000Z']);
  });

  it('never comes due on a day that does not exist', () => {
    expect(scheduleOf('0 0 30 2 *').next(new Date('2026-01-01T00:00:00Z'))).toBeUndefined();
  });

  const every = scheduleOf('*/10 * * * *');
  const at = (time: string): Date => new Date(`2026-01-01T${time}Z`);

  it.each([
    ['between two times', '00:00:00', '00:15:00', '00:10:00'],
    ['at the very time', '00:00:00', '00:10:00', '00:10:00'],
    ['a moment before', '00:00:00', '00:09:59', undefined],
    ['when it was dealt with', '00:10:00', '00:15:00', undefined],
  ])('finds the latest time %s', (_, since, now, latest) => {
    expect(every.latest(at(since), at(now))).toEqual(latest === undefined ? undefined : at(latest));
  });

  it('counts the times in between, and no further than it is told', () => {
    expect(every.count(at('00:00:00'), at('00:30:00'), 100)).toBe(3);
    expect(every.count(at('00:00:00'), at('00:30:00'), 2)).toBe(2);
  });

  it('says what it cannot read', () => {
    const { spec } = testObject(Service, 'nightly', { source: { type: 'image', image: 'app:1' } });
    expect(readSchedule({ ...spec, schedule: 'whenever' })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/spec\.schedule "whenever" in time zone UTC cannot be read/),
    });
  });
});
