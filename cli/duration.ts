import { InvalidArgumentError } from 'commander';

const units = new Map([
  ['ms', 1],
  ['', 1_000],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of `90s`, `5m`, `1h30m`; a number alone is seconds. InvalidArgumentError for anything else. */
export function readDuration(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)$/.test(text))
    throw new InvalidArgumentError('Use a duration such as 90s, 5m or 1h30m.');
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)?/g))
    total += Number(amount) * (units.get(unit) ?? 0);
  // Timers of JavaScript hold no more.
  if (total > 2 ** 31 - 1) throw new InvalidArgumentError('Use at most 24 days.');
  return total;
}
