import { assert, constantFrom, dictionary, integer, oneof, property, record, array, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ManagedFields } from '../../crds/meta.ts';
import { conflictsOf, mergeApplied, recordApply, recordUpdate, type FieldConflict, type Ownable } from './apply.ts';
import { fieldPathText, hasWhole, leavesOf, readTree, valueAt, treeOf } from './field-tree.ts';
import { mergeSchemaOf } from './merge-schema.ts';
import { Service } from '../../crds/service.ts';

const schema = mergeSchemaOf(Service);
const now = new Date('2026-03-01T12:00:00Z');
const later = new Date('2026-03-01T13:00:00Z');

interface World {
  object: Ownable;
  entries: ManagedFields[];
}

/** What the API does with these functions, without its checks and defaults. */
function apply(world: World, manager: string, applied: Ownable, force = false): World & { conflicts: FieldConflict[] } {
  const { object, entries } = world;
  const merged = mergeApplied({ live: object, applied, manager, entries, schema });
  const after: Ownable = typeof merged === 'object' && merged !== null ? merged : {};
  const conflicts = conflictsOf({ before: object, after, applied, manager, entries, schema });
  if (conflicts.length > 0 && !force) return { ...world, conflicts };
  return {
    object: after,
    entries: recordApply({ applied, manager, entries, schema, overridden: conflicts, now }),
    conflicts,
  };
}

function update(world: World, manager: string, after: Ownable): World {
  return {
    object: after,
    entries: recordUpdate({ before: world.object, after, manager, entries: world.entries, schema, now }),
  };
}

function owned(world: World, manager: string): string[] {
  return world.entries
    .filter((entry) => entry.manager === manager)
    .flatMap((entry) => leavesOf(readTree(entry.fieldsV1)).map(fieldPathText));
}

const empty: World = { object: {}, entries: [] };

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

describe('apply of lists with keys', () => {
  const env = (...pairs: [string, string][]): Ownable => ({
    spec: { env: pairs.map(([name, value]) => ({ name, value })) },
  });

  it('lets two managers own an item each, and keeps the one when the other goes', () => {
    const first = apply(empty, 'cli', env(['A', '1']));
    const both = apply(first, 'reposync/shop', env(['B', '2']));
    expect(both.conflicts).toEqual([]);
    expect(both.object).toEqual(env(['A', '1'], ['B', '2']));
    expect(owned(both, 'cli')).toEqual(['.spec.env[name="A"]']);
    expect(owned(both, 'reposync/shop')).toEqual(['.spec.env[name="B"]']);
    expect(apply(both, 'cli', { spec: {} }).object).toEqual(env(['B', '2']));
    expect(apply(both, 'cli', { spec: { env: [] } }).object).toEqual(env(['B', '2']));
  });

  it('names the item of a conflict, and takes it by force', () => {
    const first = apply(empty, 'cli', env(['A', '1'], ['B', '1']));
    const second = apply(first, 'other', env(['A', '2']));
    expect(second.conflicts.map(({ manager, path }) => `${manager} ${fieldPathText(path)}`)).toEqual([
      'cli .spec.env[name="A"]',
    ]);
    const forced = apply(first, 'other', env(['A', '2']), true);
    expect(forced.object).toEqual(env(['A', '2'], ['B', '1']));
    expect(owned(forced, 'cli')).toEqual(['.spec.env[name="B"]']);
  });

  it('removes the items that the manager no longer states', () => {
    const first = apply(empty, 'cli', env(['A', '1'], ['B', '2'], ['C', '3']));
    expect(apply(first, 'cli', env(['A', '1'], ['C', '3'])).object).toEqual(env(['A', '1'], ['C', '3']));
  });

  it('takes over the order that is applied, and leaves the items of others where they stand', () => {
    const first = apply(empty, 'cli', env(['A', '1'], ['B', '2']));
    const other = apply(first, 'other', env(['X', '9']));
    const moved = apply(other, 'cli', env(['B', '2'], ['A', '1']));
    expect(apply(first, 'cli', env(['B', '2'], ['A', '1'])).object).toEqual(env(['B', '2'], ['A', '1']));
    expect(apply(moved, 'cli', env(['B', '2'], ['A', '1'])).object).toEqual(moved.object);
    expect(apply(moved, 'other', env(['X', '9'])).object).toEqual(moved.object);
  });

  it('owns the fields of an item one by one, but never takes away what it is known by', () => {
    const first = apply(empty, 'cli', { spec: { ports: [{ name: 'http', port: 80 }] } });
    expect(owned(first, 'cli')).toEqual([
      '.spec.ports[name="http"]',
      '.spec.ports[name="http"].name',
      '.spec.ports[name="http"].port',
    ]);
    const edited = update(first, 'kubectl-edit', { spec: { ports: [{ name: 'http', port: 8080 }] } });
    expect(apply(edited, 'cli', { spec: {} }).object).toEqual({ spec: { ports: [{ name: 'http', port: 8080 }] } });
  });

  it('gives an item to whoever edits it, and forgets the one that is removed', () => {
    const first = apply(empty, 'cli', env(['A', '1'], ['B', '2']));
    const edited = update(first, 'kubectl-edit', env(['A', '5']));
    expect(owned(edited, 'cli')).toEqual([]);
    expect(owned(edited, 'kubectl-edit')).toEqual(['.spec.env[name="A"]']);
  });

  it('lets go of items that were stated before items had owners', () => {
    const whole: ManagedFields = {
      manager: 'cli',
      operation: 'Apply',
      apiVersion: 'v',
      fieldsV1: { 'f:spec': { 'f:env': {} } },
    };
    const world: World = { object: env(['A', '1'], ['B', '2']), entries: [whole] };
    expect(apply(world, 'cli', env(['A', '1'])).object).toEqual(env(['A', '1']));
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
