import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { letSweepsRun } from './expectations.ts';
import { REPOSITORY, SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** A life in short: made, rolled to a second revision, scaled, deleted; the process dies once, somewhere. */
async function live(crash?: CrashPoint): Promise<SpineWorld> {
  const spine = new SpineWorld(crash ? { crash } : {});
  worlds.push(spine);
  await spine.prepare();
  await spine.createService();
  await spine.world.runUntilQuiet();
  await atRest(spine, 1);

  const commit = spine.git.commit(REPOSITORY, {
    Dockerfile: 'FROM scratch\nCOPY app /app\nCMD ["/app"]\n',
    app: 'two',
  });
  await spine.edit(Service, 'web', (spec) => ({ ...spec, source: { ...spec.source, commit }, replicas: 2 }));
  await spine.world.runUntilQuiet();
  await atRest(spine, 2);

  await spine.deleteService();
  await spine.world.runUntilQuiet();
  await letSweepsRun(spine);
  expect([...spine.proxmox.guests.keys()]).toEqual([]);
  expect(spine.proxmox.storages.get('local')?.archives('pve1')).toEqual([]);
  expect(await spine.artifacts.list()).toEqual([]);
  expect(await spine.all(Service)).toEqual([]);
  return spine;
}

/** Exactly the guests that are asked for run, each known to exactly one Guest, and the service says so. */
async function atRest(spine: SpineWorld, guests: number): Promise<void> {
  expect([...spine.proxmox.guests.keys()].sort()).toEqual(spine.runningVmids());
  expect(spine.runningVmids()).toHaveLength(guests);
  const known = (await spine.all(Guest)).map(({ status }) => status.vmid ?? 0).sort((a, b) => a - b);
  expect(known).toEqual(spine.runningVmids());
  expect(spine.readyOf(await spine.service())).toBe('True Available');
}

/** The process dies once at every other of its calls to store and providers; every time it ends in the same world. */
export async function crashMatrix(when: CrashPoint['when']): Promise<void> {
  const { world: undisturbed } = await live();

  describe(`a process that dies ${when} any of its calls`, () => {
    it('makes enough calls in an undisturbed life for the matrix to mean something', () => {
      expect(undisturbed.calls).toBeGreaterThan(100);
    });

    it('ends in the same world', { timeout: 900_000 }, async () => {
      // Dying after a call leaves the world as dying before the next does: the two take turns.
      for (let call = when === 'before' ? 1 : 2; call <= undisturbed.calls; call += 2) {
        const spine = await live({ call, when }).catch((error: unknown) => {
          throw new Error(`died ${when} call ${call} (${worlds.at(-1)?.world.diedAt})`, { cause: error });
        });
        spine.dispose();
        worlds.pop();
        if (spine.world.diedAt === undefined) {
          // What is gathered comes in one look more or less; a life that has no such call has been through all of its own.
          expect(call, `the process should have died ${when} call ${call}`).toBeGreaterThan(undisturbed.calls * 0.95);
          break;
        }
        if (call % 50 < 2)
          console.log(`  died ${when} ${call} of ${undisturbed.calls} calls, the same world each time`);
      }
    });
  });
}
