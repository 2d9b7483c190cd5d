import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { ADOPT_PREFIX } from '../../crds/meta.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import { SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

const DATA = { volumes: [{ name: 'data', mountPath: '/data', size: '2Gi' }] };

async function state(scene: SpineWorld, built?: () => Promise<unknown>): Promise<void> {
  await scene.prepare();
  await scene.createService('web', { replicas: 3 });
  await built?.();
  await scene.createService('files', { type: 'worker', ...DATA });
}

/** Two services that run, one of them with data on its volume. */
async function served(): Promise<SpineWorld> {
  const scene = new SpineWorld({ nodes: ['pve1', 'pve2'] });
  worlds.push(scene);
  // Two builds of one commit at a time come to two archives, of which the next controller would know one.
  await state(scene, () => scene.world.runUntilQuiet());
  await scene.world.runUntilQuiet();
  for (const storage of scene.proxmox.storages.values())
    for (const disk of storage.volumes()) disk.content = `data of ${disk.vmid}`;
  return scene;
}

/** A fresh controller over the same Proxmox, with an empty store, of the same installation. */
async function afterTheLoss(before: SpineWorld, crash?: CrashPoint): Promise<SpineWorld> {
  await before.world.restart();
  const scene = new SpineWorld({ after: before, crash });
  worlds.push(scene);
  return scene;
}

interface Changes {
  made: number;
  destroyed: number;
  stopped: number;
  moved: number;
}

function changesOf({ proxmox }: SpineWorld): Changes {
  const count = (method: Parameters<typeof proxmox.calls.get>[0]): number => proxmox.calls.get(method) ?? 0;
  return {
    made: count('createGuest'),
    destroyed: count('destroyGuest'),
    stopped: count('shutdownGuest') + count('stopGuest'),
    moved: count('moveVolume'),
  };
}

function changesSince(scene: SpineWorld, before: Changes): Changes {
  const now = changesOf(scene);
  return {
    made: now.made - before.made,
    destroyed: now.destroyed - before.destroyed,
    stopped: now.stopped - before.stopped,
    moved: now.moved - before.moved,
  };
}

const NOTHING: Changes = { made: 0, destroyed: 0, stopped: 0, moved: 0 };

async function expectServing(scene: SpineWorld): Promise<void> {
  for (const name of ['web', 'files']) expect(scene.readyOf(await scene.service(name))).toBe('True Available');
  const guests = await scene.all(Guest);
  expect(guests.map((guest) => scene.readyOf(guest))).toEqual(guests.map(() => 'True Healthy'));
  expect(new Set(guests.map(({ status }) => status.vmid)).size).toBe(4);
  const [volume] = await scene.all(Volume);
  const holder = guests.find(({ metadata }) => metadata.name.startsWith('files'));
  expect(volume && scene.readyOf(volume)).toBe('True VolumeAttached');
  expect(volume?.status.attachedUid).toBe(holder?.metadata.uid);
  expect(volume?.status.adoptedFrom).toBeUndefined();
}

function dataOf(scene: SpineWorld): string[] {
  return [...scene.proxmox.guests.values()].flatMap(({ config }) =>
    Object.values(config.mounts).map((text) => scene.proxmox.volume(parseMount(text).volume)?.content ?? 'nothing'),
  );
}

