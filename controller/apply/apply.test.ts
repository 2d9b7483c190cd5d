import { assert, constantFrom, dictionary, integer, oneof, property, record, array, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ManagedFields } from '../../crds/meta.ts';
import { recordApply } from './apply.ts';
import { hasWhole, leavesOf, readTree, treeOf, valueAt } from './field-tree.ts';
import { apply, empty, later, owned, schema, update, type World } from './testing.ts';

describe('apply', () => {
  it('states fields and owns them', () => {
    const world = apply(empty, 'cli', { spec: { replicas: 2, source: { image: 'a' } } });
    expect(world.object).toEqual({ spec: { replicas: 2, source: { image: 'a' } } });
    expect(owned(world, 'cli')).toEqual(['.spec.replicas', '.spec.source.image']);
  });

  it('removes what the same manager no longer states', () => {
    const first = apply(empty, 'cli', {
      metadata: { labels: { a: '1', b: '2' } },
      spec: { replicas: 2, schedule: 'x' },
    });
    const second = apply(first, 'cli', { metadata: { labels: { a: '1' } }, spec: { replicas: 2 } });
    expect(second.object).toEqual({ metadata: { labels: { a: '1' } }, spec: { replicas: 2 } });
  });

  it('keeps what nobody is known to have stated', () => {
    const first = apply({ object: { metadata: { labels: { x: 'y' } }, spec: { other: 1 } }, entries: [] }, 'cli', {
      metadata: { labels: { a: '1' } },
      spec: { replicas: 2 },
    });
    expect(apply(first, 'cli', {}).object).toEqual({ metadata: { labels: { x: 'y' } }, spec: { other: 1 } });
  });

  it('removes defaults together with the field that they hang on', () => {
    const first = apply(empty, 'cli', { spec: { healthCheck: { http: { port: 80 } } } });
    const defaulted = {
      ...first,
      object: { spec: { healthCheck: { http: { port: 80, path: '/' }, interval: '5s' } } },
    };
    const second = apply(defaulted, 'cli', { spec: { healthCheck: { tcp: { port: 80 } } } });
    expect(second.object).toEqual({ spec: { healthCheck: { tcp: { port: 80 }, interval: '5s' } } });
  });

  it('names manager and field of a conflict, and changes nothing', () => {
    const first = apply(empty, 'cli', { spec: { replicas: 2 } });
    const second = apply(first, 'reposync/shop', { spec: { replicas: 3 } });
    expect(second.conflicts).toEqual([{ manager: 'cli', operation: 'Apply', path: ['f:spec', 'f:replicas'] }]);
    expect(second.object).toEqual(first.object);
  });

  it('shares a field that two managers state alike, and keeps it when one of them leaves it', () => {
    const first = apply(empty, 'cli', { spec: { replicas: 2 } });
    const shared = apply(first, 'reposync/shop', { spec: { replicas: 2 } });
    expect(shared.conflicts).toEqual([]);
    const left = apply(shared, 'cli', {});
    expect(left.object).toEqual({ spec: { replicas: 2 } });
    expect(owned(left, 'cli')).toEqual([]);
    expect(apply(left, 'reposync/shop', {}).object).toEqual({ spec: {} });
  });

  it('takes a field from its owner when forced', () => {
    const first = apply(empty, 'cli', { spec: { replicas: 2, region: 'a' } });
    const forced = apply(first, 'autoscaler', { spec: { replicas: 3 } }, true);
    expect(forced.object).toEqual({ spec: { replicas: 3, region: 'a' } });
    expect(owned(forced, 'cli')).toEqual(['.spec.region']);
    expect(owned(forced, 'autoscaler')).toEqual(['.spec.replicas']);
  });

  it('treats lists without keys as a whole', () => {
    const first = apply(empty, 'cli', { spec: { unknown: ['a'] } });
    expect(apply(first, 'other', { spec: { unknown: ['b'] } }).conflicts).toHaveLength(1);
    expect(apply(first, 'cli', { spec: { unknown: [] } }).object).toEqual({ spec: { unknown: [] } });
  });

  it('sees a conflict between a map and a whole field in its place', () => {
    const first = apply(empty, 'cli', { spec: { source: { image: 'a' } } });
    expect(apply(first, 'other', { spec: { source: 'b' } }).conflicts).toHaveLength(1);
  });

  it('leaves the record alone when the same is applied again', () => {
    const first = apply(empty, 'cli', { spec: { replicas: 2 } });
    const again = recordApply({
      applied: { spec: { replicas: 2 } },
      manager: 'cli',
      entries: first.entries,
      overridden: [],
      schema,
      now: later,
    });
    expect(again).toEqual(first.entries);
  });

  it('leaves the record alone when several apply the same again, in whatever order', () => {
    const applied = { spec: { replicas: 2 } };
    const world = apply(apply({ object: {}, entries: [] }, 'cli', applied), 'git', applied);
    for (const manager of ['cli', 'git'])
      expect(recordApply({ applied, manager, entries: world.entries, schema, overridden: [], now: later })).toEqual(
        world.entries,
      );
  });
});

