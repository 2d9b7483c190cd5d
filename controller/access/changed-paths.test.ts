import { describe, expect, it } from 'vitest';
import { changedPaths } from './changed-paths.ts';

describe('changedPaths', () => {
  it.each<[string, unknown, unknown, string[]]>([
    ['says nothing of what is the same', { a: { b: 1 } }, { a: { b: 1 } }, []],
    ['names the innermost field', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, ['a.c']],
    ['names what came and what went', { a: 1 }, { b: 1 }, ['a', 'b']],
    ['takes a list as a whole', { a: [1, 2] }, { a: [1, 3] }, ['a']],
    ['names a field that became something else', { a: { b: 1 } }, { a: 'b' }, ['a']],
    ['takes a field without a value for one that is not there', { a: undefined }, {}, []],
    [
      'leaves out what moves with every write',
      { metadata: { resourceVersion: '1', generation: 1, managedFields: [], labels: { a: 'b' } } },
      { metadata: { resourceVersion: '2', generation: 2, managedFields: [1], labels: { a: 'c' } } },
      ['metadata.labels.a'],
    ],
  ])('%s', (_, before, after, paths) => {
    expect(changedPaths(before, after)).toEqual(paths);
  });

  it('names only so many', () => {
    const after = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${index}`, 1]));
    expect(changedPaths({}, after)).toHaveLength(51);
    expect(changedPaths({}, after).at(-1)).toBe('and 10 more');
  });
});
