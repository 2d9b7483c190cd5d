import type { CrashPoint } from './crash.ts';
import type { World } from './world.ts';

interface CrashMatrix<S extends { world: World }> {
  /** A fresh world for each run, its process dying at `crash`. */
  make(crash: CrashPoint | undefined): S | Promise<S>;
  /** What is there when the story begins: nothing dies in it, for it is a story of its own. */
  before?(scene: S): Promise<void>;
  /** What people do and how long the world is left to itself; the same in every run. */
  story(scene: S): Promise<void>;
  /** Throws when the final world is not as it should be. */
  check(scene: S): void | Promise<void>;
  /** Where real files are at work a call more or fewer is made: a run that outlives its crash is held to the same end. */
  varies?: boolean;
}

/**
 * Tells the story once undisturbed, then once for each call that was made, dying before it, and once dying after it. Throws
 * with every run whose end was not as it should be; answers the number of runs.
 */
export async function crashMatrix<S extends { world: World }>({
  make,
  before = async () => undefined,
  story,
  check,
  varies = false,
}: CrashMatrix<S>): Promise<number> {
  const undisturbed = await make(undefined);
  await before(undisturbed);
  const first = undisturbed.world.calls + 1;
  await story(undisturbed);
  await check(undisturbed);
  const { calls } = undisturbed.world;
  const failures: string[] = [];
  for (const when of ['before', 'after'] as const) {
    for (let call = first; call <= calls; call++) {
      const scene = await make({ call, when });
      try {
        await before(scene);
        await story(scene);
        if (scene.world.diedAt === undefined && !varies)
          throw new Error('it did not die: the story is not the same every time');
        await check(scene);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        failures.push(`dying ${when} call ${call} (${scene.world.diedAt ?? 'never made'}): ${words}`);
      }
    }
  }
  const crashes = (calls - first + 1) * 2;
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${crashes} crashes end badly:\n${failures.join('\n')}`);
  return crashes + 1;
}
