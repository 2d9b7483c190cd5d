import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { loseVolume } from '../../reconcilers/providers/proxmox/fake-volumes.ts';
import { MARKER, VolumeWorld } from './volume-world.ts';

const worlds: VolumeWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

async function begun(options: ConstructorParameters<typeof VolumeWorld>[0] = {}): Promise<VolumeWorld> {
  const scene = new VolumeWorld(options);
  worlds.push(scene);
  await scene.begin();
  return scene;
}

/** A guest that runs with a volume on which it has written. */
async function served(spec: Record<string, unknown> = {}, options = {}): Promise<VolumeWorld> {
  const scene = await begun(options);
  await scene.addVolume({ guest: 'web-1', ...spec });
  await scene.addGuest('web-1');
  await scene.world.runUntilQuiet();
  write(scene);
  return scene;
}

function write(scene: VolumeWorld): void {
  for (const disk of scene.disks()) disk.content ||= MARKER;
}

/** As a Recreate rollout does. */
async function roll(scene: VolumeWorld, from: string, to: string): Promise<void> {
  await scene.drop(Guest, from);
  await scene.addGuest(to);
  await scene.give(to);
  await scene.world.runUntilQuiet();
}

describe('a volume', () => {
  it('is made once, with the first guest, which starts only when it has it', async () => {
    const scene = await served();
    await scene.expectServing('web-1');
    expect((await scene.volume()).status).toMatchObject({ attachedTo: 'web-1', size: '1Gi', storage: 'local-lvm' });
  });

  it('follows its service to the next guest with what is written on it', async () => {
    const scene = await served();
    await roll(scene, 'web-1', 'web-2');
    await scene.expectServing('web-2');
    expect(scene.world.events.filter(({ reason }) => reason === 'Moving')).toHaveLength(1);
  });

  it('is parked on a keeper while no guest is to have it, and leaves it again', async () => {
    const scene = await served();
    await scene.give(undefined);
    await scene.drop(Guest, 'web-1');
    await scene.world.runUntilQuiet();
    const { status } = await scene.volume();
    expect(scene.readyOf(await scene.volume())).toBe('True VolumeParked');
    expect([...scene.proxmox.guests.keys()]).toEqual([status.keeperVmid]);
    expect(scene.proxmox.guests.get(status.keeperVmid ?? 0)?.config).toMatchObject({ onboot: false, nets: {} });
    expect(scene.runningVmids()).toEqual([]);
    expect(scene.diskAt(status.keeperVmid)?.content).toBe(MARKER);

    await scene.addGuest('web-2');
    await scene.give('web-2');
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-2');
    expect((await scene.volume()).status.keeperVmid).toBeUndefined();
  });

  it('grows while its guest runs, and does not shrink', async () => {
    const scene = await served();
    await scene.edit(Volume, 'data', (spec) => ({ ...spec, size: '3Gi' }));
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-1');
    expect(scene.disks()).toMatchObject([{ bytes: 3 * 2 ** 30 }]);
    expect((await scene.volume()).status.size).toBe('3Gi');
    await scene.edit(Volume, 'data', (spec) => ({ ...spec, size: '2Gi' }));
    await scene.world.runUntilQuiet();
    expect(scene.disks()).toMatchObject([{ bytes: 3 * 2 ** 30 }]);
    const stalled = (await scene.volume()).status.conditions.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason: 'ShrinkRefused' });
    await scene.expectServing('web-1');
  });

  it('outlives its object on a keeper that says what it is, when it is to be retained', async () => {
    const scene = await served();
    await scene.drop(Volume, 'data');
    await scene.drop(Guest, 'web-1');
    await scene.world.runUntilQuiet();
    expect(await scene.all(Volume)).toEqual([]);
    expect(await scene.all(Guest)).toEqual([]);
    const [keeper, ...others] = [...scene.proxmox.guests.values()];
    expect(others).toEqual([]);
    expect(keeper?.config.description).toContain('Keeps the volume shop/data');
    expect(scene.diskAt(keeper?.vmid)?.content).toBe(MARKER);
    const told = scene.world.events.find(({ reason }) => reason === 'VolumeRetained');
    expect(told?.message).toContain(String(keeper?.vmid));
    expect(told?.message).toContain(scene.diskAt(keeper?.vmid)?.volid);
  });

  it('goes with its object when it is not to be retained', async () => {
    const scene = await served({ retain: false });
    await scene.drop(Volume, 'data');
    await scene.world.run(60_000);
    expect(scene.disks()).toMatchObject([{ content: MARKER }]);
    expect(scene.runningVmids()).toHaveLength(1);
    await scene.drop(Guest, 'web-1');
    await scene.world.runUntilQuiet();
    expect(await scene.all(Volume)).toEqual([]);
    expect([...scene.proxmox.guests.keys()]).toEqual([]);
    expect(scene.disks()).toEqual([]);
  });

  it('is two for a guest that mounts two, each at its path', async () => {
    const scene = await begun();
    await scene.addVolume({ guest: 'web-1' });
    await scene.addVolume({ guest: 'web-1' }, 'cache');
    await scene.addGuest('web-1', ['data', 'cache']);
    await scene.world.runUntilQuiet();
    const { vmid } = (await scene.guest('web-1')).status;
    expect(scene.runningVmids()).toEqual([vmid]);
    expect(scene.disks()).toHaveLength(2);
    expect(scene.diskAt(vmid, '/data')?.volid).toBe((await scene.volume('data')).status.volid);
    expect(scene.diskAt(vmid, '/cache')?.volid).toBe((await scene.volume('cache')).status.volid);
  });
});

