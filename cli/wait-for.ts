import type { ApiClient } from './client.ts';
import { CliError } from './exit.ts';
import { findByPath } from '../crds/json-path.ts';
import type { KindName } from './kind-names.ts';
import { conditionOf, type ApiObject } from './objects.ts';

export interface WaitTarget {
  kind: KindName;
  name: string;
  namespace: string | undefined;
}

/** What is waited for. */
export type WaitGoal =
  | { type: 'condition'; name: string; status: string }
  | { type: 'jsonpath'; path: string; value: string | undefined }
  | { type: 'delete' }
  | { type: 'create' };

/** Reads `condition=Ready`, `condition=Ready=False`, `jsonpath={.status.phase}=Running`, `delete`, `create`. */
export function readGoal(text: string): WaitGoal {
  if (text === 'delete' || text === 'create') return { type: text };
  const [, name, status = 'True'] = /^condition=([A-Za-z]+)(?:=(\w+))?$/.exec(text) ?? [];
  if (name !== undefined) return { type: 'condition', name, status };
  const [, path, value] = /^jsonpath=(\{[^}]*\})(?:=(.*))?$/.exec(text) ?? [];
  if (path !== undefined) return { type: 'jsonpath', path, value };
  throw new CliError(
    'usage',
    `--for=${text} is not understood. Use condition=NAME[=VALUE], jsonpath={PATH}=VALUE, delete or create.`,
  );
}

const AGAIN_MS = 1_000;

/**
 * Waits until the goal is met. Ends at once, with what the object says, when it is stalled in its present generation: waiting
 * longer would not help. Timeout error otherwise.
 */
export async function waitFor(
  client: ApiClient,
  target: WaitTarget,
  goal: WaitGoal,
  timeoutMs: number,
  onChange?: (object: ApiObject) => void,
): Promise<void> {
  const shown = `${target.kind.singular}/${target.name}`;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), Math.max(0, timeoutMs));
  let last: ApiObject | undefined;
  try {
    while (!abort.signal.aborted) {
      const list = await client.list(target.kind, {
        namespace: target.namespace,
        fields: `metadata.name=${target.name}`,
      });
      last = list.items[0];
      if (last) onChange?.(last);
      if (isMet(last, goal, shown)) return;
      const watch = client.watch(target.kind, {
        namespace: target.namespace,
        fields: `metadata.name=${target.name}`,
        since: list.metadata.resourceVersion ?? '',
        signal: abort.signal,
      });
      for await (const { type, object } of watch) {
        if (type === 'ERROR') break;
        if (type === 'BOOKMARK') continue;
        last = type === 'DELETED' ? undefined : object;
        if (last) onChange?.(last);
        if (isMet(last, goal, shown)) return;
      }
      if (!abort.signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  throw new CliError('timeout', `${shown}: timed out waiting for ${goalText(goal)}. ${stateText(last)}`);
}

function isMet(object: ApiObject | undefined, goal: WaitGoal, shown: string): boolean {
  switch (goal.type) {
    case 'delete':
      return object === undefined;
    case 'create':
      return object !== undefined;
    case 'condition': {
      if (!object) throw new CliError('notFound', `${shown} does not exist.`);
      const condition = conditionOf(object, goal.name);
      const isCurrent = (object.status?.observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
      if (condition?.status.toLowerCase() === goal.status.toLowerCase() && isCurrent) return true;
      failWhenStalled(object, shown);
      return false;
    }
    case 'jsonpath': {
      if (!object) throw new CliError('notFound', `${shown} does not exist.`);
      const values = (findByPath(goal.path, object) ?? []).map(String);
      if (goal.value === undefined ? values.length > 0 : values.includes(goal.value)) return true;
      failWhenStalled(object, shown);
      return false;
    }
    default:
      return goal satisfies never;
  }
}

function failWhenStalled(object: ApiObject, shown: string): void {
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status !== 'True' || stalled.observedGeneration !== object.metadata.generation) return;
  throw new CliError('negative', `${shown} is stalled (${stalled.reason}): ${stalled.message}`);
}

function goalText(goal: WaitGoal): string {
  switch (goal.type) {
    case 'condition':
      return `${goal.name}=${goal.status}`;
    case 'jsonpath':
      return `${goal.path}=${goal.value ?? 'anything'}`;
    case 'delete':
      return 'its end';
    case 'create':
      return 'its creation';
    default:
      return goal satisfies never;
  }
}

function stateText(object: ApiObject | undefined): string {
  if (!object) return 'It does not exist.';
  const ready = conditionOf(object, 'Ready');
  return ready
    ? `It is ${ready.status === 'True' ? 'ready' : 'not ready'} (${ready.reason}): ${ready.message}`
    : 'It has no condition yet.';
}
