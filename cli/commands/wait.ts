import type { ApiClient } from '../client.ts';
import { readPlacedTargets, targetName } from '../kind-names.ts';
import { createProgress } from '../progress.ts';
import type { Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';
import { metText, readGoal } from '../wait-for.ts';

export interface WaitFlags {
  for: string;
  namespace?: string;
  timeout: number;
}

/** Waits until every object is as told. */
export async function wait(
  connect: () => ApiClient,
  words: readonly string[],
  flags: WaitFlags,
  say: Say,
): Promise<void> {
  const goal = readGoal(flags.for);
  const targets = readPlacedTargets(words, flags.namespace);
  await waitForAll(connect(), targets, goal, { timeoutMs: flags.timeout, onChange: createProgress() }, (target) =>
    say(`${targetName(target)} ${metText(goal)}`),
  );
}
