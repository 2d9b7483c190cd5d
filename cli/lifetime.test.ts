import { describe, expect, it } from 'vitest';
import { readLifetime } from './lifetime.ts';

describe('readLifetime', () => {
  it.each([
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['10y', 315_360_000_000],
  ])('reads %s', (text, ms) => {
    expect(readLifetime(text)).toBe(ms);
  });

  it.each(['', '30', 'd', '0d', '-1d', '1.5d', '30 d', '11y', '30m', '1d2h'])('refuses %j', (text) => {
    expect(() => readLifetime(text)).toThrow(/^Use /);
  });
});
