import { expect, it } from 'vitest';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import { expectFault, loop, person, projectManifest, secretManifest, type MakeStore } from './fixtures.ts';

const shop = { name: 'shop' };

export function deletionBehaviour(make: MakeStore): void {
  it('removes an object without finalizers at once', async () => {
    const { store } = await make();
    await store.create(Secret, secretManifest('token'), person);
    expect(await store.delete(Secret, { namespace: 'shop', name: 'token' }, person)).toBeUndefined();
    expect(await store.get(Secret, { namespace: 'shop', name: 'token' })).toBeUndefined();
  });

  it('marks an object with finalizers, moving its generation once', async () => {
    const { store } = await make();
    await store.create(Project, projectManifest('shop'), person);
    const marked = await store.delete(Project, shop, person);
    expect(marked?.metadata.generation).toBe(2);
    expect(Date.parse(marked?.metadata.deletionTimestamp ?? '')).not.toBeNaN();
    expect(await store.delete(Project, shop, person)).toEqual(marked);
    expect(await store.get(Project, shop)).toEqual(marked);
  });

  it('removes it when its last finalizer is taken off', async () => {
    const { store } = await make();
    await store.create(Project, projectManifest('shop'), person);
    const marked = await store.delete(Project, shop, person);
    if (!marked) throw new Error('The project was not marked.');
    const bare = { ...marked, metadata: { ...marked.metadata, finalizers: [] } };
    const last = await store.update(Project, bare, loop);
    expect(await store.get(Project, shop)).toBeUndefined();
    expect(last.metadata.resourceVersion).toBe(await store.currentVersion());
    expect(await store.create(Project, projectManifest('shop'), person)).not.toMatchObject({
      metadata: { uid: marked.metadata.uid },
    });
  });

  it('keeps an object whose finalizers go while nobody deletes it', async () => {
    const { store } = await make();
    const created = await store.create(Project, projectManifest('shop'), person);
    await store.update(Project, { ...created, metadata: { ...created.metadata, finalizers: [] } }, person);
    expect((await store.get(Project, shop))?.metadata.finalizers).toBeUndefined();
  });

  it('gives no new finalizers to what is being deleted', async () => {
    const { store } = await make();
    await store.create(Project, projectManifest('shop'), person);
    const marked = await store.delete(Project, shop, person);
    if (!marked) throw new Error('The project was not marked.');
    const finalizers = [...(marked.metadata.finalizers ?? []), 'example.com/late'];
    await expectFault(
      store.update(Project, { ...marked, metadata: { ...marked.metadata, finalizers } }, person),
      'Invalid',
    );
  });

  it('says that a name is still held by what is being deleted', async () => {
    const { store } = await make();
    await store.create(Project, projectManifest('shop'), person);
    await store.delete(Project, shop, person);
    await expect(store.create(Project, projectManifest('shop'), person)).rejects.toThrow('being deleted');
  });

  it('takes the status of what is being deleted', async () => {
    const { store } = await make();
    await store.create(Project, projectManifest('shop'), person);
    const marked = await store.delete(Project, shop, person);
    if (!marked) throw new Error('The project was not marked.');
    const reported = await store.updateStatus(
      Project,
      { ...marked, status: { conditions: [], observedGeneration: 2 } },
      loop,
    );
    expect(reported.status.observedGeneration).toBe(2);
  });

  it('deletes only the object and version that are meant', async () => {
    const { store } = await make();
    const created = await store.create(Secret, secretManifest('token'), person);
    const { uid, resourceVersion } = created.metadata;
    const key = { namespace: 'shop', name: 'token' };
    await expectFault(store.delete(Secret, key, person, { uid: 'another' }), 'Conflict');
    await expectFault(store.delete(Secret, key, person, { resourceVersion: '999999' }), 'Conflict');
    expect(await store.delete(Secret, key, person, { uid, resourceVersion })).toBeUndefined();
  });
}
