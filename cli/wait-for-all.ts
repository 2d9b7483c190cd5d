import type { ApiClient } from './client.ts';
import type { PlacedTarget } from './kind-names.ts';
import { waitFor, type WaitGoal, type WaitOptions } from './wait-for.ts';

/** Waits for several at once. The first that fails ends the waiting for all; its error is thrown. */
export async function waitForAll(
  client: ApiClient,
  targets: readonly PlacedTarget[],
  goal: WaitGoal | ((target: PlacedTarget) => WaitGoal),
  options: Omit<WaitOptions, 'signal'>,
  onMet?: (target: PlacedTarget) => void,
): Promise<void> {
  const others = new AbortController();
  await Promise.all(
    targets.map(async (target) => {
      try {
        const wanted = typeof goal === 'function' ? goal(target) : goal;
        await waitFor(client, target, wanted, { ...options, signal: others.signal });
        if (!others.signal.aborted) onMet?.(target);
      } catch (error) {
        others.abort();
        throw error;
      }
    }),
  );
}
