import { afterEach, describe, expect, it } from 'vitest';
import { findCondition } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { allKinds } from '../../crds/kinds.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import type { ObserveOnly } from '../../controller/observe-only.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** Two services that run, one of them with data on its volume. */
async function served(): Promise<SpineWorld> {
  const scene = new SpineWorld({ nodes: ['pve1', 'pve2'] });
  worlds.push(scene);
  await scene.prepare();
  await scene.createService('web', { replicas: 2 });
  await scene.createService('files', {
    type: 'worker',
    volumes: [{ name: 'data', mountPath: '/data', size: '2Gi' }],
  });
  await scene.world.runUntilQuiet();
  return scene;
}

async function dump(scene: SpineWorld): Promise<Resource[]> {
  const lists = await Promise.all(allKinds.map((kind) => scene.store.list(kind)));
  return lists.flatMap(({ items }) => items);
}

interface Restored {
  scene: SpineWorld;
  /** Somebody has looked. */
  resume(): Promise<void>;
}

/** A process over the same Proxmox and a store that was put back, which may only look. */
async function restored(before: SpineWorld, objects: readonly Resource[]): Promise<Restored> {
  await before.world.restart();
  const store = createMemoryStore({ clock: before.clock, objects });
  let observeOnly: ObserveOnly | undefined = { since: before.clock.now(), because: 'The database was put back.' };
  const scene = new SpineWorld({ after: before, store, observing: () => observeOnly });
  worlds.push(scene);
  return {
    scene,
    async resume() {
      observeOnly = undefined;
      await scene.world.restart();
    },
  };
}

/** Everything on Proxmox that somebody could have changed. */
function picture({ proxmox, docker }: SpineWorld): object {
  const guests = [...proxmox.guests.values()].map(({ vmid, running, config }) => ({ vmid, running, config }));
  return structuredClone({ guests, builds: docker.builds.length });
}

/** What decides, of every object: all but conditions. */
async function decisions(scene: SpineWorld): Promise<object[]> {
  const objects = (await dump(scene)).filter(({ kind }) => kind !== 'ProxmoxCluster' && kind !== 'Builder');
  return objects.map(({ metadata: { uid, generation }, spec, status }) => ({
    uid,
    generation,
    spec,
    status: { ...status, conditions: [] },
  }));
}

function heldBack({ status }: Resource): boolean {
  return findCondition(status.conditions, 'Reconciling')?.reason === 'ObserveOnly';
}

describe('observe-only mode', () => {
  it('leaves a world that is as the store says, and after it nothing is made or destroyed either', async () => {
    const before = await served();
    const there = picture(before);
    const { scene, resume } = await restored(before, await dump(before));
    const decided = await decisions(scene);
    await scene.world.run(10 * 60_000);
    expect(await decisions(scene)).toEqual(decided);
    await resume();
    await scene.world.runUntilQuiet();
    expect(picture(scene)).toEqual(there);
    for (const name of ['web', 'files']) expect(scene.readyOf(await scene.service(name))).toBe('True Available');
    expect((await scene.all(Volume)).map((volume) => scene.readyOf(volume))).toEqual(['True VolumeAttached']);
  });

  it('changes nothing outside when the store is older, and tells what is newer than it', async () => {
    const before = await served();
    const old = await dump(before);
    await before.edit(Service, 'web', (spec) => ({ ...spec, replicas: 1, restartedAt: 'later' }));
    await before.createService('late', {});
    await before.world.runUntilQuiet();
    const there = picture(before);
    const newer = (await before.all(Guest)).filter(
      ({ metadata }) => !old.some((object) => object.metadata.uid === metadata.uid),
    );
    expect(newer).toHaveLength(2);

    const { scene } = await restored(before, old);
    const decided = await decisions(scene);
    await scene.world.run(30 * 60_000);
    expect(picture(scene)).toEqual(there);
    expect(await decisions(scene)).toEqual(decided);
    const [cluster] = await scene.all(ProxmoxCluster);
    expect(cluster?.status.orphans.map(({ vmid }) => vmid).sort()).toEqual(
      newer.map(({ status }) => status.vmid).sort(),
    );
    const gone = (await scene.all(Guest)).filter(({ metadata }) => metadata.name.startsWith('web'));
    expect(gone.map((guest) => scene.readyOf(guest))).toEqual(['False GuestMissing', 'False GuestMissing']);
  });

  it('goes on with what was stated meanwhile once somebody has looked', async () => {
    const before = await served();
    const { scene, resume } = await restored(before, await dump(before));
    await scene.world.run(60_000);
    const there = picture(scene);
    await scene.edit(Service, 'web', (spec) => ({ ...spec, replicas: 3 }));
    await scene.deleteService('files');
    await scene.world.run(10 * 60_000);
    expect(picture(scene)).toEqual(there);
    expect((await dump(scene)).some(heldBack)).toBe(true);
    expect(scene.world.events.some(({ reason }) => reason === 'ObserveOnly')).toBe(true);
    expect((await scene.service('files')).metadata.deletionTimestamp).toBeDefined();
    await resume();
    await scene.world.runUntilQuiet();
    expect(await scene.all(Service)).toHaveLength(1);
    expect((await scene.all(Guest)).filter(({ metadata }) => metadata.name.startsWith('web'))).toHaveLength(3);
  });

  it('takes no revision further, and gives none up for being late', async () => {
    const before = await served();
    await before.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: 'now' }));
    await before.world.run(3_000);
    const { scene, resume } = await restored(before, await dump(before));
    const decided = await decisions(scene);
    await scene.world.run(2 * 3_600_000);
    expect(await decisions(scene)).toEqual(decided);
    await resume();
    await scene.world.runUntilQuiet();
    const revisions = await scene.all(Deployment);
    expect(revisions.some(({ status }) => status.machine?.state === 'Active')).toBe(true);
    expect(scene.runningVmids()).toHaveLength(3);
  });
});
