import { describe, expect, it } from 'vitest';
import type { ManagedFields } from '../../crds/meta.ts';
import type { Ownable } from './apply.ts';
import { fieldPathText } from './field-tree.ts';
import { apply, empty, owned, update, type World } from './testing.ts';

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
