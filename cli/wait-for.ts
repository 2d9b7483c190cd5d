import { findByPath } from '../crds/json-path.ts';
import type { ApiClient } from './client.ts';
import { CliError } from './exit.ts';
import { follow } from './follow.ts';
import { targetName, type PlacedTarget } from './kind-names.ts';
import { conditionOf, type ApiObject } from './objects.ts';

/** What is waited for. */
export type WaitGoal =
  | { type: 'condition'; name: string; status: string }
  | { type: 'jsonpath'; path: string; value: string | undefined }
  /** With a uid, something new of the same name counts as gone too. */
  | { type: 'delete'; uid?: string | undefined }
  | { type: 'create' };

export const readyGoal: WaitGoal = { type: 'condition', name: 'Ready', status: 'True' };

/** Reads `condition=Ready`, `condition=Ready=False`, `jsonpath={.status.phase}=Running`, `delete`, `create`. */
export function readGoal(text: string): WaitGoal {
  if (text === 'delete' || text === 'create') return { type: text };
  const [, name, status = 'True'] = /^condition=([A-Za-z]+)(?:=(\w+))?$/.exec(text) ?? [];
  if (name !== undefined) return { type: 'condition', name, status };
  const [, path, value] = /^jsonpath=(\{[^}]*\})(?:=(.*))?$/s.exec(text) ?? [];
  if (path !== undefined && findByPath(path, {})) return { type: 'jsonpath', path, value };
  throw new CliError(
    'usage',
    `--for=${text} is not understood. Use condition=NAME[=VALUE], jsonpath={.path}=VALUE, delete or create.`,
  );
}

export interface WaitOptions {
  timeoutMs: number;
  /** Someone else's end ends this too, without a word. */
  signal?: AbortSignal;
  /** Waits on although the object is stalled: for what a loop does with any object. */
  evenIfStalled?: boolean;
  onChange?: ((object: ApiObject) => void) | undefined;
}

/**
 * Waits until the goal is met; a server that goes away meanwhile is waited for too. Ends at once, with what the object says,
 * when it is stalled in its present generation, because waiting longer would not help. Timeout error otherwise.
 */
export async function waitFor(
  client: ApiClient,
  target: PlacedTarget,
  goal: WaitGoal,
  { timeoutMs, signal, evenIfStalled, onChange }: WaitOptions,
): Promise<void> {
  const shown = targetName(target);
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  const query = { namespace: target.namespace, fields: `metadata.name=${target.name}` };
  const changes = follow(
    {
      list: (until) => client.list(target.kind, query, until),
      watch: (since, until) => client.watch(target.kind, query, since, until),
    },
    signal ? AbortSignal.any([timeout, signal]) : timeout,
  );
  let last: ApiObject | undefined;
  for await (const change of changes) {
    last = change.type === 'LIST' ? change.listed.items[0] : change.type === 'DELETED' ? undefined : change.object;
    if (last) onChange?.(last);
    if (isMet(last, goal, shown)) return;
    if (last && !evenIfStalled) failWhenStalled(last, goal, shown);
  }
  if (signal?.aborted) return;
  throw new CliError('timeout', `${shown}: timed out waiting for ${goalText(goal)}. ${stateText(last)}`);
}

/** What to say once the goal is met. */
export function metText(goal: WaitGoal): string {
  switch (goal.type) {
    case 'delete':
      return 'deleted';
    case 'create':
      return 'created';
    case 'condition':
    case 'jsonpath':
      return 'condition met';
    default:
      return goal satisfies never;
  }
}

function isMet(object: ApiObject | undefined, goal: WaitGoal, shown: string): boolean {
  switch (goal.type) {
    case 'delete':
      return object === undefined || (goal.uid !== undefined && object.metadata.uid !== goal.uid);
    case 'create':
      return object !== undefined;
    case 'condition': {
      const { metadata, status } = existing(object, shown);
      const condition = status?.conditions?.find(({ type }) => type === goal.name);
      if (condition?.status.toLowerCase() !== goal.status.toLowerCase()) return false;
      // What was true of an earlier spec says nothing of this one.
      const generation = metadata.generation ?? 0;
      const answered = Math.min(status?.observedGeneration ?? 0, condition.observedGeneration ?? generation);
      return answered >= generation || goal.name === 'Stalled';
    }
    case 'jsonpath': {
      const values = (findByPath(goal.path, existing(object, shown)) ?? []).map(valueText);
      return goal.value === undefined ? values.length > 0 : values.includes(goal.value);
    }
    default:
      return goal satisfies never;
  }
}

function existing(object: ApiObject | undefined, shown: string): ApiObject {
  if (object) return object;
  throw new CliError('notFound', `${shown} does not exist.`);
}

function valueText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function failWhenStalled(object: ApiObject, goal: WaitGoal, shown: string): void {
  // An object that nobody has asked to go may well be stalled and still be deleted by and by.
  if (goal.type === 'delete' && object.metadata.deletionTimestamp === undefined) return;
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status !== 'True' || stalled.observedGeneration !== object.metadata.generation) return;
  throw new CliError('negative', `${shown} is stalled (${stalled.reason}): ${stalled.message}`);
}

function goalText(goal: WaitGoal): string {
  switch (goal.type) {
    case 'condition':
      return `${goal.name}=${goal.status}`;
    case 'jsonpath':
      return goal.value === undefined ? goal.path : `${goal.path}=${goal.value}`;
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
