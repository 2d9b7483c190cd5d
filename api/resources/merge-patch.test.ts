import { describe, expect, it } from 'vitest';
import { mergePatch } from './merge-patch.ts';

describe('mergePatch', () => {
  it.each<[string, unknown, unknown, unknown]>([
    ['replaces a value', { a: 'b' }, { a: 'c' }, { a: 'c' }],
    ['adds a value', { a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    ['removes with null', { a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    ['leaves alone what it removes but is not there', { b: 'c' }, { a: null }, { b: 'c' }],
    ['replaces lists as a whole', { a: ['b', 'c'] }, { a: ['d'] }, { a: ['d'] }],
    ['merges inside maps', { a: { b: 1, c: 2 } }, { a: { b: 3, c: null } }, { a: { b: 3 } }],
    ['makes a map of what was none', { a: ['b'] }, { a: { c: null, d: 1 } }, { a: { d: 1 } }],
    ['replaces the whole with what is no map', { a: 1 }, [1], [1]],
  ])('%s', (_, target, patch, merged) => {
    const before = structuredClone(target);
    expect(mergePatch(target, patch)).toEqual(merged);
    expect(target).toEqual(before);
  });
});
