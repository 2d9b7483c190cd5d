const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** A length of time in at most two units, the way kubectl shows ages: `45s`, `3m20s`, `5h`, `2d7h`, `1y30d`. */
export function humanDuration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 2 * MINUTE) return `${Math.floor(length / SECOND)}s`;
  if (length < 10 * MINUTE) return inTwo(length, [MINUTE, 'm'], [SECOND, 's']);
  if (length < 3 * HOUR) return `${Math.floor(length / MINUTE)}m`;
  if (length < 8 * HOUR) return inTwo(length, [HOUR, 'h'], [MINUTE, 'm']);
  if (length < 2 * DAY) return `${Math.floor(length / HOUR)}h`;
  if (length < 8 * DAY) return inTwo(length, [DAY, 'd'], [HOUR, 'h']);
  if (length < 2 * YEAR) return `${Math.floor(length / DAY)}d`;
  if (length < 8 * YEAR) return inTwo(length, [YEAR, 'y'], [DAY, 'd']);
  return `${Math.floor(length / YEAR)}y`;
}

function inTwo(length: number, [large, largeUnit]: [number, string], [small, smallUnit]: [number, string]): string {
  const rest = Math.floor((length % large) / small);
  return `${Math.floor(length / large)}${largeUnit}${rest === 0 ? '' : `${rest}${smallUnit}`}`;
}
