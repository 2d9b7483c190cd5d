import { describe, expect, it } from 'vitest';
import { onlineCpus } from './online-cpus.ts';

describe('onlineCpus', () => {
  it.each([
    ['0\n', [0]],
    ['0-3\n', [0, 1, 2, 3]],
    ['0-1,4,6-7\n', [0, 1, 4, 6, 7]],
  ])('reads %j', (list, cpus) => {
    expect(onlineCpus(list)).toEqual(cpus);
  });
});
