import { describe, expect, it } from 'vitest';
import { Kettle, kettleManifest } from '../test/harness/toy.ts';
import { ObjectCache } from './object-cache.ts';

type Changes = Partial<Omit<Kettle['metadata'], 'name'>> & { hot?: boolean };

/** A kettle as the store would answer it. */
function kettle(name: string, version: number, { hot = false, ...metadata }: Changes = {}): Kettle {
  const { spec, metadata: written } = kettleManifest(name);
  return Kettle.read({
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Kettle',
    metadata: {
      ...written,
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: String(version),
      ...metadata,
    },
    spec,
    status: { hot },
  });
}

const key = (name: string) => ({ namespace: 'home', name });

function make() {
  const told: string[] = [];
  const cache = new ObjectCache<Kettle>({
    changed: ({ type, object }) => void told.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`),
  });
  const versionOf = (name: string) => cache.get(key(name))?.metadata.resourceVersion;
  return { cache, told, versionOf };
}

describe('ObjectCache', () => {
  it('tells what was added, what moved, and what is gone', () => {
    const { cache, told } = make();
    cache.apply({ type: 'ADDED', object: kettle('tea', 9) });
    cache.apply({ type: 'MODIFIED', object: kettle('tea', 10, { hot: true }) });
    cache.apply({ type: 'MODIFIED', object: kettle('tea', 11, { hot: true, generation: 2 }) });
    cache.apply({ type: 'DELETED', object: kettle('tea', 12, { hot: true, generation: 2 }) });
    expect(told).toEqual(['added tea@9', 'status tea@10', 'spec tea@11', 'deleted tea@11']);
    expect(cache.size).toBe(0);
  });

  it.each<[string, Changes]>([
    ['labels', { labels: { tier: 'gold' } }],
    ['annotations', { annotations: { 'containr.dev/reconcile-requested-at': 'now' } }],
    ['finalizers', { finalizers: [] }],
    ['owners', { ownerReferences: [{ apiVersion: 'v1', kind: 'K', name: 'k', uid: 'u' }] }],
    ['the request to delete', { deletionTimestamp: '2026-01-01T00:00:00Z' }],
  ])('takes a change of %s for more than a status', (_, changes) => {
    const { cache, told } = make();
    cache.put(kettle('tea', 1, { finalizers: ['a/b'] }));
    cache.put(kettle('tea', 2, { finalizers: ['a/b'], ...changes }));
    expect(told.at(-1)).toBe('spec tea@2');
  });

  it('does not go back in time when the watch is behind our own writes', () => {
    const { cache, told, versionOf } = make();
    cache.apply({ type: 'ADDED', object: kettle('tea', 9) });
    cache.put(kettle('tea', 11, { hot: true }));
    cache.apply({ type: 'MODIFIED', object: kettle('tea', 10) });
    cache.apply({ type: 'MODIFIED', object: kettle('tea', 11, { hot: true }) });
    expect(versionOf('tea')).toBe('11');
    expect(told).toEqual(['added tea@9', 'status tea@11']);
  });

  it('does not bring back what our own write has removed', () => {
    const { cache, told } = make();
    const tea = kettle('tea', 9);
    cache.put(tea);
    cache.remove(tea);
    cache.apply({ type: 'MODIFIED', object: kettle('tea', 10) });
    cache.apply({ type: 'DELETED', object: kettle('tea', 11) });
    expect(told).toEqual(['added tea@9', 'deleted tea@9']);
    cache.apply({ type: 'ADDED', object: kettle('tea', 12, { uid: 'another' }) });
    expect(told.at(-1)).toBe('added tea@12');
  });

  it('keeps an object that was made anew when the watch tells of the old one going', () => {
    const { cache, versionOf } = make();
    cache.put(kettle('tea', 9));
    cache.put(kettle('tea', 12, { uid: 'another' }));
    cache.apply({ type: 'DELETED', object: kettle('tea', 11) });
    expect(versionOf('tea')).toBe('12');
  });

  it('tells that one is gone and another there when a name was taken anew unseen', () => {
    const { cache, told } = make();
    cache.put(kettle('tea', 9));
    cache.put(kettle('tea', 12, { uid: 'another' }));
    expect(told).toEqual(['added tea@9', 'deleted tea@9', 'added tea@12']);
  });

  it('takes a list for all there is, but for what is newer than the list', () => {
    const { cache, told } = make();
    for (const name of ['gone', 'stays', 'moves']) cache.put(kettle(name, 5));
    cache.put(kettle('ours', 12));
    cache.put(kettle('moves', 11, { hot: true }));
    cache.replace([kettle('stays', 5), kettle('moves', 8), kettle('fresh', 9)], '10');
    expect(told.slice(5)).toEqual(['deleted gone@5', 'added fresh@9']);
    expect(cache.get(key('moves'))?.status.hot).toBe(true);
    expect(cache.get(key('ours'))).toBeDefined();
  });

  it('finds objects by namespace and by owner, also after these changed', () => {
    const { cache } = make();
    const owner = { apiVersion: 'v1', kind: 'K', name: 'k', uid: 'owner' };
    cache.put(kettle('tea', 1, { ownerReferences: [owner] }));
    cache.put(kettle('far', 2, { namespace: 'away' }));
    const names = (objects: readonly Kettle[]) => objects.map(({ metadata }) => metadata.name);
    expect(names(cache.list())).toEqual(['tea', 'far']);
    expect(names(cache.list('away'))).toEqual(['far']);
    expect(names(cache.ownedBy('owner'))).toEqual(['tea']);
    cache.put(kettle('tea', 3, { ownerReferences: [{ ...owner, uid: 'other' }] }));
    expect(names(cache.ownedBy('owner'))).toEqual([]);
    expect(names(cache.ownedBy('other'))).toEqual(['tea']);
  });

  it('shares objects that cannot be written to', () => {
    const { cache } = make();
    cache.put(kettle('tea', 1));
    const shared = cache.get(key('tea'));
    expect(() => Object.assign(shared?.status ?? {}, { hot: true })).toThrow(TypeError);
    expect(() => shared?.status.conditions.push()).toThrow(TypeError);
  });
});
