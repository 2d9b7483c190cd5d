import type { ApiClient } from './client.ts';
import { CliError } from './exit.ts';
import { follow } from './follow.ts';
import { targetName, type PlacedTarget } from './kind-names.ts';
import { conditionOf, type ApiObject } from './objects.ts';

interface EndOptions {
  timeoutMs: number;
  onChange?: ((object: ApiObject) => void) | undefined;
}

/**
 * Follows an object until it is over, good or bad, and answers it as it is then. A server that goes away meanwhile is waited
 * for. Timeout error otherwise, not found when it is deleted; what the server does goes on in either case.
 */
export async function waitForEnd(
  client: ApiClient,
  target: PlacedTarget,
  isOver: (object: ApiObject) => boolean,
  { timeoutMs, onChange }: EndOptions,
): Promise<ApiObject> {
  const query = { namespace: target.namespace, fields: `metadata.name=${target.name}` };
  const changes = follow(
    {
      list: (until) => client.list(target.kind, query, until),
      watch: (since, until) => client.watch(target.kind, query, since, until),
    },
    AbortSignal.timeout(Math.max(1, timeoutMs)),
  );
  let last: ApiObject | undefined;
  for await (const change of changes) {
    last = change.type === 'LIST' ? change.listed.items[0] : change.type === 'DELETED' ? undefined : change.object;
    if (!last) throw new CliError('notFound', `${targetName(target)} was deleted meanwhile.`);
    onChange?.(last);
    if (isOver(last)) return last;
  }
  const ready = last && conditionOf(last, 'Ready');
  const state = ready ? ` It is not done yet (${ready.reason}): ${ready.message}` : '';
  throw new CliError('timeout', `${targetName(target)}: timed out waiting for its end; it goes on.${state}`);
}
