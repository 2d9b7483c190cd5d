import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { CORRECT_DRIFT } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { GuestWorld } from './guest-world.ts';

const worlds: GuestWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** A guest that runs, in a project with this policy. */
async function begun(drift?: 'Correct' | 'Report'): Promise<GuestWorld> {
  const scene = new GuestWorld();
  worlds.push(scene);
  await scene.prepare();
  await scene.create(Project, 'shop', drift === undefined ? {} : { drift });
  await scene.createGuest('web-1');
  await scene.world.runUntilQuiet();
  return scene;
}

async function change(scene: GuestWorld, config: Record<string, unknown>): Promise<number> {
  const { status } = await scene.get(Guest, 'web-1');
  const guest = scene.proxmox.guests.get(status.vmid ?? 0);
  if (!guest) throw new Error('There is no guest.');
  guest.config = { ...guest.config, ...config };
  await scene.world.run(10 * 60_000);
  return guest.vmid;
}

async function driftFree(scene: GuestWorld): Promise<string> {
  const { status } = await scene.get(Guest, 'web-1');
  const condition = status.conditions.find(({ type }) => type === 'DriftFree');
  return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
}

describe('a guest that was changed by hand', () => {
  it('is corrected unless told otherwise, and the correction is told', async () => {
    const scene = await begun();
    expect(await driftFree(scene)).toContain('True AsDeclared');
    const vmid = await change(scene, { memoryMiB: 2_048 });
    expect(scene.proxmox.guests.get(vmid)?.config.memoryMiB).toBe(512);
    expect(await driftFree(scene)).toContain('True AsDeclared');
    expect(scene.world.events.map(({ reason }) => reason)).toContain('DriftCorrected');
  });

  it('stays as it is where drift is only reported, field by field, and goes on serving', async () => {
    const scene = await begun('Report');
    const vmid = await change(scene, { memoryMiB: 2_048, cores: 4, env: ['SECRET=canary'] });
    expect(scene.proxmox.guests.get(vmid)?.config).toMatchObject({ memoryMiB: 2_048, cores: 4 });
    const { status } = await scene.get(Guest, 'web-1');
    expect(status.drift.map(({ field, declared, found }) => [field, declared, found])).toEqual([
      ['memory', '512', '2048'],
      ['cores', '1', '4'],
      ['env', '(hidden)', '(hidden)'],
    ]);
    expect(await driftFree(scene)).toContain('False Drifted: Changed by hand: memory is 2048 instead of 512');
    expect(JSON.stringify(status)).not.toContain('canary');
    expect(await scene.ready('web-1')).toContain('True Healthy');
    expect(scene.world.events.filter(({ reason }) => reason === 'Drifted')).toHaveLength(1);
  });

  it('gets its marks back also where drift is only reported', async () => {
    const scene = await begun('Report');
    const vmid = await change(scene, { description: 'mine' });
    expect(scene.proxmox.guests.get(vmid)?.config.description).toContain('containr-identity');
  });

  it('is corrected once when that is asked for', async () => {
    const scene = await begun('Report');
    const vmid = await change(scene, { memoryMiB: 2_048 });
    const guest = await scene.get(Guest, 'web-1');
    const annotations = { ...guest.metadata.annotations, [CORRECT_DRIFT]: 'now' };
    await scene.store.update(Guest, { ...guest, metadata: { ...guest.metadata, annotations } }, { manager: 'test' });
    await scene.world.run(10 * 60_000);
    expect(scene.proxmox.guests.get(vmid)?.config.memoryMiB).toBe(512);
    const { status } = await scene.get(Guest, 'web-1');
    expect([status.driftCorrectedAt, status.drift]).toEqual(['now', []]);
    await change(scene, { memoryMiB: 1_024 });
    expect(scene.proxmox.guests.get(vmid)?.config.memoryMiB).toBe(1_024);
  });

  it('takes over a change of the spec whatever the policy', async () => {
    const scene = await begun('Report');
    const vmid = await change(scene, { memoryMiB: 2_048 });
    await scene.edit(Guest, 'web-1', (spec) => ({ ...spec, resources: { ...spec.resources, memory: '1Gi' } }));
    await scene.world.run(10 * 60_000);
    expect(scene.proxmox.guests.get(vmid)?.config.memoryMiB).toBe(1_024);
    expect(await driftFree(scene)).toContain('True AsDeclared');
  });
});

describe('a guest without an object', () => {
  it('is told on its cluster with what it was, and is left alone', async () => {
    const scene = await begun();
    const { metadata, status } = await scene.get(Guest, 'web-1');
    const bare = { ...(await scene.get(Guest, 'web-1')), metadata: { ...metadata, finalizers: [] } };
    await scene.store.update(Guest, bare, { manager: 'test' });
    await scene.delete(Guest, 'web-1');
    await scene.world.run(5 * 60_000);
    const cluster = await scene.store.get(ProxmoxCluster, { name: 'home' });
    expect(cluster?.status.orphanCount).toBe(1);
    expect(cluster?.status.orphans).toMatchObject([
      { vmid: status.vmid, kind: 'Guest', project: 'shop', object: 'web-1', running: true, volumes: [] },
    ]);
    const condition = cluster?.status.conditions.find(({ type }) => type === 'NoOrphans');
    expect(condition).toMatchObject({ status: 'False', reason: 'OrphansFound' });
    expect([...scene.proxmox.guests.keys()]).toEqual([status.vmid]);
  });
});
