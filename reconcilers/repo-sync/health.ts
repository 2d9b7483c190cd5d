import { findCondition } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { objectText } from './place.ts';

/** How the applied objects fare, in one word and one sentence. */
export interface Health {
  state: 'ready' | 'progressing' | 'stalled';
  message: string;
}

/** Nobody says how these fare. */
const silentKinds: ReadonlySet<string> = new Set(['GitProvider']);

/** Rolls up what objects say of themselves; one that stalls is named before those that get on. Pure. */
export function healthOf(objects: readonly Resource[]): Health {
  const open = objects.flatMap((object) => stateOf(object) ?? []);
  const stalled = open.find(({ isStalled }) => isStalled);
  if (stalled) return { state: 'stalled', message: stalled.text };
  const [first] = open;
  if (!first) return { state: 'ready', message: `All ${objects.length} objects are ready.` };
  return {
    state: 'progressing',
    message: `${open.length} of ${objects.length} objects are not ready yet: ${first.text}`,
  };
}

function stateOf({ kind, metadata, status }: Resource): { isStalled: boolean; text: string } | undefined {
  if (silentKinds.has(kind)) return undefined;
  const name = objectText(kind, { namespace: metadata.namespace, name: metadata.name });
  const stalled = findCondition(status.conditions, 'Stalled');
  if (stalled?.status === 'True') return { isStalled: true, text: `${name}: ${stalled.message}` };
  const ready = findCondition(status.conditions, 'Ready');
  const isCurrent = (status.observedGeneration ?? 0) >= metadata.generation;
  if (ready?.status === 'True' && isCurrent) return undefined;
  const message = isCurrent && ready ? ready.message : 'No loop has looked at it yet.';
  return { isStalled: false, text: `${name}: ${message}` };
}
