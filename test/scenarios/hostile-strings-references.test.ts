import { afterEach, describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Project } from '../../crds/project.ts';
import { Volume } from '../../crds/volume.ts';
import { VolumeWorld } from './volume-world.ts';

const worlds: VolumeWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** A guest with its volume in the project "shop", and beside it a project of strangers. */
async function besideStrangers(): Promise<VolumeWorld> {
  const world = new VolumeWorld();
  worlds.push(world);
  await world.begin();
  await world.create(Project, 'other', {});
  await world.addVolume({ guest: 'web' });
  await world.addGuest('web');
  return world;
}

async function volumeOfStrangers(world: VolumeWorld): Promise<Volume | undefined> {
  return world.store.get(Volume, { namespace: 'other', name: 'data' });
}

describe('a name of another project', () => {
  it('gives no volume to the guest that is called so there', async () => {
    const world = await besideStrangers();
    await world.create(Volume, 'data', { guest: 'web' }, 'other');
    await world.world.runUntilQuiet();
    const { status } = await world.guest('web');
    const mine = await world.volume();
    expect(mine.status).toMatchObject({ attachedTo: 'web', vmid: status.vmid });
    expect((await volumeOfStrangers(world))?.status.attachedUid).toBeUndefined();
    expect(Object.keys(world.proxmox.guests.get(status.vmid ?? 0)?.config.mounts ?? {})).toHaveLength(1);
  });

  it('takes no volume from there, and lets no guest start with one', async () => {
    const world = await besideStrangers();
    const { spec } = await world.guest('web');
    await world.create(Guest, 'thief', { ...spec, hostname: 'thief' }, 'other');
    await world.world.runUntilQuiet();
    const thief = await world.store.get(Guest, { namespace: 'other', name: 'thief' });
    const before = await world.guest('web');
    expect((await world.volume()).status).toMatchObject({ attachedUid: before.metadata.uid });
    expect(world.runningVmids()).toEqual([before.status.vmid]);
    expect(world.readyOf(thief ?? before)).toMatch(/^False/);
  });

  it('brings no build from there', async () => {
    const world = await besideStrangers();
    await world.create(Deployment, 'app-r1', { service: 'app', revision: 1, build: 'web-b1', template: {} }, 'other');
    await world.world.runUntilQuiet();
    const guests = await world.all(Guest);
    expect(guests.filter(({ metadata }) => metadata.namespace === 'other')).toEqual([]);
  });
});
