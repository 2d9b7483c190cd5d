import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Guest } from '../../crds/guest.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { controlledBy } from '../../reconcilers/shared/owner.ts';
import { ServiceWorld } from './service-world.ts';

const ports = [{ port: 8080 }];
const data = (more: Record<string, unknown> = {}) => [{ name: 'data', mountPath: '/data', size: '2Gi', ...more }];

async function running(spec: Record<string, unknown> = {}): Promise<ServiceWorld> {
  const scene = new ServiceWorld();
  await scene.service('web', spec);
  await scene.world.runUntilQuiet();
  return scene;
}

async function namesOf(scene: ServiceWorld, kind: Parameters<ServiceWorld['all']>[0]): Promise<string[]> {
  const all: Resource[] = await scene.all(kind);
  return all.map(({ metadata }) => metadata.name).toSorted();
}

/** A revision as the API and people make one. */
async function deploy(scene: ServiceWorld, revision: number, change: Partial<Deployment['spec']> = {}): Promise<void> {
  const service = await scene.get(Service, 'web');
  const { spec } = await scene.get(Deployment, 'web-r1');
  const name = `web-r${revision}`;
  await scene.store.create(
    Deployment,
    {
      apiVersion: API_VERSION,
      kind: Deployment.kind,
      metadata: { name, namespace: 'shop', ownerReferences: [controlledBy(service)] },
      spec: { ...spec, revision, ...change },
    },
    { manager: 'test' },
  );
}

describe('revisions that somebody else makes', () => {
  it('are taken over, and a rollback stays until the spec changes', async () => {
    const scene = await running();
    await scene.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: 'now' }));
    await scene.world.runUntilQuiet();
    await deploy(scene, 3, { rollbackOf: 'web-r1' });
    await scene.world.runUntilQuiet();
    const { status } = await scene.get(Service, 'web');
    expect(status).toMatchObject({ revision: 3, latestDeployment: 'web-r3', latestBuild: 'web-b1' });
    expect(await scene.said('web')).toBe('True Available: Revision 3 serves.');
    expect(await scene.said('web', 'RollbackPinned')).toContain('a rollback to web-r1');
    expect(await scene.said('web', 'UpToDate')).toContain('False RollbackPinned');

    await scene.edit(Service, 'web', (spec) => ({ ...spec, env: [{ name: 'A', value: 'b' }] }));
    await scene.world.runUntilQuiet();
    expect((await scene.get(Deployment, 'web-r4')).spec.build).toBe('web-b4');
    expect(await scene.said('web', 'RollbackPinned')).toBe('nothing');
  });

  it('get the build that they name, from the source that they name', async () => {
    const scene = await running();
    await deploy(scene, 2, {
      build: 'web-b2',
      source: { ...(await scene.get(Service, 'web')).spec.source, image: 'app:2' },
    });
    await scene.world.runUntilQuiet();
    expect((await scene.get(Build, 'web-b2')).spec.source.image).toBe('app:2');
    expect(await scene.said('web')).toBe('True Available: Revision 2 serves.');
  });

  it('do not swallow a change of the spec that comes in the same moment', async () => {
    const scene = await running();
    await scene.edit(Service, 'web', (spec) => ({ ...spec, env: [{ name: 'A', value: 'b' }] }));
    await deploy(scene, 2);
    await scene.world.runUntilQuiet();
    expect(await scene.revisions('web')).toEqual([1, 2, 3]);
    expect(scene.seen('web', 'A')).toEqual(['b']);
  });

  it('are forgotten with the builds that nobody needs, the oldest first', async () => {
    const scene = await running();
    for (let round = 0; round < 12; round += 1) {
      await scene.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: `${round}` }));
      await scene.world.runUntilQuiet();
    }
    expect(await scene.revisions('web')).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(await namesOf(scene, Build)).toHaveLength(11);
  });
});

describe('the route of a service', () => {
  it('comes with a port, follows the spec, and goes with the type', async () => {
    const scene = await running({ type: 'web', ports });
    expect((await scene.get(Route, 'web')).spec).toMatchObject({ service: 'web', port: 8080, domains: [] });
    await scene.edit(Service, 'web', (spec) => ({ ...spec, domains: [{ host: 'web.example', tls: 'auto' as const }] }));
    await scene.world.runUntilQuiet();
    expect((await scene.get(Route, 'web')).spec.domains).toEqual([{ host: 'web.example', tls: 'auto' }]);
    await scene.edit(Service, 'web', (spec) => ({ ...spec, type: 'worker' as const }));
    await scene.world.runUntilQuiet();
    expect(await namesOf(scene, Route)).toEqual([]);
  });
});

