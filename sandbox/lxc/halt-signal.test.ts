import { describe, expect, it } from 'vitest';
import { signalNumber } from './halt-signal.ts';

describe('signalNumber', () => {
  it.each([
    ['SIGTERM', 15],
    ['term', 15],
    ['9', 9],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['SIGPWR', 30],
  ])('reads %s as %i', (name, number) => {
    expect(signalNumber(name)).toBe(number);
  });

  it.each(['', 'SIGNOPE', '0', '65', '-1', 'SIGRTMAX+1', 'SIGTERM\n1'])('refuses %j', (name) => {
    expect(() => signalNumber(name)).toThrow('is not a signal');
  });
});
