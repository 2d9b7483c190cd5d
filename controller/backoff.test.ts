import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

describe('Backoff', () => {
  it('doubles from a second to five minutes', () => {
    const backoff = new Backoff({ random: () => 0 });
    const rests = Array.from({ length: 12 }, () => backoff.next('web'));
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 200, 200, 200, 200].map((seconds) => seconds * 1_000));
  });

  it.each([0, 0.5, 0.999_999])('stays between a second and five minutes when chance says %d', (chance) => {
    const backoff = new Backoff({ random: () => chance });
    const rests = Array.from({ length: 200 }, () => backoff.next('web'));
    expect(Math.min(...rests)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...rests)).toBeLessThanOrEqual(300_000);
  });

  it('spreads what failed together, also when all rest the longest', () => {
    const backoff = new Backoff();
    const rests = Array.from({ length: 50 }, (_, index) => {
      for (let failure = 0; failure < 15; failure++) backoff.next(`web-${index}`);
      return backoff.next(`web-${index}`);
    });
    expect(Math.max(...rests) - Math.min(...rests)).toBeGreaterThan(30_000);
  });

  it('begins again for a key that has recovered, and for no other', () => {
    const backoff = new Backoff({ random: () => 0 });
    for (let failure = 0; failure < 4; failure++) for (const key of ['web', 'db']) backoff.next(key);
    backoff.reset('web');
    expect(backoff.failures('web')).toBe(0);
    expect(backoff.next('web')).toBe(1_000);
    expect(backoff.next('db')).toBe(16_000);
  });
});