describe('the volumes of a service', () => {
  it('go from run to run where it runs by a schedule', async () => {
    const scene = await running({ type: 'cron', schedule: '*/10 * * * *', volumes: data() });
    scene.runs.ms = 15 * 60_000;
    const holders = new Set<string | undefined>();
    for (let minute = 0; minute < 45; minute += 1) {
      await scene.world.run(60_000);
      holders.add((await scene.get(Volume, 'web-data')).spec.guest);
      const mounting = (await scene.all(Guest)).filter(({ spec }) => spec.mounts.length > 0);
      expect(mounting.length).toBeLessThan(2);
    }
    expect([...holders].filter((name) => name !== undefined)).toHaveLength(2);
  });

  it('grow, and never shrink', async () => {
    const scene = await running({ volumes: data() });
    expect((await scene.get(Deployment, 'web-r1')).spec.template.rollout.strategy).toBe('Recreate');
    await scene.edit(Service, 'web', (spec) => ({
      ...spec,
      volumes: spec.volumes.map((one) => ({ ...one, size: '4Gi' })),
    }));
    await scene.world.runUntilQuiet();
    expect((await scene.get(Volume, 'web-data')).spec.size).toBe('4Gi');
    expect(await scene.said('web', 'VolumesReady')).toContain('True');
    await scene.edit(Service, 'web', (spec) => ({
      ...spec,
      volumes: spec.volumes.map((one) => ({ ...one, size: '1Gi' })),
    }));
    await scene.world.runUntilQuiet();
    expect((await scene.get(Volume, 'web-data')).spec.size).toBe('4Gi');
    expect(await scene.said('web', 'VolumesReady')).toMatch(/False ShrinkRefused: .*cannot shrink to 1Gi.*4Gi or more/);
    expect(await scene.revisions('web')).toEqual([1]);
  });

  it('come back for a rollback as they are', async () => {
    const scene = await running({ volumes: data() });
    await scene.edit(Service, 'web', (spec) => ({
      ...spec,
      volumes: spec.volumes.map((one) => ({ ...one, size: '4Gi' })),
    }));
    await scene.world.runUntilQuiet();
    await scene.edit(Service, 'web', (spec) => ({ ...spec, volumes: [] }));
    await scene.world.runUntilQuiet();
    await deploy(scene, 3, { rollbackOf: 'web-r1' });
    await scene.world.runUntilQuiet();
    const volume = await scene.get(Volume, 'web-data');
    expect(volume.spec.size).toBe('4Gi');
    expect(volume.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['web']);
    expect(await scene.said('web', 'VolumesReady')).toContain('True');
  });

  it.each([
    ['are kept, as nobody owns them, and taken back', true, ['web-data']],
    ['go when they are not to be kept', false, []],
  ])('%s', async (_, retain, left) => {
    const scene = await running({ volumes: data({ retain }) });
    await scene.edit(Service, 'web', (spec) => ({ ...spec, volumes: [] }));
    await scene.world.runUntilQuiet();
    expect(await namesOf(scene, Volume)).toEqual(left);
    await scene.edit(Service, 'web', (spec) => ({
      ...spec,
      volumes: Service.specSchema.parse({ ...spec, volumes: data({ retain }) }).volumes,
    }));
    await scene.world.runUntilQuiet();
    const uid = (await scene.get(Volume, 'web-data')).metadata.uid;
    await scene.remove(Service, 'web');
    await scene.world.runUntilQuiet();
    expect(await namesOf(scene, Volume)).toEqual(left);
    expect(await namesOf(scene, Service)).toEqual([]);
    if (!retain) return;
    const kept = await scene.get(Volume, 'web-data');
    expect(kept.metadata.ownerReferences ?? []).toEqual([]);
    expect(kept.metadata).toMatchObject({ uid, labels: { 'containr.dev/released-from': 'web' } });
    await scene.service('web', { volumes: data() });
    await scene.world.runUntilQuiet();
    const again = await scene.get(Volume, 'web-data');
    expect(again.metadata.uid).toBe(uid);
    expect(again.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['web']);
  });
});
