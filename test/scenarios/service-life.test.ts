import { afterEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { REPOSITORY, SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];

async function prepared(options: ConstructorParameters<typeof SpineWorld>[0] = {}): Promise<SpineWorld> {
  const world = new SpineWorld(options);
  worlds.push(world);
  await world.prepare();
  return world;
}

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

describe('a service', () => {
  it('is built from its branch and runs as one guest', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    const service = await spine.service();
    expect(spine.readyOf(service)).toBe('True Available');
    expect(service.status).toMatchObject({
      phase: 'Running',
      revision: 1,
      url: 'http://10.40.0.50:8080',
      vmids: [20_000],
    });
    expect(spine.runningVmids()).toEqual([20_000]);
  });

  it('rolls to a new guest on a new commit, and the old one goes', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    const commit = spine.git.commit(REPOSITORY, {
      Dockerfile: 'FROM scratch\nCOPY app /app\nCMD ["/app"]\n',
      app: 'two',
    });
    await spine.edit(Service, 'web', (spec) => ({ ...spec, source: { ...spec.source, commit } }));
    await spine.world.runUntilQuiet();
    const service = await spine.service();
    expect(spine.readyOf(service)).toBe('True Available');
    expect(service.status).toMatchObject({ revision: 2, commit });
    expect(spine.runningVmids()).toEqual([20_001]);
    expect(spine.proxmox.guests.size).toBe(1);
  });

  it('is never called ready for a spec that has not been rolled out', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    await spine.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: 'now' }));
    const told: string[] = [];
    await spine.world.runUntilQuiet({
      until: async () => {
        const { metadata, status } = await spine.service();
        const isCurrent = status.observedGeneration === metadata.generation;
        const ready = status.conditions.find(({ type }) => type === 'Ready');
        if (isCurrent && ready?.status === 'True') told.push(`${status.revision}`);
        return false;
      },
    });
    expect(new Set(told)).toEqual(new Set(['2']));
  });

  it('keeps the old revision serving when the new one never becomes healthy, and says why', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    spine.processes = 'unhealthy';
    await spine.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: 'now' }));
    await spine.world.runUntilQuiet();
    const service = await spine.service();
    expect(spine.readyOf(service)).toBe('False DeploymentFailed');
    expect(service.status).toMatchObject({ revision: 1, phase: 'Running' });
    expect(service.status.conditions.find(({ type }) => type === 'Ready')?.message).toContain('status 503');
    expect(spine.runningVmids()).toEqual([20_000]);
    expect(spine.proxmox.guests.size).toBe(1);
  });

  it('leaves nothing behind when it is deleted: no guest, no archive, no object', async () => {
    const spine = await prepared();
    await spine.createService('web', { replicas: 2 });
    await spine.world.runUntilQuiet();
    expect(spine.runningVmids()).toHaveLength(2);
    await spine.deleteService();
    await spine.world.runUntilQuiet();
    expect(spine.proxmox.guests.size).toBe(0);
    expect(spine.proxmox.storages.get('local')?.archives('pve1')).toEqual([]);
    expect(await spine.artifacts.list()).toEqual([]);
    expect(await spine.all(Service)).toEqual([]);
    expect(await spine.all(Build)).toEqual([]);
    expect(await spine.all(Deployment)).toEqual([]);
    expect(await spine.all(Guest)).toEqual([]);
    expect([...spine.logs.lines.keys()]).toEqual([]);
  });

  it('scales up and down, and is suspended and resumed, without a new revision', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    for (const [change, guests] of [
      [{ replicas: 3 }, 3],
      [{ replicas: 1 }, 1],
      [{ suspended: true }, 0],
      [{ suspended: false }, 1],
    ] as const) {
      await spine.edit(Service, 'web', (spec) => ({ ...spec, ...change }));
      await spine.world.runUntilQuiet();
      expect(spine.runningVmids()).toHaveLength(guests);
    }
    expect((await spine.service()).status.latestRevision).toBe(1);
  });

  it('ends in a condition that says what to do when the branch does not exist, and loops no more', async () => {
    const spine = await prepared();
    await spine.createService('web', { source: { type: 'git', repository: REPOSITORY, branch: 'absent' } });
    const report = await spine.world.runUntilQuiet();
    expect(report.passes).toBeLessThan(80);
    const service = await spine.service();
    expect(spine.readyOf(service)).toBe('False DeploymentFailed');
    expect(service.status.conditions.find(({ type }) => type === 'Stalled')?.message).toContain(
      'no branch or tag "absent"',
    );
    expect(spine.proxmox.guests.size).toBe(0);
  });

  it('makes one guest when the answer to the create call is lost', async () => {
    const spine = await prepared();
    spine.proxmox.intercept('createGuest', { loseAnswer: true });
    await spine.createService();
    await spine.world.runUntilQuiet();
    expect(spine.runningVmids()).toEqual([20_000]);
    expect(spine.proxmox.guests.size).toBe(1);
  });

  it('takes another vmid when a stranger comes in between, and never touches the stranger', async () => {
    const spine = await prepared();
    spine.proxmox.intercept('createGuest', { before: () => void spine.proxmox.addStranger(20_000, { running: true }) });
    await spine.createService();
    await spine.world.runUntilQuiet();
    expect(spine.runningVmids()).toEqual([20_000, 20_001]);
    expect(spine.proxmox.guests.get(20_000)?.config.hostname).toBe('stranger');
  });

  it('leaves a stranger alone that has the vmid of a guest that was removed by hand', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    spine.proxmox.removeGuest(20_000);
    spine.proxmox.addStranger(20_000, { running: true });
    await spine.world.run(120_000);
    expect(spine.runningVmids()).toEqual([20_000, 20_001]);
    await spine.deleteService();
    await spine.world.runUntilQuiet();
    expect(spine.runningVmids()).toEqual([20_000]);
    expect(spine.proxmox.guests.get(20_000)?.config.hostname).toBe('stranger');
  });

  it('sees and corrects what was done behind its back: stopped, memory changed, tags and description removed', async () => {
    const spine = await prepared();
    await spine.createService();
    await spine.world.runUntilQuiet();
    spine.proxmox.exitGuest(20_000);
    await spine.world.run(60_000);
    expect(spine.runningVmids()).toEqual([20_000]);
    spine.proxmox.touch(20_000, (guest) => {
      guest.config.memoryMiB = 64;
    });
    await spine.world.run(60_000);
    expect(spine.proxmox.guests.get(20_000)?.config.memoryMiB).toBe(512);
    spine.proxmox.touch(20_000, (guest) => {
      guest.config.tags = [];
    });
    await spine.world.run(60_000);
    expect(spine.proxmox.guests.get(20_000)?.config.tags).toContain('containr');
    spine.proxmox.touch(20_000, (guest) => {
      guest.config.entrypoint = '/bin/sh';
    });
    await spine.world.run(600_000);
    expect(spine.proxmox.guests.get(20_000)?.config.entrypoint).toBe('/.containr/init');
    expect(spine.world.events.filter(({ reason }) => reason === 'DriftCorrected')).toHaveLength(3);
  });

  it('changes nothing while the cluster has no quorum or does not answer, and makes no second guest', async () => {
    const spine = await prepared({ nodes: ['pve1', 'pve2'] });
    await spine.createService();
    await spine.world.runUntilQuiet();
    const [vmid = 0] = spine.runningVmids();
    spine.proxmox.quorate = false;
    spine.proxmox.removeGuest(vmid);
    await spine.world.run(120_000);
    expect(spine.proxmox.guests.size).toBe(0);
    spine.proxmox.quorate = true;
    spine.proxmox.unreachable = true;
    await spine.world.run(120_000);
    spine.proxmox.unreachable = false;
    await spine.world.run(180_000);
    expect(spine.runningVmids()).toHaveLength(1);
  });
});
