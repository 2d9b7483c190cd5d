import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Service } from '../../crds/service.ts';
import { ServiceWorld } from './service-world.ts';

const url = 'https://git.example/shop/web.git';
const source = { type: 'git', repository: url, branch: 'main' };
const MINUTES = 60_000;

async function following(spec: Record<string, unknown> = {}): Promise<{ scene: ServiceWorld; first: string }> {
  const scene = new ServiceWorld();
  const first = scene.git.commit(url, { a: '1' });
  await scene.service('web', { source, ...spec });
  await later(scene, MINUTES);
  return { scene, first };
}

/** Time goes by, and whoever is woken meanwhile has their turn. */
async function later(scene: ServiceWorld, ms: number): Promise<void> {
  await scene.world.runUntilQuiet();
  for (let passed = 0; passed < ms; passed += 1_000) {
    await scene.clock.advance(1_000);
    await scene.world.runUntilQuiet({ unchangedMs: 0 });
  }
}

async function commits(scene: ServiceWorld): Promise<(string | undefined)[]> {
  const builds = await scene.all(Build);
  return builds.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).map(({ status }) => status.commit);
}

describe('a Service that follows a branch', () => {
  it('makes one Build and one revision of a new commit, and comes to rest', async () => {
    const { scene, first } = await following();
    const second = scene.git.commit(url, { a: '2' });
    await later(scene, 5 * MINUTES);
    expect(await scene.revisions('web')).toEqual([1, 2]);
    expect(await commits(scene)).toEqual([first, second]);
    const { status } = await scene.get(Service, 'web');
    expect(status).toMatchObject({ followedCommit: second, revision: 2 });
    expect((await scene.get(Deployment, 'web-r2')).spec).toMatchObject({ trigger: 'push', source: { commit: second } });
    expect(await scene.said('web', 'SourceFollowed')).toBe(
      `True SourceFetched: The branch main is at commit ${second}.`,
    );
  });

  it('looks at once when a webhook or a hand asks for it', async () => {
    const { scene } = await following();
    for (const [asked, files] of [
      ['containr.dev/webhook-requested-at', '2'],
      ['containr.dev/reconcile-requested-at', '3'],
    ] as const) {
      scene.git.commit(url, { a: files });
      const service = await scene.get(Service, 'web');
      const metadata = { ...service.metadata, annotations: { ...service.metadata.annotations, [asked]: 'now' } };
      await scene.store.update(Service, { ...service, metadata }, { manager: 'test' });
      await later(scene, 5_000);
    }
    expect(await scene.revisions('web')).toEqual([1, 2, 3]);
  });

  it('never moves from a commit that the spec names, and builds the tip once none is named any more', async () => {
    const scene = new ServiceWorld();
    const first = scene.git.commit(url, { a: '1' });
    await scene.service('web', { source: { ...source, commit: first } });
    const second = scene.git.commit(url, { a: '2' });
    await later(scene, 3 * MINUTES);
    expect(await commits(scene)).toEqual([first]);
    expect([scene.git.listings(url), await scene.said('web', 'SourceFollowed')]).toEqual([0, 'nothing']);
    await scene.edit(Service, 'web', (spec) => ({ ...spec, source: { ...spec.source, commit: undefined } }));
    await later(scene, 3 * MINUTES);
    expect(await commits(scene)).toEqual([first, second]);
  });

  it('says what is wrong with the repository and changes nothing', async () => {
    const { scene, first } = await following();
    scene.git.commit(url, { a: '2' });
    scene.git.fail(url, 'unavailable');
    await later(scene, 3 * MINUTES);
    expect(await commits(scene)).toEqual([first]);
    expect(await scene.said('web', 'SourceFollowed')).toContain('False SourceUnavailable');
    expect(await scene.said('web')).toContain('True Available');
    scene.git.fail(url, undefined);
    await later(scene, 2 * MINUTES);
    expect(await scene.revisions('web')).toEqual([1, 2]);
  });

  it('asks nobody while it is suspended, and carries out a new commit when it is resumed', async () => {
    const { scene } = await following();
    await scene.edit(Service, 'web', (spec) => ({ ...spec, suspended: true }));
    await later(scene, MINUTES);
    const before = scene.git.listings(url);
    scene.git.commit(url, { a: '2' });
    await later(scene, 3 * MINUTES);
    expect([scene.git.listings(url), await scene.revisions('web')]).toEqual([before, [1]]);
    await scene.edit(Service, 'web', (spec) => ({ ...spec, suspended: false }));
    await later(scene, 2 * MINUTES);
    expect(await scene.revisions('web')).toEqual([1, 2]);
  });

  it('holds a new commit back while new revisions are paused', async () => {
    const { scene } = await following({ rollout: { paused: false } });
    await scene.edit(Service, 'web', (spec) => ({ ...spec, rollout: { ...spec.rollout, paused: true } }));
    const commit = scene.git.commit(url, { a: '2' });
    await later(scene, 3 * MINUTES);
    expect(await scene.revisions('web')).toEqual([1]);
    await scene.edit(Service, 'web', (spec) => ({ ...spec, rollout: { ...spec.rollout, paused: false } }));
    await later(scene, 2 * MINUTES);
    expect((await scene.get(Deployment, 'web-r2')).spec.source?.commit).toBe(commit);
  });

  it('stays with a rollback until another commit comes', async () => {
    const { scene } = await following();
    scene.git.commit(url, { a: '2' });
    await later(scene, 2 * MINUTES);
    const [old, service] = [await scene.get(Deployment, 'web-r1'), await scene.get(Service, 'web')];
    const { apiVersion, kind } = old;
    const { ownerReferences = [], namespace } = old.metadata;
    const rollback = { ...old.spec, revision: 3, rollbackOf: 'web-r1' };
    const metadata = { name: 'web-r3', namespace, ownerReferences };
    await scene.store.create(Deployment, { apiVersion, kind, metadata, spec: rollback }, { manager: 'test' });
    await later(scene, 4 * MINUTES);
    expect(await scene.revisions(service.metadata.name)).toEqual([1, 2, 3]);
    const fix = scene.git.commit(url, { a: '3' });
    await later(scene, 2 * MINUTES);
    expect((await scene.get(Deployment, 'web-r4')).spec.source?.commit).toBe(fix);
  });

  it('makes no second revision of a commit whose first one is in the store already when the process dies', async () => {
    const { scene, first } = await following();
    const second = scene.git.commit(url, { a: '2' });
    await later(scene, 90_000);
    const service = await scene.get(Service, 'web');
    // As if the status had not been written any more.
    const before = { ...service.status, followedCommit: first, latestRevision: 1, latestDeployment: 'web-r1' };
    await scene.store.updateStatus(Service, { ...service, status: before }, { manager: 'test' });
    await later(scene, 3 * MINUTES);
    expect(await scene.revisions('web')).toEqual([1, 2]);
    expect(await commits(scene)).toEqual([first, second]);
  });
});
