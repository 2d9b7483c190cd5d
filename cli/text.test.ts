import { describe, expect, it } from 'vitest';
import { ageText, plainLine } from './text.ts';

describe('ageText', () => {
  const now = Date.UTC(2026, 0, 31, 12);

  it.each([
    [45, '45s'],
    [119, '119s'],
    [192, '3m12s'],
    [300, '5m'],
    [3_600, '60m'],
    [19_800, '5h30m'],
    [90_000, '25h'],
    [7 * 86_400 + 3_600, '7d1h'],
    [400 * 86_400, '400d'],
    [-5, '0s'],
  ])('says %i seconds as %s', (seconds, text) => {
    expect(ageText(new Date(now - seconds * 1_000).toISOString(), now)).toBe(text);
  });

  it('is empty for what is no time', () => {
    expect(ageText('never', now)).toBe('');
  });
});

describe('plainLine', () => {
  it('leaves nothing that moves a cursor or ends a line', () => {
    expect(plainLine('a\n\tb\u001b[2Jc\u009bd\r')).toBe('a b [2Jc d');
  });
});
