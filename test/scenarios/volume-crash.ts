import { describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { MARKER, VolumeWorld } from './volume-world.ts';

/** A life in short: made, rolled and grown, parked, taken up again, retained; the process dies once, somewhere. */
async function live(scene: VolumeWorld): Promise<void> {
  await scene.begin();
  await scene.addVolume({ guest: 'web-1' });
  await scene.addGuest('web-1');
  await scene.world.runUntilQuiet();
  for (const disk of scene.disks()) disk.content ||= MARKER;
  await scene.expectServing('web-1');

  await scene.edit(Volume, 'data', (spec) => ({ ...spec, size: '2Gi' }));
  await roll(scene, 'web-1', 'web-2');
  await scene.expectServing('web-2');
  expect(scene.disks()).toMatchObject([{ bytes: 2 * 2 ** 30 }]);

  await scene.give(undefined);
  await scene.drop(Guest, 'web-2');
  await scene.world.runUntilQuiet();
  expect(scene.disks()).toMatchObject([{ content: MARKER, vmid: (await scene.volume()).status.keeperVmid }]);

  await scene.addGuest('web-3');
  await scene.give('web-3');
  await scene.world.runUntilQuiet();
  await scene.expectServing('web-3');

  await scene.drop(Volume, 'data');
  await scene.drop(Guest, 'web-3');
  await scene.world.runUntilQuiet();
  expect(await scene.all(Volume)).toEqual([]);
  expect(scene.disks()).toMatchObject([{ content: MARKER }]);
  expect([...scene.proxmox.guests.keys()]).toEqual([scene.disks()[0]?.vmid]);
}

/** The same with a volume that is not to be retained. */
async function liveShortly(scene: VolumeWorld): Promise<void> {
  await scene.begin();
  await scene.addVolume({ guest: 'web-1', retain: false });
  await scene.addGuest('web-1');
  await scene.world.runUntilQuiet();
  await scene.drop(Guest, 'web-1');
  await scene.drop(Volume, 'data');
  await scene.world.runUntilQuiet();
  expect(await scene.all(Volume)).toEqual([]);
  expect(scene.disks()).toEqual([]);
  expect([...scene.proxmox.guests.keys()]).toEqual([]);
}

async function roll(scene: VolumeWorld, from: string, to: string): Promise<void> {
  await scene.drop(Guest, from);
  await scene.addGuest(to);
  await scene.give(to);
  await scene.world.runUntilQuiet();
}

async function told(story: typeof live, crash?: CrashPoint): Promise<VolumeWorld> {
  const scene = new VolumeWorld(crash ? { crash } : {});
  try {
    await story(scene);
  } catch (cause) {
    throw new Error(`died ${crash?.when} call ${crash?.call} (${scene.world.diedAt})`, { cause });
  } finally {
    scene.dispose();
  }
  return scene;
}

/** The process dies once at every other of its calls; every time the volume is where it should be, with what is written on it. */
export function volumeCrashMatrix(when: CrashPoint['when']): void {
  describe(`a process that dies ${when} any call in the life of a volume`, () => {
    it.each([
      ['a volume that is moved, grown, parked and retained', live],
      ['a volume that goes with its object', liveShortly],
    ])('ends in the same world with %s', { timeout: 900_000 }, async (_, story) => {
      const { calls } = (await told(story)).world;
      expect(calls).toBeGreaterThan(100);
      // Dying after a call leaves the world as dying before the next does: the two take turns.
      for (let call = when === 'before' ? 1 : 2; call <= calls; call += 2) {
        const { diedAt } = (await told(story, { call, when })).world;
        expect(diedAt, `the process should have died ${when} call ${call}`).toBeDefined();
        if (call % 100 < 2) console.log(`  died ${when} ${call} of ${calls} calls, the same world each time`);
      }
    });
  });
}
