import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { serveKubernetesApi } from '../harness/kubernetes-api.ts';
import { openKubernetesStore } from '../harness/kubernetes-store.ts';
import { SpineWorld } from './spine-world.ts';

/** How often it is looked whether something has come about, and how often at most. */
const LOOK_MS = 50;
const LOOKS = 200;

describe('the loops over a Kubernetes API server', () => {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function begin(): Promise<SpineWorld> {
    const clock = new FakeClock();
    const api = await serveKubernetesApi({ clock });
    const { store } = openKubernetesStore(api);
    const spine = new SpineWorld({ clock, store });
    cleanups.push(
      () => api.close(),
      () => store.close(),
      () => spine.world.restart(),
      () => spine.dispose(),
    );
    await spine.prepare();
    return spine;
  }

  /** Runs the loops until something holds: what is written reaches them over the watch, a moment later. */
  async function until(spine: SpineWorld, holds: () => Promise<boolean>): Promise<void> {
    for (let look = 0; look < LOOKS; look += 1) {
      await spine.world.runUntilQuiet();
      if (await holds()) return;
      await pause(LOOK_MS);
    }
    throw new Error(`It did not come about: ${await spine.readyMessage().catch(String)}`);
  }

  it('take a service from its repository to a running guest, roll it, and leave nothing behind', async () => {
    const spine = await begin();
    await spine.createService('web', { env: [{ name: 'MODE', value: 'a' }] });
    await until(spine, async () => spine.readyOf(await spine.service()) === 'True Available');
    expect((await spine.service()).status).toMatchObject({ phase: 'Running', revision: 1, vmids: [20_000] });
    expect(spine.runningVmids()).toEqual([20_000]);

    await spine.edit(Service, 'web', (spec) => ({ ...spec, env: [{ name: 'MODE', value: 'b' }] }));
    await until(spine, async () => {
      const service = await spine.service();
      return service.status.revision === 2 && spine.readyOf(service) === 'True Available';
    });
    expect(spine.runningVmids()).toEqual([20_001]);

    await spine.deleteService();
    await until(spine, async () => (await spine.all(Service)).length === 0 && spine.proxmox.guests.size === 0);
    await until(spine, async () => {
      const left = await Promise.all([spine.all(Build), spine.all(Deployment), spine.all(Guest)]);
      return left.flat().length === 0;
    });
  });
});
