import { expect, it } from 'vitest';
import { parseFieldSelector, parseLabelSelector } from '../../../controller/store/selector.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import {
  expectFault,
  follow,
  loop,
  person,
  projectManifest,
  secretManifest,
  words,
  type MakeStore,
} from './fixtures.ts';

const key = { namespace: 'shop', name: 'a' };

export function watchBehaviour(make: MakeStore): void {
  it('tells what happened since, then what happens, in order and once', async () => {
    const { store } = await make();
    const a = await store.create(Secret, secretManifest('a'), person);
    const { resourceVersion: since } = await store.list(Secret);
    const changed = await store.update(Secret, { ...a, spec: { data: { v: '1' } } }, person);
    const watch = follow(store, Secret, { since });
    await watch.told(1);
    await store.updateStatus(Secret, { ...changed, status: { ...changed.status, observedGeneration: 1 } }, loop);
    await store.create(Secret, secretManifest('b'), person);
    await store.delete(Secret, key, person);
    const events = await watch.told(4);
    expect(words(events)).toEqual(['MODIFIED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
    await watch.stop();
    expect(watch.events).toHaveLength(4);
  });

  it('tells a deletion with the object as it was last and the version of the deletion', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    await store.create(Secret, secretManifest('a', { v: 'last' }), person);
    const watch = follow(store, Secret, { since: start });
    await store.delete(Secret, key, person);
    const [, deletion] = await watch.told(2);
    expect(deletion).toMatchObject({
      type: 'DELETED',
      object: { spec: { data: { v: 'last' } }, metadata: { resourceVersion: await store.currentVersion() } },
    });
    await watch.stop();
  });

  it('ends a deletion with finalizers in DELETED, when the last one goes', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    await store.create(Project, projectManifest('shop'), person);
    const marked = await store.delete(Project, { name: 'shop' }, person);
    if (!marked) throw new Error('The project was not marked.');
    await store.update(Project, { ...marked, metadata: { ...marked.metadata, finalizers: [] } }, loop);
    const watch = follow(store, Project, { since: start });
    expect(words(await watch.told(3))).toEqual(['ADDED shop', 'MODIFIED shop', 'DELETED shop']);
    await watch.stop();
  });

  it('tells of one kind and one namespace only', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    const watch = follow(store, Secret, { since: start, namespace: 'shop' });
    await store.create(Project, projectManifest('shop'), person);
    await store.create(Secret, secretManifest('far', {}, { namespace: 'lab' }), person);
    await store.create(Secret, secretManifest('near'), person);
    await watch.told(1);
    await watch.stop();
    expect(words(watch.events)).toEqual(['ADDED near']);
  });

  it('tells what enters a selection as ADDED and what leaves it as DELETED', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    const watch = follow(store, Secret, { since: start, labels: parseLabelSelector('tier=db') });
    let a = await store.create(Secret, secretManifest('a'), person);
    for (const labels of [{ tier: 'db' }, { tier: 'db', more: 'x' }, { tier: 'web' }, { tier: 'db' }]) {
      a = await store.update(Secret, { ...a, metadata: { ...a.metadata, labels } }, person);
    }
    await store.delete(Secret, key, person);
    expect(words(await watch.told(5))).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a']);
    const [, , left] = watch.events;
    expect(left).toMatchObject({ object: { metadata: { labels: { tier: 'db', more: 'x' } } } });
    await watch.stop();
  });

  it('selects by fields', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    const watch = follow(store, Secret, { since: start, fields: parseFieldSelector('metadata.name=b') });
    await store.create(Secret, secretManifest('a'), person);
    await store.create(Secret, secretManifest('b'), person);
    expect(words(await watch.told(1))).toEqual(['ADDED b']);
    await watch.stop();
  });

  it('resumes from the version of any event', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    for (const name of ['a', 'b', 'c', 'd']) await store.create(Secret, secretManifest(name), person);
    const whole = follow(store, Secret, { since: start });
    for (const event of await whole.told(4)) {
      if (event.type === 'BOOKMARK') throw new Error('Nobody asked for bookmarks.');
      const rest = follow(store, Secret, { since: event.object.metadata.resourceVersion });
      const expected = whole.events.slice(whole.events.indexOf(event) + 1);
      expect(await rest.told(expected.length)).toEqual(expected);
      await rest.stop();
    }
    await whole.stop();
  });

  it('bookmarks how far a quiet watch is, so that it can resume from there after compaction', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    await store.create(Secret, secretManifest('a'), person);
    const watch = follow(store, Project, { since: start, bookmarks: true });
    const [bookmark] = await watch.told(1);
    await watch.stop();
    expect(bookmark).toEqual({ type: 'BOOKMARK', resourceVersion: await store.currentVersion() });
    await store.compact({ keepMs: 0, keepChanges: 0 });
    const resumed = follow(store, Project, { since: await store.currentVersion() });
    await store.create(Project, projectManifest('shop'), person);
    expect(words(await resumed.told(1))).toEqual(['ADDED shop']);
    await resumed.stop();
  });

  it('answers Expired to a version that is compacted or never was, and Invalid to what is no version', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    for (const name of ['a', 'b', 'c']) await store.create(Secret, secretManifest(name), person);
    await store.compact({ keepMs: 0, keepChanges: 1 });
    await expectFault(follow(store, Secret, { since: start }).told(1), 'Expired');
    await expectFault(follow(store, Secret, { since: '999999' }).told(1), 'Expired');
    await expectFault(follow(store, Secret, { since: 'latest' }).told(1), 'Invalid');
    const kept = follow(store, Secret, { since: String(Number(await store.currentVersion()) - 1) });
    expect(words(await kept.told(1))).toEqual(['ADDED c']);
    await kept.stop();
  });

  it('forgets nothing that is younger than asked for', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    for (const name of ['a', 'b', 'c']) await store.create(Secret, secretManifest(name), person);
    await store.compact({ keepMs: 3_600_000, keepChanges: 0 });
    const watch = follow(store, Secret, { since: start });
    expect(words(await watch.told(3))).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
    await watch.stop();
  });

  it('keeps as many changes as it is asked to, with what each of them changed', async () => {
    const { store } = await make();
    let object = await store.create(Secret, secretManifest('a', { v: '0' }, { labels: { parity: 'even' } }), person);
    for (let v = 1; v <= 10; v += 1) {
      const metadata = { ...object.metadata, labels: { parity: v % 2 === 0 ? 'even' : 'odd' } };
      object = await store.update(Secret, { ...object, metadata, spec: { data: { v: String(v) } } }, person);
    }
    await store.compact({ keepMs: 0, keepChanges: 5 });
    const since = String(BigInt(object.metadata.resourceVersion) - 5n);
    const all = follow(store, Secret, { since });
    const told = (await all.told(5)).map((event) => event.type !== 'BOOKMARK' && event.object.spec.data['v']);
    expect(told).toEqual(['6', '7', '8', '9', '10']);
    await all.stop();
    const even = follow(store, Secret, { since, labels: parseLabelSelector('parity=even') });
    expect(words(await even.told(5))).toEqual(['ADDED a', 'DELETED a', 'ADDED a', 'DELETED a', 'ADDED a']);
    await even.stop();
  });

  it('keeps up with a reader that stops reading for thousands of changes', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    const stop = new AbortController();
    const iterator = store.watch(Secret, { since: start, signal: stop.signal })[Symbol.asyncIterator]();
    let object = await store.create(Secret, secretManifest('a', { v: '0' }), person);
    expect((await iterator.next()).value).toMatchObject({ type: 'ADDED' });
    const next = iterator.next();
    const total = 2_500;
    for (let v = 1; v <= total; v += 1) {
      object = await store.update(Secret, { ...object, spec: { data: { v: String(v) } } }, loop);
    }
    const seen: string[] = [];
    for (let result = await next; !result.done; result = await iterator.next()) {
      if (result.value.type !== 'BOOKMARK') seen.push(result.value.object.spec.data['v'] ?? '');
      if (seen.length === total) stop.abort();
    }
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => String(index + 1)));
  });

  it('ends when it is told to, and with the store', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    const watch = follow(store, Secret, { since: start, bookmarks: true });
    await watch.told(1);
    await watch.stop();
    const cut = follow(store, Secret, { since: start, bookmarks: true });
    await cut.told(1);
    await store.close();
    await expectFault(cut.stop(), 'Unavailable').catch(() => undefined);
    await expectFault(follow(store, Secret, { since: start }).told(1), 'Unavailable');
  });
}
