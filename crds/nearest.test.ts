import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

describe('nearest', () => {
  it.each<[string, string, string[], string | undefined]>([
    ['finds a forgotten letter', 'replica', ['region', 'replicas'], 'replicas'],
    ['finds swapped letters', 'repliacs', ['region', 'replicas'], 'replicas'],
    ['finds another case', 'displayname', ['displayName'], 'displayName'],
    ['takes the closest of several', 'port', ['path', 'ports', 'parts'], 'ports'],
    ['suggests nothing that is far off', 'banana', ['replicas', 'region'], undefined],
    ['suggests nothing without candidates', 'replica', [], undefined],
    ['gives up on words too long to be typing errors', 'a'.repeat(100_000), ['a'.repeat(99_999)], undefined],
  ])('%s', (_, word, candidates, found) => {
    expect(nearest(word, candidates)).toBe(found);
  });
});
