/** One line of output for the person or the program that reads it. */
export type Say = (line: string) => void;

/** Text from elsewhere as part of one line: whatever it holds, it moves no cursor and breaks no table. */
export function plainLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** How long ago, in at most two units, as kubectl says it: 45s, 3m12s, 5h30m, 12d. Empty for what is no time. */
export function ageText(time: string, now = Date.now()): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return '';
  const age = Math.max(0, now - at);
  if (age < 2 * MINUTE) return `${Math.floor(age / SECOND)}s`;
  if (age < 10 * MINUTE) return inTwo(age, [MINUTE, 'm'], [SECOND, 's']);
  if (age < 3 * HOUR) return `${Math.floor(age / MINUTE)}m`;
  if (age < 8 * HOUR) return inTwo(age, [HOUR, 'h'], [MINUTE, 'm']);
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)}h`;
  if (age < 8 * DAY) return inTwo(age, [DAY, 'd'], [HOUR, 'h']);
  if (age < 2 * YEAR) return `${Math.floor(age / DAY)}d`;
  return inTwo(age, [YEAR, 'y'], [DAY, 'd']);
}

function inTwo(age: number, [large, largeUnit]: [number, string], [small, smallUnit]: [number, string]): string {
  const rest = Math.floor((age % large) / small);
  return `${Math.floor(age / large)}${largeUnit}${rest === 0 ? '' : `${rest}${smallUnit}`}`;
}
