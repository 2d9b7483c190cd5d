import { expect, it } from 'vitest';
import { Secret } from '../../../crds/secret.ts';
import { expectFault, loop, person, secretManifest, type MakeStore } from './fixtures.ts';

const key = { namespace: 'shop', name: 'token' };

export function auditBehaviour(make: MakeStore): void {
  it('notes who did what to which object from where, newest first, and never a value', async () => {
    const { store, audit } = await make();
    const created = await store.create(Secret, secretManifest('token', { password: 'hunter2', old: 'x' }), person);
    const changed = { ...created, metadata: { ...created.metadata, labels: { tier: 'db' } } };
    const updated = await store.update(Secret, { ...changed, spec: { data: { password: 'hunter3' } } }, person);
    await store.delete(Secret, key, { ...person, user: 'bob', requestId: undefined });
    const entries = await audit.list({ limit: 10 });
    expect(entries.map(({ action, user }) => [action, user])).toEqual([
      ['delete', 'bob'],
      ['update', 'ann'],
      ['create', 'ann'],
    ]);
    expect(entries[1]).toMatchObject({
      manager: 'rest',
      address: '192.0.2.7',
      userAgent: 'tests/1',
      requestId: 'request-1',
      kind: 'Secret',
      namespace: 'shop',
      name: 'token',
      uid: created.metadata.uid,
      resourceVersion: updated.metadata.resourceVersion,
    });
    expect(new Set(entries[1]?.changed)).toEqual(new Set(['metadata.labels', 'spec.data.password', 'spec.data.old']));
    expect(entries[1]?.changes).toContainEqual({ path: 'spec.data.password', before: '(hidden)', after: '(hidden)' });
    expect(entries[2]?.changes).toContainEqual({ path: 'spec.data', after: '(hidden)' });
    expect(entries[0]?.requestId).toBeUndefined();
    expect(JSON.stringify(entries)).not.toContain('hunter');
  });

  it('notes nothing of loops, refusals, dry runs and writes that change nothing', async () => {
    const { store, audit } = await make();
    const created = await store.create(Secret, secretManifest('token'), loop);
    await store.update(Secret, created, person);
    await store.update(Secret, { ...created, spec: { data: { a: 'b' } } }, person, { dryRun: true });
    await expectFault(store.create(Secret, secretManifest('token'), person), 'AlreadyExists');
    await store.updateStatus(Secret, { ...created, status: { ...created.status, observedGeneration: 1 } }, loop);
    expect(await audit.list({ limit: 10 })).toEqual([]);
  });

  it('notes what a person does in the name of a loop, and managers that are not loops', async () => {
    const { store, audit } = await make();
    await store.create(Secret, secretManifest('a'), { ...loop, user: 'ann' });
    await store.create(Secret, secretManifest('b'), { manager: 'reposync/site' });
    expect(await audit.list({ limit: 10 })).toMatchObject([
      { manager: 'reposync/site', user: undefined },
      { user: 'ann' },
    ]);
  });

  it('answers by user, kind, object and action, a page at a time', async () => {
    const { store, audit } = await make();
    for (const name of ['a', 'b', 'c']) await store.create(Secret, secretManifest(name), person);
    const other = await store.create(Secret, secretManifest('d'), { ...person, user: 'bob' });
    await store.delete(Secret, { namespace: 'shop', name: 'd' }, person);
    const namesFor = async (query: object) => (await audit.list({ limit: 10, ...query })).map(({ name }) => name);
    expect(await namesFor({ user: 'bob' })).toEqual(['d']);
    expect(await namesFor({ users: ['bob', 'eve'] })).toEqual(['d']);
    expect(await namesFor({ uid: other.metadata.uid })).toEqual(['d', 'd']);
    expect(await namesFor({ action: 'delete' })).toEqual(['d']);
    expect(await namesFor({ kind: 'Project' })).toEqual([]);
    expect(await namesFor({ skip: 3 })).toEqual(['b', 'a']);
    const [first, second] = await audit.list({ limit: 2 });
    expect([first?.name, second?.name]).toEqual(['d', 'd']);
    expect(await namesFor({ before: second?.id })).toEqual(['c', 'b', 'a']);
  });
}
