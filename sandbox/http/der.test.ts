import { describe, expect, it } from 'vitest';
import { unsigned } from './der.ts';

describe('unsigned', () => {
  it.each([
    ['a small number', [0x05], [0x02, 1, 0x05]],
    ['a number whose first bit is set', [0x80, 0x01], [0x02, 3, 0x00, 0x80, 0x01]],
    ['zeros in front that say nothing', [0x00, 0x00, 0x7f], [0x02, 1, 0x7f]],
    ['a zero in front that is needed', [0x00, 0x80], [0x02, 2, 0x00, 0x80]],
    ['nothing but zeros', [0x00, 0x00], [0x02, 1, 0x00]],
  ])('writes %s in as few bytes as may be', (_, bytes, written) => {
    expect([...unsigned(Uint8Array.from(bytes))]).toEqual(written);
  });
});
