import { describe, expect, it } from 'vitest';
import { readUsage } from './guest-orders.ts';

describe('readUsage', () => {
  it('reads what the disks were asked for, and for how long it has been counted', () => {
    expect(readUsage('USAGE reads=12 writes=0 uptime_ms=60000')).toEqual({ reads: 12, writes: 0, uptimeMs: 60_000 });
  });

  it.each([
    ['a guest where it is not counted', 'USAGE'],
    ['a supervisor that is too old to know', 'ERR unknown command'],
    ['half an answer', 'USAGE reads=12'],
    ['a number that is none', 'USAGE reads=-1 writes=0 uptime_ms=60000'],
    ['a number that is too large to calculate with', 'USAGE reads=9007199254740993 writes=0 uptime_ms=60000'],
  ])('knows nothing from %s', (_, line) => {
    expect(readUsage(line)).toBeUndefined();
  });
});
