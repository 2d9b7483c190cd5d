import { z } from 'zod';

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const pattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** A length of time as people write it: `30s`, `5m`, `1h30m`. Kept as text; `durationMs` reads it. */
export const Duration = z
  .string()
  .max(32)
  .regex(pattern, 'must be a duration such as "30s", "5m" or "1h30m"')
  .meta({ description: 'A length of time: a number and a unit (ms, s, m, h, d), such as "30s" or "1h30m".' });

/** Milliseconds of a valid duration. */
export function durationMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    if (amount !== undefined && isUnit(unit)) total += Number(amount) * units[unit];
  }
  return total;
}

function isUnit(unit: string | undefined): unit is keyof typeof units {
  return unit !== undefined && unit in units;
}
