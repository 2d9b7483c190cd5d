import { describe, expect, it } from 'vitest';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest, Lid, lidManifest } from '../test/harness/toy.ts';
import { Fault } from './errors.ts';
import type { WritableStore } from './resources.ts';
import { createLoopWriter } from './resources.ts';
import { createMemoryStore } from './store/memory-store.ts';

const user = { manager: 'test' };

async function make({ fence = () => undefined }: { fence?: () => bigint | undefined } = {}) {
  const store = createMemoryStore({ clock: new FakeClock() });
  const fed: string[] = [];
  const cache = {
    wrote: (_: unknown, object: { metadata: { name: string } }) => void fed.push(`wrote ${object.metadata.name}`),
    removed: (_: unknown, object: { metadata: { name: string } }) => void fed.push(`removed ${object.metadata.name}`),
  };
  const writerOver = (over: WritableStore) =>
    createLoopWriter({ store: over, cache, manager: 'controller/kettle', fence, guard: () => undefined });
  const tea = await store.create(Kettle, kettleManifest('tea'), user);
  const coffee = await store.create(Kettle, kettleManifest('coffee'), user);
  return { store, fed, writer: writerOver(store), writerOver, tea, coffee };
}

describe('createLoopWriter', () => {
  it('answers the child that it has made before, when the answer was lost', async () => {
    const { writer, tea } = await make();
    const first = await writer.create(Lid, lidManifest('lid', tea));
    const again = await writer.create(Lid, lidManifest('lid', tea));
    expect(again.metadata.uid).toBe(first.metadata.uid);
  });

  it('refuses a name that belongs to somebody else', async () => {
    const { writer, tea, coffee } = await make();
    await writer.create(Lid, lidManifest('lid', tea));
    await expect(writer.create(Lid, lidManifest('lid', coffee))).rejects.toMatchObject({ code: 'AlreadyExists' });
  });

  it('refuses a name that is taken when nobody owns what it would make', async () => {
    const { writer } = await make();
    await expect(writer.create(Kettle, kettleManifest('tea'))).rejects.toMatchObject({ code: 'AlreadyExists' });
  });

  it('waits for a child of the same name that is still going', async () => {
    const { store, writer, tea } = await make();
    const lid = await writer.create(Lid, lidManifest('lid', tea));
    await store.update(Lid, { ...lid, metadata: { ...lid.metadata, finalizers: ['example.com/x'] } }, user);
    await writer.delete(Lid, lid);
    await expect(writer.create(Lid, lidManifest('lid', tea))).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('feeds the cache with what each write came to', async () => {
    const { writer, tea, coffee, fed } = await make();
    const lid = await writer.create(Lid, lidManifest('lid', tea));
    const written = await writer.update(Kettle, { ...tea, spec: { ...tea.spec, litres: 2 } });
    await writer.updateStatus(Kettle, { ...written, status: { ...written.status, hot: true } });
    await writer.delete(Lid, lid);
    await writer.delete(Kettle, coffee);
    expect(fed).toEqual(['wrote lid', 'wrote tea', 'wrote tea', 'removed lid', 'wrote coffee']);
  });

  it('feeds the cache that an object is gone when its last finalizer goes', async () => {
    const { store, writer, tea, fed } = await make();
    const leaving = await store.delete(Kettle, { namespace: 'home', name: 'tea' }, user);
    if (leaving) await writer.update(Kettle, { ...leaving, metadata: { ...leaving.metadata, finalizers: [] } });
    expect(fed).toEqual(['removed tea']);
    expect(await store.get(Kettle, tea.metadata)).toBeUndefined();
  });

  it('takes an object for deleted that is gone already', async () => {
    const { store, writer, tea } = await make();
    const lid = await writer.create(Lid, lidManifest('lid', tea));
    await store.delete(Lid, lid.metadata, user);
    await expect(writer.delete(Lid, lid)).resolves.toBeUndefined();
  });

  it('does not delete an object that took the name of another', async () => {
    const { store, writer, tea } = await make();
    const lid = await writer.create(Lid, lidManifest('lid', tea));
    await store.delete(Lid, lid.metadata, user);
    const other = await writer.create(Lid, lidManifest('lid', tea));
    await expect(writer.delete(Lid, lid)).rejects.toMatchObject({ code: 'Conflict' });
    expect(await store.get(Lid, other.metadata)).toBeDefined();
  });

  it('writes under its name with the fence of the moment', async () => {
    let epoch = 6n;
    const { store, writerOver, tea } = await make({ fence: () => epoch++ });
    const writers: unknown[] = [];
    const writer = writerOver({
      ...store,
      updateStatus: (kind, object, by) => {
        writers.push(by);
        return store.updateStatus(kind, object, user);
      },
    });
    const written = await writer.updateStatus(Kettle, { ...tea, status: { ...tea.status, hot: true } });
    await writer.updateStatus(Kettle, { ...written, status: { ...written.status, hot: false } });
    expect(writers).toEqual([
      { manager: 'controller/kettle', fence: 6n },
      { manager: 'controller/kettle', fence: 7n },
    ]);
  });

  it('writes nothing in a process that does not lead', async () => {
    const { store, writer, tea } = await make({
      fence: () => {
        throw new Fault('Fenced', 'This process does not lead.');
      },
    });
    const before = await store.currentVersion();
    await expect(writer.create(Lid, lidManifest('lid', tea))).rejects.toMatchObject({ code: 'Fenced' });
    await expect(writer.update(Kettle, { ...tea, spec: { ...tea.spec, litres: 2 } })).rejects.toMatchObject({
      code: 'Fenced',
    });
    await expect(writer.delete(Kettle, tea)).rejects.toMatchObject({ code: 'Fenced' });
    expect(await store.currentVersion()).toBe(before);
  });
});
