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
  /**
   * Only after calls that change something, and before those to other machines: dying over a look, or before the store is
   * written to, leaves the world as the change before that does.
   */
  onlyChanges?: boolean;
}

/** Calls that only look, of all that is reached in scenarios. */
const LOOKS: ReadonlySet<string> = new Set([
  'archives',
  'backedUpDisks',
  'backups',
  'bridges',
  'clusterStatus',
  'guestAddresses',
  'guestConfig',
  'guestStatus',
  'permissions',
  'resources',
  'runningTasks',
  'task',
  'taskLog',
  'version',
  'volumes',
  // Of artifacts, and of databases.
  'has',
  'list',
  'stat',
  'ask',
]);
const STORE_WRITES: ReadonlySet<string> = new Set(['create', 'update', 'updateStatus', 'delete']);

/**
 * Tells the story once undisturbed, then once for each call that was made in it, dying before it, and once dying after it. Throws
 * with every run whose end was not as it should be; answers the number of runs.
 */
export async function crashMatrix<S extends { world: World }>({
  make,
  before = async () => undefined,
  story,
  check,
  varies = false,
  onlyChanges = false,
}: CrashMatrix<S>): Promise<number> {
  const undisturbed = await make(undefined);
  await before(undisturbed);
  const first = undisturbed.world.calls + 1;
  await story(undisturbed);
  await check(undisturbed);
  const points = undisturbed.world.trail
    .map((name, index) => ({ name, call: index + 1 }))
    .filter(({ name, call }) => call >= first && !(onlyChanges && LOOKS.has(name)));
  const failures: string[] = [];
  let runs = 1;
  for (const when of ['before', 'after'] as const) {
    for (const { name, call } of points) {
      if (onlyChanges && when === 'before' && STORE_WRITES.has(name)) continue;
      runs += 1;
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
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${runs - 1} crashes end badly:\n${failures.join('\n')}`);
  return runs;
}
