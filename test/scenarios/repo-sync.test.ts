import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { API_VERSION } from '../../crds/meta.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { readRecords } from '../../controller/apply/field-records.ts';
import { repoSyncWorld, serviceYaml, type RepoSyncWorld } from './repo-sync-world.ts';

let world: RepoSyncWorld;

beforeEach(async () => {
  world = await repoSyncWorld();
});
afterEach(() => world[Symbol.asyncDispose]());

async function ready(): Promise<void> {
  await world.until(async () => (await world.condition('Ready'))?.status === 'True');
}

async function image(name: string): Promise<string | undefined> {
  return (await world.service(name))?.spec.source.image;
}

async function change(name: string, spec: Record<string, unknown>): Promise<void> {
  const service = await world.service(name);
  if (service)
    await world.store.update(Service, { ...service, spec: { ...service.spec, ...spec } }, { manager: 'test' });
}

const three = {
  'deploy/a.yaml': serviceYaml('a'),
  'deploy/more/b.yaml': serviceYaml('b'),
  'deploy/c.json': JSON.stringify({
    apiVersion: API_VERSION,
    kind: 'Service',
    metadata: { name: 'c' },
    spec: { source: { type: 'image', image: 'nginx:1.29' } },
  }),
};

describe('a RepoSync', () => {
  it('applies what the repository says, becomes ready, and writes nothing when nothing changed', async () => {
    const commit = await world.repository.commit(three);
    await world.sync();
    await ready();
    const before = await world.store.currentVersion();
    const site = await world.site();
    expect(site.status).toMatchObject({ revision: commit, objects: 3 });
    expect(site.status.inventory.map(({ name, uid }) => [name, uid.length > 0])).toEqual([
      ['a', true],
      ['b', true],
      ['c', true],
    ]);
    await world.look();
    // The annotation that asked, its echo, and nothing else.
    expect(Number(await world.store.currentVersion()) - Number(before)).toBe(2);
  });

  it('goes back when a commit is reverted', async () => {
    await world.repository.commit(three);
    await world.sync({ prune: true });
    await ready();
    await world.repository.commit({
      'deploy/a.yaml': serviceYaml('a', { image: 'nginx:1.30', cpu: '2' }),
      'deploy/d.yaml': serviceYaml('d'),
    });
    await world.look();
    expect([await image('a'), (await world.service('a'))?.spec.resources.cpu]).toEqual(['nginx:1.30', '2']);
    await world.repository.git('revert', '--no-edit', 'HEAD');
    await world.look();
    expect([await image('a'), (await world.service('a'))?.spec.resources.cpu]).toEqual(['nginx:1.29', '1']);
    await world.until(async () => (await world.service('d')) === undefined);
    expect(await world.service('b')).toBeDefined();
  });

  it('puts back by itself what somebody changed by hand', async () => {
    await world.repository.commit(three);
    await world.sync();
    await ready();
    await change('a', { source: { type: 'image', image: 'evil:1', rootDirectory: '/', dockerfile: 'Dockerfile' } });
    await world.until(async () => (await image('a')) === 'nginx:1.29');
    expect((await world.events('DriftCorrected')).join()).toContain('Service shop/a');
  });

  it('leaves fields alone that the repository does not state', async () => {
    await world.repository.commit(three);
    await world.sync();
    await ready();
    await change('a', { replicas: 3 });
    await world.look();
    expect((await world.service('a'))?.spec.replicas).toBe(3);
  });

  it('makes anew what somebody deleted', async () => {
    await world.repository.commit(three);
    await world.sync();
    await ready();
    const before = await world.service('b');
    await world.store.delete(Service, { namespace: 'shop', name: 'b' }, { manager: 'test' });
    await world.until(
      async () => ![undefined, before?.metadata.uid].includes((await world.service('b'))?.metadata.uid),
    );
  });

  it('looks at once when somebody asks for it, as it does for a webhook', async () => {
    await world.repository.commit(three);
    await world.sync();
    await ready();
    await world.repository.commit({ 'deploy/d.yaml': serviceYaml('d') });
    const site = await world.site();
    const annotations = { 'containr.dev/reconcile-requested-at': 'now' };
    await world.store.update(
      RepoSync,
      { ...site, metadata: { ...site.metadata, annotations, resourceVersion: '' } },
      { manager: 'test' },
    );
    await world.until(async () => (await world.service('d')) !== undefined);
  });

  it('does nothing while it is suspended', async () => {
    await world.repository.commit(three);
    await world.sync({ suspend: true });
    await world.until(async () => (await world.condition('Ready'))?.reason === 'Suspended');
    expect(await world.service('a')).toBeUndefined();
    await world.sync({ suspend: false });
    await ready();
  });

  it('keeps what is gone from the repository unless pruning is wanted, and moves of files delete nothing', async () => {
    await world.repository.commit(three);
    await world.sync();
    await ready();
    await world.repository.git('rm', '-q', 'deploy/c.json');
    await world.repository.git('mv', 'deploy/a.yaml', 'deploy/moved.yaml');
    await world.repository.commit({});
    await world.look();
    expect(await world.condition('Pruned')).toMatchObject({ status: 'False', reason: 'PruneOff' });
    const a = await world.service('a');
    await world.sync({ prune: true });
    await world.until(async () => (await world.service('c')) === undefined);
    expect((await world.service('a'))?.metadata.uid).toBe(a?.metadata.uid);
  });

  it('deletes more than its limit only when the commit is confirmed', async () => {
    await world.repository.commit(three);
    await world.sync({ prune: true });
    await ready();
    await world.repository.git('rm', '-q', 'deploy/c.json', 'deploy/a.yaml');
    const commit = await world.repository.commit({});
    await world.look();
    expect(await world.condition('Pruned')).toMatchObject({ status: 'False', reason: 'PruneHeld' });
    expect(await world.service('a')).toBeDefined();
    await world.sync({ prune: true, confirmPrune: commit });
    await world.until(async () => !(await world.service('a')) && !(await world.service('c')));
    expect(await world.service('b')).toBeDefined();
  });

  it('deletes nothing that was made anew by somebody else under the same name', async () => {
    await world.repository.commit(three);
    await world.sync({ prune: true });
    await ready();
    await world.sync({ prune: true, suspend: true });
    await world.until(async () => (await world.condition('Ready'))?.reason === 'Suspended');
    const spec = Service.specSchema.parse({ source: { type: 'image', image: 'nginx:1.29' } });
    await world.store.delete(Service, { namespace: 'shop', name: 'c' }, { manager: 'test' });
    await world.until(async () => (await world.service('c')) === undefined);
    await world.store.create(
      Service,
      { apiVersion: API_VERSION, kind: 'Service', metadata: { namespace: 'shop', name: 'c' }, spec },
      { manager: 'somebody' },
    );
    await world.repository.git('rm', '-q', 'deploy/c.json');
    await world.repository.commit({});
    await world.sync({ prune: true });
    await ready();
    expect(await world.service('c')).toBeDefined();
    expect((await world.site()).status.inventory.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('keeps volumes with data when their manifest goes, and says how to let them go', async () => {
    const volume = 'apiVersion: containr.dev/v1alpha1\nkind: Volume\nmetadata: { name: files }\nspec: { size: 2Gi }\n';
    await world.repository.commit({ ...three, 'deploy/volume.yaml': volume });
    await world.sync({ prune: true });
    await ready();
    await world.repository.git('rm', '-q', 'deploy/volume.yaml');
    await world.repository.commit({});
    await world.look();
    expect(await world.condition('Pruned')).toMatchObject({
      reason: 'PruneKept',
      message: expect.stringContaining('containr.dev/prune'),
    });
    expect(await world.store.get(Volume, { namespace: 'shop', name: 'files' })).toBeDefined();
  });

  it('names the manager and the field of a conflict, and forces nothing', async () => {
    const records = [
      {
        manager: 'kubectl',
        operation: 'Apply',
        apiVersion: API_VERSION,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:source': { 'f:image': {} } } },
      },
    ];
    await world.store.create(
      Service,
      {
        apiVersion: API_VERSION,
        kind: 'Service',
        metadata: {
          namespace: 'shop',
          name: 'a',
          annotations: { 'containr.dev/field-record': JSON.stringify(records) },
        },
        spec: Service.specSchema.parse({ source: { type: 'image', image: 'mine:1' } }),
      },
      { manager: 'kubectl' },
    );
    await world.repository.commit(three);
    await world.sync();
    await world.until(async () => (await world.condition('Applied'))?.status === 'False');
    expect(await world.condition('Applied')).toMatchObject({
      reason: 'FieldConflict',
      message: expect.stringMatching(/Service shop\/a: \.spec\.source\.image belongs to "kubectl"/),
    });
    expect(await image('a')).toBe('mine:1');
    expect(await image('b')).toBe('nginx:1.29');
  });

  it('leaves the items of lists alone that the repository does not state', async () => {
    const manifest = serviceYaml('a') + "  env: [{ name: MINE, value: '1' }]\n";
    await world.repository.commit({ 'deploy/a.yaml': manifest });
    await world.sync();
    await ready();
    const env = [
      { name: 'MINE', value: 'changed' },
      { name: 'THEIRS', value: '2' },
    ];
    await change('a', { env });
    await world.until(async () => (await world.service('a'))?.spec.env[0]?.value === '1');
    expect((await world.service('a'))?.spec.env).toEqual([
      { name: 'MINE', value: '1' },
      { name: 'THEIRS', value: '2' },
    ]);
  });

  it('leaves what it applied to whoever comes next when it is deleted', async () => {
    await world.repository.commit(three);
    await world.sync();
    await ready();
    const before = await world.service('a');
    await world.store.delete(RepoSync, { namespace: 'shop', name: 'site' }, { manager: 'test' });
    await world.until(async () => (await world.store.get(RepoSync, { namespace: 'shop', name: 'site' })) === undefined);
    const after = await world.service('a');
    expect(after?.spec).toEqual(before?.spec);
    expect(readRecords(before?.metadata ?? {})).toMatchObject([{ manager: 'reposync/site' }]);
    expect(readRecords(after?.metadata ?? {})).toEqual([]);
  });

  it('encrypts a Secret that stands in the repository as it is, warns, and does not write it twice', async () => {
    const secret =
      'apiVersion: containr.dev/v1alpha1\nkind: Secret\nmetadata: { name: keys }\nspec: { data: { token: s3cr3t-canary } }\n';
    await world.repository.commit({ 'deploy/secret.yaml': secret });
    await world.sync();
    await ready();
    const stored = await world.store.get(Secret, { namespace: 'shop', name: 'keys' });
    const place = { namespace: 'shop', name: 'keys', key: 'token' };
    expect(world.box.open(place, stored?.spec.data['token'] ?? '')).toBe('s3cr3t-canary');
    expect(JSON.stringify([stored, await world.site()])).not.toContain('s3cr3t-canary');
    const warnings = await world.events('PlainSecret');
    expect(warnings.join()).toContain('Secret shop/keys');
    expect(warnings.join()).not.toContain('s3cr3t-canary');
    await world.repository.commit({ 'deploy/b.yaml': serviceYaml('b') });
    await world.look();
    expect((await world.store.get(Secret, { namespace: 'shop', name: 'keys' }))?.metadata.generation).toBe(1);
  });

  it("refuses by name what is not its project's", async () => {
    await world.repository.commit({
      'deploy/a.yaml': serviceYaml('a'),
      'deploy/b.yaml': serviceYaml('b', { namespace: 'other' }),
    });
    await world.sync();
    await world.until(async () => (await world.condition('Applied'))?.reason === 'ManifestInvalid');
    expect((await world.condition('Applied'))?.message).toContain('Service other/b');
    expect(await world.service('a')).toBeUndefined();
  });

  it('makes projects and what is in them when it belongs to the administrators', async () => {
    const project = 'apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: { name: blog }\nspec: {}\n---\n';
    await world.repository.commit({ 'deploy/all.yaml': project + serviceYaml('web', { namespace: 'blog' }) });
    await world.sync({ suspend: true });
    await world.sync({}, { namespace: 'containr-system', name: 'site' });
    await world.until(async () => (await world.service('web', 'blog')) !== undefined);
  });
});
