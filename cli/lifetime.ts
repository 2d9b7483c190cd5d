import { InvalidArgumentError } from 'commander';

const HOUR = 3_600_000;
const units = new Map([
  ['h', HOUR],
  ['d', 24 * HOUR],
  ['w', 7 * 24 * HOUR],
  ['y', 365 * 24 * HOUR],
]);

/** Milliseconds of `12h`, `30d`, `6w` or `1y`, at most ten years. InvalidArgumentError for anything else. */
export function readLifetime(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,6})([hdwy])$/.exec(text) ?? [];
  const ms = Number(amount) * (units.get(unit) ?? 0);
  if (ms === 0) throw new InvalidArgumentError('Use a time such as 12h, 30d, 6w or 1y.');
  if (ms > 10 * 365 * 24 * HOUR) throw new InvalidArgumentError('Use at most 10y.');
  return ms;
}
