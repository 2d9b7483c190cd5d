import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { crashMatrix } from '../harness/crash-matrix.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { letSweepsRun } from './expectations.ts';
import { REPOSITORY, SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];
const states = ['Pending', 'Fetching', 'Detecting', 'Building', 'Exporting', 'Publishing'] as const;
/** Longer than any pause of the loop, far shorter than a deadline. */
const BOUND_MS = 15_000;

afterEach(() => {
  for (const spine of worlds.splice(0)) spine.dispose();
});

async function phaseOf(spine: SpineWorld): Promise<string | undefined> {
  return (await spine.all(Build))[0]?.status.phase;
}

/** A build is cancelled the moment that it is seen in a state; what it came to is looked at a bounded time later. */
async function cancelIn(spine: SpineWorld, state: (typeof states)[number]): Promise<void> {
  await spine.prepare({ builder: state !== 'Pending' });
  const release = state === 'Building' ? spine.docker.holdBuilds() : () => undefined;
  await spine.create(Build, 'web', { source: { type: 'git', repository: REPOSITORY } }, 'shop');
  const { because } = await spine.world.runUntilQuiet({
    until: async () => (await phaseOf(spine)) === state,
    unchangedMs: 60_000,
  });
  expect(because).toBe('until');
  await spine.edit(Build, 'web', (spec) => ({ ...spec, cancelled: true }));
  await spine.world.run(BOUND_MS);
  expect(await phaseOf(spine)).toBe('Cancelled');
  release();
  await letFilesSettle(spine);
}

/** Files are real, and the clock is not: what removes them may need a moment that no clock of ours shows. */
async function letFilesSettle(spine: SpineWorld): Promise<void> {
  for (let tried = 0; tried < 100 && readdirSync(spine.workDir).length > 0; tried += 1) {
    await pause(10);
    await spine.world.run(1_000);
  }
}

function expectNothingAtWork(spine: SpineWorld): void {
  expect(spine.docker.tags()).toEqual([]);
  expect(readdirSync(spine.workDir)).toEqual([]);
}

function world(crash?: CrashPoint): SpineWorld {
  const spine = new SpineWorld(crash ? { crash } : {});
  worlds.push(spine);
  return spine;
}

describe('a build that is cancelled', () => {
  it.each(states)('while %s ends soon, wherever the controller dies', { timeout: 600_000 }, async (state) => {
    const runs = await crashMatrix<SpineWorld>({
      make: (crash) => {
        for (const spine of worlds.splice(0)) spine.dispose();
        return world(crash);
      },
      story: (spine) => cancelIn(spine, state),
      check: expectNothingAtWork,
      varies: true,
    });
    expect(runs).toBeGreaterThan(50);
  });

  it.each(states)('while %s leaves no archive', async (state) => {
    const spine = world();
    await cancelIn(spine, state);
    await letSweepsRun(spine);
    expect(await spine.artifacts.list()).toEqual([]);
    expect(spine.proxmox.storages.get('local')?.archives('pve1')).toEqual([]);
    expect(await phaseOf(spine)).toBe('Cancelled');
  });
});