describe('recordUpdate', () => {
  it('gives what was changed to the one who changed it', () => {
    const first = apply(empty, 'cli', { spec: { replicas: 2, region: 'a' } });
    const edited = update(first, 'kubectl-edit', { spec: { replicas: 5, region: 'a' } });
    expect(owned(edited, 'cli')).toEqual(['.spec.region']);
    expect(apply(edited, 'cli', { spec: { replicas: 2, region: 'a' } }).conflicts).toEqual([
      { manager: 'kubectl-edit', operation: 'Update', path: ['f:spec', 'f:replicas'] },
    ]);
  });

  it('forgets what was removed', () => {
    const first = apply(empty, 'cli', { metadata: { labels: { a: '1' } } });
    const edited = update(first, 'rest', { metadata: { labels: {} } });
    expect(owned(edited, 'cli')).toEqual([]);
  });

  it('records nothing when nothing changed', () => {
    const first = apply(empty, 'cli', { spec: { replicas: 2 } });
    expect(update(first, 'rest', { spec: { replicas: 2 } }).entries).toEqual(first.entries);
  });

  it('keeps the entries of status apart', () => {
    const status: ManagedFields = { manager: 'cli', operation: 'Update', apiVersion: 'v', subresource: 'status' };
    const world = update({ object: {}, entries: [status] }, 'cli', { spec: { replicas: 1 } });
    expect(world.entries).toHaveLength(2);
    expect(world.entries[0]).toEqual(status);
  });

  it('forgets the oldest of very many', () => {
    let world = empty;
    for (let n = 0; n < 40; n += 1)
      world = update(world, `m${n}`, { spec: { [`f${n}`]: 1, ...recordOf(world.object.spec) } });
    expect(world.entries).toHaveLength(16);
    expect(world.entries.at(-1)?.manager).toBe('m39');
  });
});

function recordOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

describe('any course of applies', () => {
  const names = constantFrom('a', 'b', 'c');
  const leaf = oneof(integer({ min: 0, max: 2 }), array(integer({ min: 0, max: 1 }), { maxLength: 2 }));
  const variable = record({ name: constantFrom('A', 'B', 'C'), value: constantFrom('1', '2') });
  const env = uniqueArray(variable, { selector: ({ name }) => name, maxLength: 3 });
  const spec = oneof(
    dictionary(names, oneof(leaf, dictionary(names, leaf))),
    record({ env, a: leaf }, { requiredKeys: ['env'] }),
  );
  const config = record({ spec });
  const step = record({ manager: constantFrom('x', 'y'), config });

  it('holds what was applied, for as long as nobody forces it', () => {
    assert(
      property(array(step, { maxLength: 6 }), step, (before, last) => {
        const world = before.reduce<World>((past, { manager, config }) => apply(past, manager, config), empty);
        const next = apply(world, last.manager, last.config);
        if (next.conflicts.length > 0) {
          expect(next.object).toEqual(world.object);
          return;
        }
        const tree = treeOf(last.config, schema);
        for (const path of leavesOf(tree)) {
          // An empty map states that there is a map, not that nothing is in it.
          if (!hasWhole(tree, path)) continue;
          expect(valueAt(next.object, path)).toEqual(valueAt(last.config, path));
        }
        const again = apply(next, last.manager, last.config);
        expect(again).toEqual({ ...next, conflicts: [] });
      }),
    );
  });

  it('leaves what others own untouched without force', () => {
    assert(
      property(array(step, { maxLength: 6 }), config, (before, mine) => {
        const world = before.reduce<World>((past, { manager, config }) => apply(past, manager, config), empty);
        const next = apply(world, 'z', mine);
        for (const manager of ['x', 'y']) {
          const trees = world.entries
            .filter((entry) => entry.manager === manager)
            .map(({ fieldsV1 }) => readTree(fieldsV1));
          for (const tree of trees)
            for (const path of leavesOf(tree).filter((leaf) => hasWhole(tree, leaf)))
              expect(valueAt(next.object, path)).toEqual(valueAt(world.object, path));
        }
      }),
    );
  });

  it('ends where it began once everybody withdraws', () => {
    assert(
      property(array(step, { maxLength: 6 }), (before) => {
        const base: World = { object: { spec: { base: 1 } }, entries: [] };
        const world = before.reduce<World>((past, { manager, config }) => apply(past, manager, config, true), base);
        const left = ['x', 'y'].reduce<World>((past, manager) => apply(past, manager, {}), world);
        expect(left.object).toEqual(base.object);
        expect(left.entries).toEqual([]);
      }),
    );
  });
});