describe('a volume on a bad day', () => {
  it('waits for room on its storage, and says so', async () => {
    const scene = await begun();
    await scene.addVolume({ guest: 'web-1' });
    await scene.addGuest('web-1');
    const isMade = (): boolean => [...scene.proxmox.guests.values()].some(({ lock }) => lock === undefined);
    await scene.world.runUntilQuiet({ until: isMade });
    const storage = scene.proxmox.storages.get('local-lvm');
    if (storage) storage.totalBytes = storage.usedBytes + 2 ** 20;
    await scene.world.run(5 * 60_000);
    expect(scene.disks()).toEqual([]);
    expect(scene.runningVmids()).toEqual([]);
    const open = (await scene.volume()).status.conditions.find(({ type }) => type === 'Reconciling');
    expect(open).toMatchObject({ status: 'True', reason: 'StorageFull' });
    if (storage) storage.totalBytes = 2 ** 42;
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-1', '');
  });

  it('leaves the guest of a stranger alone that has the vmid of its own, and makes nothing in its place', async () => {
    const scene = await served();
    const { vmid } = (await scene.guest('web-1')).status;
    scene.proxmox.removeGuest(vmid ?? 0);
    const stranger = scene.proxmox.addStranger(vmid ?? 0, {
      tags: ['containr', 'containr-g-somebody', 'containr-i-elsewhere'],
      mounts: { mp0: 'local-lvm:vm-9-disk-9,mp=/data' },
    });
    const before = stranger.digest();
    await scene.give(undefined);
    await scene.drop(Guest, 'web-1');
    await scene.world.run(5 * 60_000);
    expect(stranger.digest()).toBe(before);
    expect(scene.proxmox.guests.get(vmid ?? 0)).toBe(stranger);
    expect(scene.readyOf(await scene.volume())).toBe('False VolumeMissing');
    await scene.drop(Volume, 'data');
    await scene.world.runUntilQuiet();
    expect(await scene.all(Volume)).toEqual([]);
    expect(stranger.digest()).toBe(before);
  });

  it('waits for a node that is away, and moves when it is back', async () => {
    const scene = await served({}, { nodes: ['pve1', 'pve2'] });
    const { node = '' } = (await scene.guest('web-1')).status;
    scene.proxmox.isolateNode(node);
    await scene.drop(Guest, 'web-1');
    await scene.addGuest('web-2');
    await scene.give('web-2');
    await scene.world.run(5 * 60_000);
    expect(scene.disks()).toMatchObject([{ content: MARKER, vmid: (await scene.volume()).status.vmid }]);
    scene.proxmox.bringNodeBack(node);
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-2');
    expect((await scene.guest('web-2')).status.node).toBe(node);
  });

  it('waits for a guest that is locked by a backup', async () => {
    const scene = await served();
    const { vmid = 0 } = (await scene.guest('web-1')).status;
    scene.proxmox.touch(vmid, (guest) => void (guest.lock = 'backup'));
    await scene.drop(Guest, 'web-1');
    await scene.addGuest('web-2');
    await scene.give('web-2');
    await scene.world.run(5 * 60_000);
    expect(scene.diskAt(vmid)?.content).toBe(MARKER);
    scene.proxmox.touch(vmid, (guest) => void (guest.lock = undefined));
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-2');
  });

  it('is found again when a move was killed half way and no config names it', async () => {
    const scene = await served();
    const { vmid = 0, key = '' } = (await scene.volume()).status;
    const [disk] = scene.disks();
    scene.proxmox.intercept('moveVolume', {
      before: () => {
        const target = [...scene.proxmox.guests.keys()].find((other) => other !== vmid) ?? 0;
        loseVolume(scene.proxmox, 'pve1', { vmid, key }, target);
      },
    });
    await roll(scene, 'web-1', 'web-2');
    await scene.expectServing('web-2');
    expect(scene.disks()).toEqual([disk]);
  });

  it('is put back when a hand took it off', async () => {
    const scene = await served();
    const { vmid = 0 } = (await scene.guest('web-1')).status;
    await scene.edit(Guest, 'web-1', (spec): Guest['spec'] => ({ ...spec, power: 'stopped' }));
    await scene.world.runUntilQuiet();
    await scene.proxmox.configureGuest('pve1', vmid, { remove: ['mp0'] }, new AbortController().signal);
    await scene.world.run(10 * 60_000);
    expect(scene.diskAt(vmid)?.content).toBe(MARKER);
    await scene.edit(Guest, 'web-1', (spec): Guest['spec'] => ({ ...spec, power: 'running' }));
    await scene.world.runUntilQuiet();
    await scene.expectServing('web-1');
  });

  it.each(['moveVolume', 'configureGuest', 'createGuest', 'destroyGuest', 'resizeVolume'] as const)(
    'is neither lost nor doubled when the answer to %s is',
    async (method) => {
      const scene = await begun();
      await scene.addVolume({ guest: 'web-1' });
      await scene.addGuest('web-1');
      if (method === 'configureGuest') scene.proxmox.intercept(method, { loseAnswer: true, times: 3 });
      await scene.world.runUntilQuiet();
      write(scene);
      if (method !== 'configureGuest') scene.proxmox.intercept(method, { loseAnswer: true });
      await scene.edit(Volume, 'data', (spec) => ({ ...spec, size: '2Gi' }));
      await scene.world.runUntilQuiet();
      await scene.give(undefined);
      await scene.drop(Guest, 'web-1');
      await scene.world.runUntilQuiet();
      await scene.addGuest('web-2');
      await scene.give('web-2');
      await scene.world.runUntilQuiet();
      await scene.expectServing('web-2');
      expect(scene.disks()).toMatchObject([{ bytes: 2 * 2 ** 30 }]);
    },
  );
});
