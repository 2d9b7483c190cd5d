import { expect, it } from 'vitest';
import { Build } from '../../../crds/build.ts';
import { API_VERSION } from '../../../crds/meta.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import { expectFault, loop, person, projectManifest, secretManifest, type MakeStore } from './fixtures.ts';

const key = { namespace: 'shop', name: 'token' };

export function writeBehaviour(make: MakeStore): void {
  it('gives a new object its identity, generation 1 and the finalizer of its kind', async () => {
    const { store } = await make();
    const created = await store.create(Project, projectManifest('shop'), person);
    expect(created.metadata).toMatchObject({ name: 'shop', generation: 1, finalizers: ['containr.dev/project'] });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Date.parse(created.metadata.creationTimestamp)).not.toBeNaN();
    expect(created.metadata.managedFields).toMatchObject([{ manager: 'rest', operation: 'Update' }]);
    expect(await store.get(Project, { name: 'shop' })).toEqual(created);
    expect(created.metadata.resourceVersion).toBe(await store.currentVersion());
  });

  it('answers undefined for what does not exist', async () => {
    const { store } = await make();
    expect(await store.get(Secret, key)).toBeUndefined();
  });

  it('finds an object by its uid, under its own kind only and for as long as it is there', async () => {
    const { store } = await make();
    const secret = await store.create(Secret, secretManifest('token'), person);
    const changed = await store.update(Secret, { ...secret, spec: { ...secret.spec, data: { a: '1' } } }, person);
    const { uid } = secret.metadata;
    expect(await store.getByUid(Secret, uid)).toEqual(changed);
    expect(await store.getByUid(Project, uid)).toBeUndefined();
    expect(await store.getByUid(Secret, `${uid}\u0000`)).toBeUndefined();
    await store.delete(Secret, key, person);
    expect(await store.getByUid(Secret, uid)).toBeUndefined();
    await store.create(Secret, secretManifest('token'), person);
    expect(await store.getByUid(Secret, uid)).toBeUndefined();
  });

  it('counts what is in some namespaces, without what is being deleted', async () => {
    const { store } = await make();
    for (const name of ['a', 'b', 'held']) {
      const finalizers = name === 'held' ? ['test.dev/hold'] : [];
      await store.create(Secret, secretManifest(name, {}, { finalizers }), person);
    }
    await store.create(Secret, secretManifest('c', {}, { namespace: 'other' }), person);
    await store.create(Secret, secretManifest('d', {}, { namespace: 'third' }), person);
    await store.delete(Secret, { namespace: 'shop', name: 'held' }, person);
    expect(await store.countIn(Secret, ['shop', 'other', 'none'])).toEqual(
      new Map([
        ['shop', 2],
        ['other', 1],
      ]),
    );
    expect(await store.countIn(Secret, [])).toEqual(new Map());
    expect(await store.countIn(Project, ['shop'])).toEqual(new Map());
  });

  it('refuses a name that is taken, in the same namespace only', async () => {
    const { store } = await make();
    await store.create(Secret, secretManifest('token'), person);
    await expectFault(store.create(Secret, secretManifest('token'), person), 'AlreadyExists');
    await store.create(Secret, secretManifest('token', {}, { namespace: 'other' }), person);
  });

  it('refuses an object without the namespace its kind needs, or with one it cannot have', async () => {
    const { store } = await make();
    await expectFault(store.create(Secret, secretManifest('token', {}, { namespace: undefined }), person), 'Invalid');
    const manifest = projectManifest('shop');
    const misplaced = { ...manifest, metadata: { ...manifest.metadata, namespace: 'shop' } };
    await expectFault(store.create(Project, misplaced, person), 'Invalid');
  });

  it('refuses what could not be read back, naming the field', async () => {
    const { store } = await make();
    const created = await store.create(Secret, secretManifest('token'), person);
    const broken = { ...created, spec: { data: { 'no good': 'x' } } };
    await expect(store.update(Secret, broken, person)).rejects.toMatchObject({
      code: 'Invalid',
      fields: [{ path: expect.stringContaining('data.no good') }],
    });
  });

  it('moves the generation with the spec only', async () => {
    const { store } = await make();
    const first = await store.create(Secret, secretManifest('token', { a: '1' }), person);
    const labelled = await store.update(
      Secret,
      { ...first, metadata: { ...first.metadata, labels: { tier: 'db' }, annotations: { note: 'n' } } },
      person,
    );
    expect(labelled.metadata).toMatchObject({ generation: 1, labels: { tier: 'db' }, annotations: { note: 'n' } });
    const changed = await store.update(Secret, { ...labelled, spec: { data: { a: '2' } } }, person);
    expect(changed.metadata.generation).toBe(2);
    const reported = await store.updateStatus(
      Secret,
      { ...changed, status: { ...changed.status, observedGeneration: 2 } },
      loop,
    );
    expect(reported.metadata.generation).toBe(2);
  });

  it('makes no new version when a write changes nothing', async () => {
    const { store } = await make();
    const first = await store.create(Secret, secretManifest('token', { a: '1' }), person);
    const again = await store.update(Secret, { ...first, metadata: { ...first.metadata, labels: {} } }, loop);
    const status = await store.updateStatus(Secret, first, loop);
    expect([again, status]).toEqual([first, first]);
    expect(await store.currentVersion()).toBe(first.metadata.resourceVersion);
  });

  it('keeps status out of updates, and everything else out of status updates', async () => {
    const { store } = await make();
    const first = await store.create(Secret, secretManifest('token', { a: '1' }), person);
    const status = { conditions: [], keys: [{ name: 'a', digest: 'd' }] };
    const updated = await store.update(Secret, { ...first, spec: { data: { a: '2' } }, status }, person);
    expect(updated.status.keys).toEqual([]);
    const sneaky = { ...updated, spec: { data: {} }, status, metadata: { ...updated.metadata, labels: { x: 'y' } } };
    const reported = await store.updateStatus(Secret, sneaky, loop);
    expect(reported).toMatchObject({ spec: { data: { a: '2' } }, status: { keys: [{ name: 'a' }] } });
    expect(reported.metadata.labels).toBeUndefined();
  });

  it('refuses a write to what was changed since it was read', async () => {
    const { store } = await make();
    const stale = await store.create(Secret, secretManifest('token', { a: '1' }), person);
    const winner = await store.update(Secret, { ...stale, spec: { data: { a: '2' } } }, person);
    await expectFault(store.update(Secret, { ...stale, spec: { data: { a: '3' } } }, person), 'Conflict');
    await expectFault(
      store.updateStatus(Secret, { ...stale, status: { ...stale.status, observedGeneration: 1 } }, loop),
      'Conflict',
    );
    expect(await store.get(Secret, key)).toEqual(winner);
  });

  it('takes an empty version for whatever is there, but not another object of the same name', async () => {
    const { store } = await make();
    const first = await store.create(Secret, secretManifest('token', { a: '1' }), person);
    const unversioned = { ...first, metadata: { ...first.metadata, resourceVersion: '' } };
    await store.update(Secret, { ...first, spec: { data: { a: '2' } } }, person);
    const forced = await store.update(Secret, { ...unversioned, spec: { data: { a: '3' } } }, person);
    expect(forced.spec.data).toEqual({ a: '3' });
    await store.delete(Secret, key, person);
    await store.create(Secret, secretManifest('token'), person);
    await expectFault(store.update(Secret, unversioned, person), 'Conflict');
  });

  it('answers NotFound to a write of what is gone', async () => {
    const { store } = await make();
    const first = await store.create(Secret, secretManifest('token'), person);
    await store.delete(Secret, key, person);
    await expectFault(store.update(Secret, first, person), 'NotFound');
    await expectFault(store.updateStatus(Secret, first, loop), 'NotFound');
    await expectFault(store.delete(Secret, key, person), 'NotFound');
  });

  it('lets nothing but the fields meant for it change in an immutable spec', async () => {
    const { store } = await make();
    const manifest = Build.parseManifest({
      apiVersion: API_VERSION,
      kind: 'Build',
      metadata: { namespace: 'shop', name: 'web-1' },
      spec: { source: { type: 'image', image: 'nginx:1.29' } },
    });
    const build = await store.create(Build, manifest, loop);
    await expect(
      store.update(Build, { ...build, spec: { ...build.spec, region: 'attic' } }, person),
    ).rejects.toMatchObject({ code: 'Invalid', fields: [{ path: 'spec.region' }] });
    const cancelled = await store.update(Build, { ...build, spec: { ...build.spec, cancelled: true } }, person);
    expect(cancelled.spec.cancelled).toBe(true);
  });

  it('answers what a dry run would store, and stores nothing', async () => {
    const { store } = await make();
    const tried = await store.create(Secret, secretManifest('token', { a: '1' }), person, { dryRun: true });
    expect(tried.spec.data).toEqual({ a: '1' });
    expect(await store.get(Secret, key)).toBeUndefined();
    const first = await store.create(Secret, secretManifest('token'), person);
    const updated = await store.update(Secret, { ...first, spec: { data: { a: '2' } } }, person, { dryRun: true });
    expect(updated.metadata.generation).toBe(2);
    await store.delete(Secret, key, person, { dryRun: true });
    expect(await store.get(Secret, key)).toEqual(first);
    await expectFault(store.create(Secret, secretManifest('token'), person, { dryRun: true }), 'AlreadyExists');
  });

  it('keeps text as it is: NUL, quotes, backslashes, lone surrogates, other alphabets', async () => {
    const { store } = await make();
    const nasty = 'a\u0000b"c\\d\n{e},\ud800 пр😀';
    const created = await store.create(Secret, secretManifest('token', { nasty }), person);
    expect(created.spec.data['nasty']).toBe(nasty);
    expect((await store.get(Secret, key))?.spec.data['nasty']).toBe(nasty);
  });

  it('shares no memory with its callers', async () => {
    const { store } = await make();
    const created = await store.create(Secret, secretManifest('token', { a: '1' }), person);
    // What is answered may be shared with watches, and then it is frozen.
    expect(() => (created.spec.data['a'] = 'tampered')).toThrow(TypeError);
    const manifest = secretManifest('other', { a: '1' });
    const other = await store.create(Secret, manifest, person);
    manifest.spec.data['a'] = 'tampered';
    expect(other.spec.data).toEqual({ a: '1' });
    const read = await store.get(Secret, key);
    expect(read?.spec.data).toEqual({ a: '1' });
  });

  it('takes writes of the leader, and refuses those of one that was replaced', async () => {
    const { store, leases } = await make();
    await expectFault(store.create(Secret, secretManifest('early'), { ...loop, fence: 1n }), 'Fenced');
    const first = await leases.acquire('controller', 'one', 60_000);
    const fence = 'epoch' in first ? first.epoch : 0n;
    const created = await store.create(Secret, secretManifest('token'), { ...loop, fence });
    await leases.release('controller', 'one', fence);
    const second = await leases.acquire('controller', 'two', 60_000);
    const late = { ...created, spec: { data: { a: 'late' } } };
    await expectFault(store.update(Secret, late, { ...loop, fence }), 'Fenced');
    await expectFault(store.delete(Secret, key, { ...loop, fence }), 'Fenced');
    await expectFault(
      store
        .collectGarbage({ ...loop, fence })
        .then(() =>
          store.updateStatus(
            Secret,
            { ...created, status: { ...created.status, observedGeneration: 9 } },
            { ...loop, fence },
          ),
        ),
      'Fenced',
    );
    expect(await store.get(Secret, key)).toEqual(created);
    await store.update(Secret, late, { ...loop, fence: 'epoch' in second ? second.epoch : 0n });
  });
}
