import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../client.ts';
import type { Target } from '../kind-names.ts';
import { waitFor } from '../wait-for.ts';

/** Asks a loop to look at an object now; ends when the loop has echoed the request. */
export async function reconcile(
  client: ApiClient,
  { kind, name }: Target,
  namespace: string | undefined,
  timeoutMs: number,
  say: (line: string) => void,
): Promise<void> {
  const token = `${new Date().toISOString()} ${randomUUID()}`;
  const where = kind.namespaced ? namespace : undefined;
  await client.patch(kind, name, where, {
    metadata: { annotations: { 'containr.dev/reconcile-requested-at': token } },
  });
  await waitFor(
    client,
    { kind, name, namespace: where },
    { type: 'jsonpath', path: '{.status.lastHandledReconcileAt}', value: token },
    timeoutMs,
  );
  say(`${kind.singular}/${name} reconciled`);
}
