import { SingleLine } from './names.ts';

interface FieldRule {
  name: string;
  from: number;
  to: number;
  /** Words for numbers, the first for `from`. */
  words?: readonly string[];
}

const rules: readonly FieldRule[] = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of the month', from: 1, to: 31 },
  {
    name: 'month',
    from: 1,
    to: 12,
    words: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { name: 'day of the week', from: 0, to: 7, words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

const nicknames: ReadonlySet<string> = new Set(['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly']);

/** A schedule in the five fields of cron, or a word for one such as "@daily". */
export const CronSchedule = SingleLine.max(256).superRefine((text, context) => {
  const message = scheduleProblem(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** The name of a time zone, as in "Europe/Berlin". */
export const TimeZone = SingleLine.max(64).refine(isTimeZone, 'must be a time zone such as "Europe/Berlin" or "UTC"');

function scheduleProblem(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.startsWith('@'))
    return nicknames.has(trimmed.toLowerCase())
      ? undefined
      : `must be one of ${[...nicknames].join(', ')}, or five fields`;
  const fields = trimmed.split(/\s+/);
  if (fields.length !== rules.length)
    return 'must be five fields: minute, hour, day of the month, month and day of the week, such as "0 3 * * *"';
  for (const [index, rule] of rules.entries()) {
    const wrong = (fields[index] ?? '').split(',').find((part) => !fits(part, rule));
    if (wrong !== undefined)
      return `the ${rule.name} "${wrong}" must be "*", a number from ${rule.from} to ${rule.to}, a range such as "${rule.from}-${rule.from + 3}" or a step such as "*/2"`;
  }
  return undefined;
}

/** One of the parts between commas: `*`, `5`, `1-5`, each but the number alone with a step if need be. */
function fits(part: string, rule: FieldRule): boolean {
  const [, range = '', step] = /^([^/]*)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
  if (step !== undefined && (Number(step) < 1 || Number(step) > rule.to)) return false;
  if (range === '*') return true;
  const [first, last, ...more] = range.split('-').map((text) => numberOf(text, rule));
  if (first === undefined || more.length > 0) return false;
  if (!range.includes('-')) return step === undefined;
  return last !== undefined && first <= last;
}

function numberOf(text: string, { from, to, words = [] }: FieldRule): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  if (word >= 0) return from + word;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  return number >= from && number <= to ? number : undefined;
}

function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