describe('a controller that lost its store', () => {
  it('takes over every guest and volume as it is, given the same manifests', async () => {
    const before = await served();
    const running = before.runningVmids();
    const data = dataOf(before);
    expect([running.length, data.length]).toEqual([4, 1]);
    const scene = await afterTheLoss(before);
    const changes = changesOf(scene);
    await state(scene);
    await scene.world.runUntilQuiet();
    await expectServing(scene);
    expect(changesSince(scene, changes)).toEqual(NOTHING);
    expect(scene.runningVmids()).toEqual(running);
    expect(dataOf(scene)).toEqual(data);
  });

  it('takes over a second time, with the keys that the guests have', async () => {
    const environments = (scene: SpineWorld) => [...scene.proxmox.guests.values()].map(({ config }) => config.env);
    const first = await afterTheLoss(await served());
    await state(first);
    await first.world.runUntilQuiet();
    const before = environments(first);
    const second = await afterTheLoss(first);
    const changes = changesOf(second);
    await state(second);
    await second.world.runUntilQuiet();
    await expectServing(second);
    expect(changesSince(second, changes)).toEqual(NOTHING);
    expect(environments(second)).toEqual(before);
  });

  it('makes what is missing, and only that', async () => {
    const before = await served();
    const lost = before.runningVmids().at(-1) ?? 0;
    const scene = await afterTheLoss(before);
    scene.proxmox.guests.delete(lost);
    const changes = changesOf(scene);
    await state(scene);
    await scene.world.runUntilQuiet();
    await expectServing(scene);
    expect(changesSince(scene, changes)).toEqual({ ...NOTHING, made: 1 });
  });

  it('takes over guests of a later revision, which it counts as the first, and restarts them for their name', async () => {
    const before = await served();
    await before.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: 'today' }));
    await before.world.runUntilQuiet();
    const running = before.runningVmids();
    const scene = await afterTheLoss(before);
    const changes = changesOf(scene);
    await state(scene);
    await scene.world.runUntilQuiet();
    await expectServing(scene);
    expect(changesSince(scene, changes)).toEqual({ ...NOTHING, stopped: 3 });
    expect(scene.runningVmids()).toEqual(running);
  });

  it('corrects a guest that was changed meanwhile, in place', async () => {
    const before = await served();
    const [first = 0] = before.runningVmids();
    const scene = await afterTheLoss(before);
    const guest = scene.proxmox.guests.get(first);
    if (guest) guest.config = { ...guest.config, memoryMiB: 2_048 };
    const changes = changesOf(scene);
    await state(scene);
    await scene.world.runUntilQuiet();
    await expectServing(scene);
    expect(changesSince(scene, changes)).toEqual(NOTHING);
    expect(scene.proxmox.guests.get(first)?.config.memoryMiB).toBe(512);
  });

  it.each(['another installation', 'another project', 'another archive'])(
    'leaves a guest of %s alone',
    async (whose) => {
      const before = await served();
      const scene = await afterTheLoss(before);
      for (const guest of scene.proxmox.guests.values()) {
        const { description = '', tags } = guest.config;
        if (whose === 'another installation')
          guest.config = {
            ...guest.config,
            tags: tags.map((tag) => tag.replace('containr-i-a1b2c3d4', 'containr-i-ffffffff')),
            description: description.replace('a1b2c3d4', 'ffffffff'),
          };
        else if (whose === 'another project')
          guest.config = { ...guest.config, description: description.replace('"project":"shop"', '"project":"other"') };
        else guest.config = { ...guest.config, description: description.replace(/sha256:\w+/, 'sha256:ff') };
      }
      const running = scene.runningVmids();
      const changes = changesOf(scene);
      await scene.prepare();
      await scene.createService('web', { replicas: 3 });
      await scene.world.runUntilQuiet();
      expect(scene.readyOf(await scene.service('web'))).toBe('True Available');
      expect(changesSince(scene, changes)).toEqual({ ...NOTHING, made: 3 });
      expect(scene.runningVmids()).toEqual(expect.arrayContaining(running));
    },
  );

  it('takes over a volume that is parked', async () => {
    const before = await served();
    await before.edit(Service, 'files', (spec) => ({ ...spec, suspended: true }));
    await before.world.runUntilQuiet();
    const data = dataOf(before);
    const scene = await afterTheLoss(before);
    const changes = changesOf(scene);
    await scene.prepare();
    await scene.createService('files', { type: 'worker', ...DATA, suspended: true });
    await scene.world.runUntilQuiet();
    const [volume] = await scene.all(Volume);
    expect(volume && scene.readyOf(volume)).toBe('True VolumeParked');
    expect(changesSince(scene, changes)).toEqual(NOTHING);
    expect(dataOf(scene)).toEqual(data);
  });

  it('gives back a volume that was retained only to whom an administrator says', async () => {
    const before = await served();
    await before.deleteService('files');
    await before.world.runUntilQuiet();
    for (const { metadata } of await before.all(Volume))
      await before.store.delete(Volume, metadata, { manager: 'test' });
    await before.world.runUntilQuiet();
    expect(await before.all(Volume)).toEqual([]);
    const data = dataOf(before);
    const scene = await afterTheLoss(before);
    await scene.prepare();
    await scene.create(Volume, 'files-data', { size: '2Gi' }, 'shop');
    await scene.world.run(60_000);
    expect((await scene.all(Volume))[0]?.status.volid).toBeUndefined();
    const cluster = await scene.store.get(ProxmoxCluster, { name: 'home' });
    const orphan = cluster?.status.orphans.find(({ retained }) => retained);
    if (!cluster || !orphan) throw new Error('The keeper is not told.');
    const annotations = { [`${ADOPT_PREFIX}${orphan.vmid}`]: 'volume/shop/files-data' };
    const granted = { ...cluster, metadata: { ...cluster.metadata, annotations } };
    await scene.store.update(ProxmoxCluster, granted, { manager: 'test' });
    await scene.world.run(30_000);
    const [volume] = await scene.all(Volume);
    expect(volume && scene.readyOf(volume)).toBe('True VolumeParked');
    expect(volume?.status).toMatchObject({ vmid: orphan.vmid, keeperVmid: orphan.vmid });
    expect(dataOf(scene)).toEqual(data);
    expect(scene.proxmox.guests.get(orphan.vmid)?.config.description).not.toContain('retained');
  });

  it('waits with a volume for the guest without an object that runs with it, and says how to go on', async () => {
    const before = await served();
    const scene = await afterTheLoss(before);
    const holder = [...scene.proxmox.guests.values()].find(({ config }) => Object.keys(config.mounts).length > 0);
    if (!holder) throw new Error('No guest has a volume.');
    const { description = '' } = holder.config;
    holder.config = { ...holder.config, description: description.replace(/sha256:\w+/, 'sha256:ff') };
    await scene.prepare();
    await scene.createService('files', { type: 'worker', ...DATA });
    await scene.world.run(5 * 60_000);
    const [volume] = await scene.all(Volume);
    const message = volume?.status.conditions.find(({ type }) => type === 'Ready')?.message;
    expect(message).toContain(`By hand: pct shutdown ${holder.vmid}`);
    expect(dataOf(scene)).toHaveLength(1);
    holder.running = false;
    await scene.world.runUntilQuiet();
    expect(scene.readyOf(await scene.service('files'))).toBe('True Available');
    expect(dataOf(scene)).toEqual([`data of ${holder.vmid}`]);
  });

  it.each(Array.from({ length: 24 }, (_, index) => index * 5 + 3))(
    'takes everything over once, also when the process dies at its call %i',
    async (call) => {
      const before = await served();
      const running = before.runningVmids();
      const scene = await afterTheLoss(before, { when: call % 2 === 1 ? 'before' : 'after', call });
      const changes = changesOf(scene);
      await state(scene);
      await scene.world.runUntilQuiet();
      expect(scene.world.diedAt).toBeDefined();
      await expectServing(scene);
      expect(changesSince(scene, changes)).toEqual(NOTHING);
      expect(scene.runningVmids()).toEqual(running);
    },
  );
});
