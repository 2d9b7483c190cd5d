import { describe, expect, it } from 'vitest';
import { findByPath } from './json-path.ts';

const object = {
  metadata: { name: 'web', labels: { 'a.b/c': 'x' }, ownerReferences: [{ name: 'web-r1' }] },
  status: {
    nodes: ['pve1', 'pve2', 'pve3'],
    nothing: null,
    zero: 0,
    conditions: [
      { type: 'Ready', status: 'True', observedGeneration: 3 },
      { type: 'Stalled', status: 'False', observedGeneration: 2 },
    ],
  },
};

describe('findByPath', () => {
  it.each<[string, unknown[]]>([
    ['.metadata.name', ['web']],
    ['$.metadata.name', ['web']],
    ['{.metadata.name}', ['web']],
    [".metadata.labels['a.b/c']", ['x']],
    ['.metadata.ownerReferences[0].name', ['web-r1']],
    ['.status.nodes[*]', ['pve1', 'pve2', 'pve3']],
    ['.status.nodes[1]', ['pve2']],
    ['.status.nodes[-1]', ['pve3']],
    ['.status.nodes[-3]', ['pve1']],
    ['.status.nodes[9]', []],
    ['.status.zero', [0]],
    ['.status.nothing', []],
    ['.status.absent.deeper', []],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Ready')].status", ['True']],
    ['.status.conditions[?(@.type!="Ready")].type', ['Stalled']],
    ['.status.conditions[?(@.observedGeneration==2)].type', ['Stalled']],
    ['.status.conditions[*].type', ['Ready', 'Stalled']],
    ['.metadata.labels.*', ['x']],
    ['.constructor.name', []],
  ])('finds %s', (path, values) => {
    expect(findByPath(path, object)).toEqual(values);
  });

  it.each(['metadata', '.a..b', '.a[', '.a[?(@.b)]', '.a b'])('does not take %s for a path', (path) => {
    expect(findByPath(path, object)).toBeUndefined();
  });
});
