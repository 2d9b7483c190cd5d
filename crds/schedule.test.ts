import { describe, expect, it } from 'vitest';
import { CronSchedule, TimeZone } from './schedule.ts';
import { Service } from './service.ts';

function problemOf(text: string): string | undefined {
  return CronSchedule.safeParse(text).error?.issues[0]?.message;
}

describe('CronSchedule', () => {
  it.each(['* * * * *', '0 3 * * *', '*/5 8-18 * * mon-fri', '0,30 1-5/2 1 JAN,Jul 7', '@daily', '5 4 * * sun'])(
    'takes %s',
    (text) => {
      expect(problemOf(text)).toBeUndefined();
    },
  );

  it.each([
    ['every day', /five fields/],
    ['0 3 * *', /five fields/],
    ['* * * * * *', /five fields/],
    ['60 * * * *', /the minute "60" must be/],
    ['0 24 * * *', /the hour "24" must be/],
    ['0 0 0 * *', /the day of the month "0" must be/],
    ['0 0 1 13 *', /the month "13" must be/],
    ['0 0 * * 8', /the day of the week "8" must be/],
    ['0 0 * * fun', /the day of the week "fun" must be/],
    ['5-1 * * * *', /the minute "5-1" must be/],
    ['*/0 * * * *', /the minute "\*\/0" must be/],
    ['5/5 * * * *', /the minute "5\/5" must be/],
    ['1-2-3 * * * *', /the minute "1-2-3" must be/],
    [', * * * *', /the minute "" must be/],
    ['@often', /must be one of @hourly/],
  ])('refuses %j and says which field is wrong', (text, words) => {
    expect(problemOf(text)).toMatch(words);
  });
});

describe('TimeZone', () => {
  it.each([
    ['Europe/Berlin', true],
    ['UTC', true],
    ['Mars/Olympus', false],
    ['+02:00', false],
    ['', false],
  ])('%s: %s', (name, isKnown) => {
    expect(TimeZone.safeParse(name).success).toBe(isKnown);
  });
});

describe('a Service with volumes', () => {
  const source = { type: 'image', image: 'nginx:1.29' };
  const data = { name: 'data', mountPath: '/data' };

  it.each([
    ['two replicas', { replicas: 2 }, 'replicas'],
    ['two runs at once', { type: 'cron', schedule: '@daily', concurrencyPolicy: 'Allow' }, 'concurrencyPolicy'],
    ['two volumes at one path', { volumes: [data, { ...data, name: 'more' }] }, 'volumes'],
  ])('refuses %s', (_, spec, field) => {
    const read = Service.specSchema.safeParse({ source, volumes: [data], ...spec });
    expect(read.error?.issues.map(({ path }) => path.join('.'))).toEqual([field]);
  });

  it('takes one replica', () => {
    expect(Service.specSchema.safeParse({ source, volumes: [data] }).success).toBe(true);
  });
});
