import { describe, expect, it } from 'vitest';
import { planGarbage, type GraphNode } from './plan-garbage.ts';

function node(uid: string, owners: string[] = [], deletingFor?: 'foregroundDeletion' | 'orphan' | 'own'): GraphNode {
  return {
    kind: 'Toy',
    key: { name: uid },
    uid,
    resourceVersion: '1',
    owners,
    deleting: deletingFor !== undefined,
    finalizers: deletingFor === undefined ? [] : [deletingFor],
  };
}

function plan(...nodes: GraphNode[]): string[] {
  return planGarbage(nodes).map((action) => {
    if (action.do === 'delete') return `delete ${action.node.uid} ${action.propagation}`;
    if (action.do === 'disown') return `disown ${action.node.uid} from ${action.owners.join()}`;
    return `release ${action.node.uid} from ${action.finalizer}`;
  });
}

describe('planGarbage', () => {
  it.each<[string, GraphNode[], string[]]>([
    ['leaves alone what has no owner', [node('a')], []],
    ['leaves alone what has a living owner', [node('a'), node('b', ['a'])], []],
    ['leaves alone what has one living owner of two', [node('a'), node('b', ['a', 'gone'])], []],
    ['deletes what lost every owner', [node('b', ['gone', 'gone-too'])], ['delete b Background']],
    ['deletes nothing twice', [node('b', ['gone'], 'own')], []],
    ['leaves alone the children of what is only being deleted', [node('a', [], 'own'), node('b', ['a'])], []],
    [
      'deletes the children of what waits for them',
      [node('a', [], 'foregroundDeletion'), node('b', ['a'])],
      ['delete b Background'],
    ],
    [
      'deletes children that have children in the foreground too',
      [node('a', [], 'foregroundDeletion'), node('b', ['a']), node('c', ['b'])],
      ['delete b Foreground'],
    ],
    ['waits for children that are being deleted', [node('a', [], 'foregroundDeletion'), node('b', ['a'], 'own')], []],
    [
      'lets go of what waited when its children are gone',
      [node('a', [], 'foregroundDeletion')],
      ['release a from foregroundDeletion'],
    ],
    [
      'takes a shared child off what waits for it',
      [node('a', [], 'foregroundDeletion'), node('o'), node('b', ['a', 'o'])],
      ['disown b from a'],
    ],
    ['takes orphans off their owner first', [node('a', [], 'orphan'), node('b', ['a'])], ['disown b from a']],
    ['lets go of the owner of orphans then', [node('a', [], 'orphan'), node('b')], ['release a from orphan']],
  ])('%s', (_, nodes, steps) => {
    expect(plan(...nodes)).toEqual(steps);
  });
});
