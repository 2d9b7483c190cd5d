import { expect, it } from 'vitest';
import { parseFieldSelector, parseLabelSelector } from '../../../controller/store/selector.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import { expectFault, names, person, projectManifest, secretManifest, type MakeStore } from './fixtures.ts';

export function listBehaviour(make: MakeStore): void {
  it('lists one kind, in order of namespace and name, with the version to watch from', async () => {
    const { store } = await make();
    expect(await store.list(Secret)).toEqual({
      items: [],
      resourceVersion: await store.currentVersion(),
      continue: undefined,
      remaining: undefined,
    });
    for (const [namespace, name] of [
      ['shop', 'b'],
      ['shop', 'a-b'],
      ['shop', 'a.b'],
      ['shop', 'a'],
      ['lab', 'z'],
    ] as const) {
      await store.create(Secret, secretManifest(name, {}, { namespace }), person);
    }
    await store.create(Project, projectManifest('shop'), person);
    const all = await store.list(Secret);
    expect(names(all.items)).toEqual(['z', 'a', 'a-b', 'a.b', 'b']);
    expect(all.resourceVersion).toBe(await store.currentVersion());
    expect(names((await store.list(Secret, { namespace: 'shop' })).items)).toEqual(['a', 'a-b', 'a.b', 'b']);
    expect(names((await store.list(Project)).items)).toEqual(['shop']);
    expect((await store.list(Secret, { limit: 0 })).items).toHaveLength(5);
  });

  it('selects by labels and fields', async () => {
    const { store } = await make();
    await store.create(Secret, secretManifest('a', {}, { labels: { tier: 'db' } }), person);
    await store.create(Secret, secretManifest('b', {}, { labels: { tier: 'web' } }), person);
    await store.create(Secret, secretManifest('c'), person);
    const labelled = async (text: string) =>
      names((await store.list(Secret, { labels: parseLabelSelector(text) })).items);
    expect(await labelled('tier=db')).toEqual(['a']);
    expect(await labelled('tier!=db')).toEqual(['b', 'c']);
    expect(await labelled('tier in (db,web)')).toEqual(['a', 'b']);
    const fields = parseFieldSelector('metadata.name!=b');
    expect(names((await store.list(Secret, { fields })).items)).toEqual(['a', 'c']);
  });

  it('pages through what there was when the list began, whatever is written meanwhile', async () => {
    const { store } = await make();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await store.create(Secret, secretManifest(name, { v: '1' }), person);
    const first = await store.list(Secret, { limit: 2 });
    expect([names(first.items), first.remaining]).toEqual([['a', 'b'], 3]);

    const c = first.items[0] && (await store.get(Secret, { namespace: 'shop', name: 'c' }));
    if (!c) throw new Error('Nothing was listed.');
    await store.update(Secret, { ...c, spec: { data: { v: '2' } } }, person);
    await store.delete(Secret, { namespace: 'shop', name: 'd' }, person);
    await store.create(Secret, secretManifest('d', { v: 'new' }), person);
    await store.delete(Secret, { namespace: 'shop', name: 'e' }, person);
    await store.create(Secret, secretManifest('ca'), person);

    const second = await store.list(Secret, { limit: 2, continue: first.continue });
    const third = await store.list(Secret, { limit: 2, continue: second.continue });
    expect([...second.items, ...third.items].map(({ metadata, spec }) => [metadata.name, spec.data['v']])).toEqual([
      ['c', '1'],
      ['d', '1'],
      ['e', '1'],
    ]);
    expect(new Set([first, second, third].map((page) => page.resourceVersion)).size).toBe(1);
    expect(third.continue).toBeUndefined();
  });

  it('pages through a selection too', async () => {
    const { store } = await make();
    for (let n = 0; n < 9; n += 1) {
      await store.create(Secret, secretManifest(`s${n}`, {}, { labels: { even: String(n % 2 === 0) } }), person);
    }
    const labels = parseLabelSelector('even=true');
    const found: string[] = [];
    let token: string | undefined;
    do {
      const page = await store.list(Secret, { labels, limit: 2, continue: token });
      expect(page.items.length).toBeLessThanOrEqual(2);
      found.push(...names(page.items));
      token = page.continue;
    } while (token !== undefined);
    expect(found).toEqual(['s0', 's2', 's4', 's6', 's8']);
  });

  it('answers Expired when the rest of a list is compacted, and Invalid to a token it never gave', async () => {
    const { store } = await make();
    for (const name of ['a', 'b', 'c']) await store.create(Secret, secretManifest(name), person);
    const first = await store.list(Secret, { limit: 1 });
    await store.delete(Secret, { namespace: 'shop', name: 'b' }, person);
    await store.compact({ keepMs: 0, keepChanges: 0 });
    await expectFault(store.list(Secret, { limit: 1, continue: first.continue }), 'Expired');
    await expectFault(store.list(Secret, { limit: 1, continue: 'nonsense' }), 'Invalid');
    await expectFault(store.list(Project, { limit: 1, continue: first.continue }), 'Invalid');
    expect(names((await store.list(Secret)).items)).toEqual(['a', 'c']);
  });
}
