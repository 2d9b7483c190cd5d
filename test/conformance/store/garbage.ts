import { expect, it } from 'vitest';
import type { ResourceStore } from '../../../controller/store/store.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import { loop, names, ownerOf, person, projectManifest, secretManifest, type MakeStore } from './fixtures.ts';

const shop = { name: 'shop' };

export function garbageBehaviour(make: MakeStore): void {
  it('deletes children and their children after their owner', async () => {
    const { store } = await make();
    const owner = await store.create(Secret, secretManifest('owner'), person);
    const child = await store.create(Secret, secretManifest('child', {}, { ownerReferences: [ownerOf(owner)] }), loop);
    await store.create(Secret, secretManifest('grandchild', {}, { ownerReferences: [ownerOf(child)] }), loop);
    await store.create(Secret, secretManifest('stranger'), person);
    expect(await store.collectGarbage(loop)).toBe(0);
    await store.delete(Secret, { namespace: 'shop', name: 'owner' }, person);
    expect(await store.collectGarbage(loop)).toBe(2);
    expect(await secrets(store)).toEqual(['stranger']);
    expect(await store.collectGarbage(loop)).toBe(0);
  });

  it('keeps children whose owner is only being deleted', async () => {
    const { store } = await make();
    const owner = await store.create(Project, projectManifest('shop'), person);
    await store.create(Secret, secretManifest('child', {}, { ownerReferences: [ownerOf(owner)] }), loop);
    await store.delete(Project, shop, person);
    expect(await store.collectGarbage(loop)).toBe(0);
    expect(await secrets(store)).toEqual(['child']);
  });

  it('keeps a child that has another owner', async () => {
    const { store } = await make();
    const [one, two] = await Promise.all([
      store.create(Secret, secretManifest('one'), person),
      store.create(Secret, secretManifest('two'), person),
    ]);
    await store.create(Secret, secretManifest('child', {}, { ownerReferences: [ownerOf(one), ownerOf(two)] }), loop);
    await store.delete(Secret, { namespace: 'shop', name: 'one' }, person);
    expect(await store.collectGarbage(loop)).toBe(0);
    await store.delete(Secret, { namespace: 'shop', name: 'two' }, person);
    expect(await store.collectGarbage(loop)).toBe(1);
  });

  it('does not take a new object of the same name for the owner', async () => {
    const { store } = await make();
    const owner = await store.create(Secret, secretManifest('owner'), person);
    await store.create(Secret, secretManifest('child', {}, { ownerReferences: [ownerOf(owner)] }), loop);
    await store.delete(Secret, { namespace: 'shop', name: 'owner' }, person);
    await store.create(Secret, secretManifest('owner'), person);
    expect(await store.collectGarbage(loop)).toBe(1);
    expect(await secrets(store)).toEqual(['owner']);
  });

  it('marks garbage that has finalizers, once', async () => {
    const { store } = await make();
    const owner = await store.create(Secret, secretManifest('owner'), person);
    const metadata = { ownerReferences: [ownerOf(owner)], finalizers: ['example.com/held'] };
    await store.create(Secret, secretManifest('child', {}, metadata), loop);
    await store.delete(Secret, { namespace: 'shop', name: 'owner' }, person);
    expect(await store.collectGarbage(loop)).toBe(1);
    expect(await store.collectGarbage(loop)).toBe(0);
    const child = await store.get(Secret, { namespace: 'shop', name: 'child' });
    expect(child?.metadata.deletionTimestamp).toBeDefined();
  });

  it('deletes in the foreground: the owner goes after its children, and they after theirs', async () => {
    const { store } = await make();
    const owner = await store.create(Secret, secretManifest('owner'), person);
    const child = await store.create(Secret, secretManifest('child', {}, { ownerReferences: [ownerOf(owner)] }), loop);
    const held = { ownerReferences: [ownerOf(child)], finalizers: ['example.com/held'] };
    await store.create(Secret, secretManifest('grandchild', {}, held), loop);
    const marked = await store.delete(Secret, { namespace: 'shop', name: 'owner' }, person, {
      propagation: 'Foreground',
    });
    expect(marked?.metadata.deletionTimestamp).toBeDefined();
    await store.collectGarbage(loop);
    expect(await secrets(store)).toEqual(['child', 'grandchild', 'owner']);
    const grandchild = await store.get(Secret, { namespace: 'shop', name: 'grandchild' });
    if (!grandchild) throw new Error('The grandchild is gone too early.');
    expect(grandchild.metadata.deletionTimestamp).toBeDefined();
    await store.update(Secret, { ...grandchild, metadata: { ...grandchild.metadata, finalizers: [] } }, loop);
    await store.collectGarbage(loop);
    expect(await secrets(store)).toEqual([]);
  });

  it('leaves orphans in peace when the owner is deleted without its children', async () => {
    const { store } = await make();
    const owner = await store.create(Secret, secretManifest('owner'), person);
    await store.create(Secret, secretManifest('child', {}, { ownerReferences: [ownerOf(owner)] }), loop);
    await store.delete(Secret, { namespace: 'shop', name: 'owner' }, person, { propagation: 'Orphan' });
    expect(await store.collectGarbage(loop)).toBe(0);
    expect(await secrets(store)).toEqual(['child']);
    const child = await store.get(Secret, { namespace: 'shop', name: 'child' });
    expect(child?.metadata.ownerReferences).toBeUndefined();
    expect(await store.collectGarbage(loop)).toBe(0);
    expect(await secrets(store)).toEqual(['child']);
  });
}

async function secrets(store: ResourceStore): Promise<string[]> {
  return names((await store.list(Secret)).items);
}
