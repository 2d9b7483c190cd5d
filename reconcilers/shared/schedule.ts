import { Cron } from 'croner';

/** When a schedule comes due. */
export interface Schedule {
  /** In words that tell two schedules apart. */
  text: string;
  /** The first time after `time`; undefined when it never comes. */
  next(time: Date): Date | undefined;
  /** The last time up to and including `time`, if it is after `since`. */
  latest(since: Date, time: Date): Date | undefined;
  /** How many times lie after `since`, up to and including `time`; counted no further than `most`. */
  count(since: Date, time: Date, most: number): number;
}

export type ScheduleReading = { ok: true; schedule: Schedule } | { ok: false; message: string };

const DEFAULT_TIME_ZONE = 'UTC';

/** A schedule as a spec says it, at `field`. */
export interface ScheduleText {
  schedule?: string | undefined;
  timeZone?: string | undefined;
}

/**
 * Reads a schedule. On the day that clocks go forward, a run at a time that does not exist comes at the first
 * that does; on the day that they go back, a run at a time that comes twice comes once.
 */
export function readSchedule(
  { schedule: text = '', timeZone = DEFAULT_TIME_ZONE }: ScheduleText,
  field = 'spec.schedule',
): ScheduleReading {
  try {
    const cron = new Cron(text, { timezone: timeZone, fixedTimeRule: 'no-wildcard' });
    return { ok: true, schedule: scheduleOf(cron, `${text} ${timeZone}`) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, message: `${field} "${text}" in time zone ${timeZone} cannot be read: ${why}` };
  }
}

function scheduleOf(cron: Cron, text: string): Schedule {
  function next(time: Date): Date | undefined {
    return cron.nextRun(time) ?? undefined;
  }
  return {
    text,
    next,
    latest(since, time) {
      // The times before a moment do not include it.
      const [latest] = cron.previousRuns(1, new Date(time.getTime() + 1_000));
      if (latest && latest <= time) return latest > since ? latest : undefined;
      const [before] = cron.previousRuns(1, time);
      return before && before > since ? before : undefined;
    },
    count(since, time, most) {
      let count = 0;
      for (let at = next(since); at !== undefined && at <= time && count < most; at = next(at)) count += 1;
      return count;
    },
  };
}
