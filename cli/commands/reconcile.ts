import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../client.ts';
import { targetName, type PlacedTarget } from '../kind-names.ts';
import type { Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';

/** Asks loops to look at objects now; ends when each has echoed the request, stalled or not. */
export async function reconcile(
  client: ApiClient,
  targets: readonly PlacedTarget[],
  timeoutMs: number,
  say: Say,
): Promise<void> {
  const token = `${new Date().toISOString()} ${randomUUID()}`;
  for (const target of targets) {
    await client.patch(target, { metadata: { annotations: { 'containr.dev/reconcile-requested-at': token } } });
  }
  await waitForAll(
    client,
    targets,
    { type: 'jsonpath', path: '{.status.lastHandledReconcileAt}', value: token },
    { timeoutMs, evenIfStalled: true },
    (target) => say(`${targetName(target)} reconciled`),
  );
}
