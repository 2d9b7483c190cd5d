import { describe, expect, it } from 'vitest';
import { Volume } from '../../crds/volume.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import { RolloutWorld } from './rollout-world.ts';

const VOLUMES = { type: 'worker', volumes: [{ name: 'data', mountPath: '/data' }] };

/** Serves revision 1; notes when guests of two revisions run at once. */
class RecreateWorld extends RolloutWorld {
  async serve(spec: Record<string, unknown> = VOLUMES): Promise<void> {
    const start = this.host.start.bind(this.host);
    this.host.start = async (uid, volumes) => {
      const running = this.host.running();
      const name = this.host.guests.get(uid)?.name;
      if (running.some((other) => other.slice(0, 6) !== name?.slice(0, 6)))
        this.host.harm.push(`${name} was started beside ${running.join()}`);
      return start(uid, volumes);
    };
    this.host.drainMs = 0;
    await this.prepare(spec);
    await this.push(1);
    await this.run();
  }

  /** The guest of the data, by its name. */
  async holder(): Promise<string | undefined> {
    const uid = this.host.volumes.get('web-data');
    const volume = await this.store.get(Volume, { namespace: 'shop', name: 'web-data' });
    expect(volume?.status.attachedUid).toBe(uid);
    return this.host.guests.get(uid ?? '')?.name;
  }
}

function make(crash?: CrashPoint): RecreateWorld {
  return new RecreateWorld(crash);
}

describe('a rollout at once', () => {
  it('hands the volume over while neither guest runs, and has the new guest ready before it stops the old', async () => {
    const scene = make();
    await scene.serve();
    expect(await scene.holder()).toBe('web-r1-0');
    await scene.push(2);
    await scene.runUntil(2, 'TakingOver');
    expect([...scene.host.guests.values()].map(({ name }) => name)).toEqual(['web-r1-0', 'web-r2-0']);
    await scene.run();
    await scene.expectEnd(['web-r2-0'], 'r1 Superseded, r2 Active');
    expect(await scene.holder()).toBe('web-r2-0');
  });

  it('gives the volume back and starts the old guest again when the new one is not healthy', async () => {
    const scene = make();
    await scene.serve();
    scene.doing.set('web-r2', 'unhealthy');
    await scene.push(2);
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Failed');
    expect(await scene.holder()).toBe('web-r1-0');
    expect((await scene.revision(2)).status.failure).toMatch(/web-r2-0 was not ready in time[^]*last words/);
    expect((await scene.revision(1)).status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'True', reason: 'Active' }),
    );
  });

  it('gives the volume back when a newer revision comes before it is healthy', async () => {
    const scene = make();
    await scene.serve();
    scene.doing.set('web-r2', 'slow');
    await scene.push(2);
    await scene.runUntil(2, 'Verifying');
    scene.doing.set('web-r3', 'unhealthy');
    await scene.push(3);
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Superseded, r3 Failed');
    expect(await scene.holder()).toBe('web-r1-0');
  });

  it('never runs guests of two revisions at once, also without a volume', async () => {
    const scene = make();
    await scene.serve({ type: 'worker', replicas: 3, rollout: { strategy: 'Recreate' } });
    await scene.push(2);
    await scene.run();
    await scene.expectEnd(['web-r2-0', 'web-r2-1', 'web-r2-2'], 'r1 Superseded, r2 Active');
    scene.doing.set('web-r3', 'unhealthy');
    await scene.push(3);
    await scene.run();
    await scene.expectEnd(['web-r2-0', 'web-r2-1', 'web-r2-2'], 'r1 Superseded, r2 Active, r3 Failed');
  });

  it('fails and lets the old guest serve on when that does not stop', async () => {
    const scene = make();
    await scene.serve();
    const stop = scene.host.stop.bind(scene.host);
    scene.host.stop = async (uid) => (scene.host.guests.get(uid)?.name === 'web-r1-0' ? undefined : stop(uid));
    await scene.push(2);
    await scene.runUntil(2, 'Failed');
    expect((await scene.revision(2)).status.failure).toMatch(/before did not stop in time/);
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Failed');
    expect(await scene.holder()).toBe('web-r1-0');
  });

  it('keeps the volume through a suspension', async () => {
    const scene = make();
    await scene.serve();
    await scene.edit({ suspended: true });
    await scene.run();
    await scene.expectEnd([], 'r1 Active');
    await scene.edit({ suspended: false });
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active');
    expect(await scene.holder()).toBe('web-r1-0');
  });

  it('is not held by a pause once the old guest is stopped, and is held before', async () => {
    const scene = make();
    await scene.serve();
    await scene.push(2);
    await scene.runUntil(2, 'TakingOver');
    await scene.pause(true);
    await scene.push(3);
    await scene.run();
    await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Superseded, r3 Pending');
    await scene.pause(false);
    await scene.runUntil(3, 'Verifying');
    await scene.pause(true);
    await scene.run();
    await scene.expectEnd(['web-r3-0'], 'r1 Superseded, r2 Superseded, r3 Active');
  });
});

describe('a process that dies at any call of a rollout at once', () => {
  it('hands the volume over all the same', { timeout: 120_000 }, async () => {
    await crashMatrix({
      make,
      async story(scene) {
        await scene.serve();
        await scene.push(2);
        await scene.run();
      },
      async check(scene) {
        await scene.expectEnd(['web-r2-0'], 'r1 Superseded, r2 Active');
        expect(await scene.holder()).toBe('web-r2-0');
      },
    });
  });

  it('gives the volume back all the same when the new guest is not healthy', { timeout: 120_000 }, async () => {
    await crashMatrix({
      make: async (crash) => {
        const scene = make();
        await scene.serve();
        return scene.takeOver(crash);
      },
      async story(scene) {
        scene.doing.set('web-r2', 'unhealthy');
        await scene.push(2);
        await scene.run();
      },
      async check(scene) {
        await scene.expectEnd(['web-r1-0'], 'r1 Active, r2 Failed');
        expect(await scene.holder()).toBe('web-r1-0');
      },
    });
  });
});
