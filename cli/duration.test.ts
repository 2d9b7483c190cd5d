import { describe, expect, it } from 'vitest';
import { readDuration } from './duration.ts';

describe('readDuration', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['2d', 172_800_000],
    ['10', 10_000],
    ['0', 0],
  ])('reads %s', (text, ms) => {
    expect(readDuration(text)).toBe(ms);
  });

  it.each(['', 'soon', '-1s', '5 m', '1h30', 'm', '1e3', '99d'])('refuses "%s"', (text) => {
    expect(() => readDuration(text)).toThrow(/^Use /);
  });
});
