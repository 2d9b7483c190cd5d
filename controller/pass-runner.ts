import type { Resource } from '../crds/define-kind.ts';
import { conditionIs, findCondition } from '../crds/condition.ts';
import { concludeStatus } from './conclude.ts';
import { Fault, isFault } from './errors.ts';
import { outcomeOf, settled, type Outcome } from './outcome.ts';
import type { RunningPass } from './pass.ts';
import type { Reconciler } from './reconciler.ts';
import type { LoopWriter } from './resources.ts';

/** The annotation by which people ask for a pass; its value is echoed in the status once the pass has ended. */
export const RECONCILE_REQUESTED_AT = 'containr.dev/reconcile-requested-at';

/** So many conflicts in a row are somebody else's writes; from then on it is something that people should see. */
export const QUIET_CONFLICTS = 3;

interface PassRunnerOptions<R extends Resource> {
  reconciler: Reconciler<R>;
  writer: LoopWriter;
  /** How often this object has failed in a row before this pass. */
  failures: number;
}

/** How a pass ended: undefined when there is nothing to come back for, because the object is gone or not ours any more. */
export type PassEnd = { outcome: Outcome | undefined; error?: unknown };

/**
 * One pass, from the reconciler's call to the status that says how it ended. Never throws. What somebody else's write
 * caused is tried again quietly; when it keeps happening people get to see it.
 */
export async function runPass<R extends Resource>(
  pass: RunningPass<R>,
  { reconciler, writer, failures }: PassRunnerOptions<R>,
): Promise<PassEnd> {
  const end = await answer(pass, reconciler, writer);
  if (!end.outcome || isFault(end.error, 'Fenced') || isStopped(pass.signal)) return end;
  if (isFault(end.error, 'Conflict') && failures < QUIET_CONFLICTS) return end;
  try {
    await report(pass, end.outcome);
    return end;
  } catch (error) {
    if (isFault(error, 'NotFound')) return { outcome: undefined };
    return { outcome: outcomeOf(error), error: end.error ?? error };
  }
}

async function answer<R extends Resource>(
  pass: RunningPass<R>,
  reconciler: Reconciler<R>,
  writer: LoopWriter,
): Promise<PassEnd> {
  try {
    if (pass.resource.metadata.deletionTimestamp === undefined) {
      if (await claimObject(pass, reconciler, writer)) return { outcome: undefined };
      return { outcome: await reconciler.reconcile(pass) };
    }
    return { outcome: await removeFinalizer(pass, reconciler, writer) };
  } catch (thrown) {
    const error = pass.signal.aborted && !isFault(thrown) ? pass.signal.reason : thrown;
    return { outcome: outcomeOf(error), error };
  }
}

/**
 * Puts our finalizer on an object that was made past us, as by `kubectl apply` on a Kubernetes API server: nothing may be made
 * for it that its deletion would leave behind. True when that was done; the change itself brings the next pass.
 */
async function claimObject<R extends Resource>(
  pass: RunningPass<R>,
  { kind }: Reconciler<R>,
  writer: LoopWriter,
): Promise<boolean> {
  const { metadata } = pass.resource;
  const { finalizers = [] } = metadata;
  if (kind.finalizer === undefined || finalizers.includes(kind.finalizer)) return false;
  await writer.update<R>(kind, {
    ...pass.resource,
    metadata: { ...metadata, finalizers: [...finalizers, kind.finalizer] },
  });
  return true;
}

/** Lets go of an object that is being deleted once its loop has cleaned up after it. */
async function removeFinalizer<R extends Resource>(
  pass: RunningPass<R>,
  reconciler: Reconciler<R>,
  writer: LoopWriter,
): Promise<Outcome | undefined> {
  const { kind } = reconciler;
  const { finalizers = [] } = pass.resource.metadata;
  if (kind.finalizer === undefined || !finalizers.includes(kind.finalizer)) return undefined;
  const outcome = (await reconciler.finalize?.(pass)) ?? settled();
  if (outcome.type !== 'settled') return outcome;
  const left = finalizers.filter((finalizer) => finalizer !== kind.finalizer);
  await writer.update<R>(kind, { ...pass.stored, metadata: { ...pass.stored.metadata, finalizers: left } });
  return undefined;
}

async function report<R extends Resource>(pass: RunningPass<R>, outcome: Outcome): Promise<void> {
  const { metadata, status } = pass.resource;
  const concluded: R['status'] = concludeStatus(pass.status, outcome, {
    generation: metadata.generation,
    now: pass.now,
  });
  const lastHandledReconcileAt = metadata.annotations?.[RECONCILE_REQUESTED_AT] ?? status.lastHandledReconcileAt;
  await pass.save({ ...pass.storable(concluded), lastHandledReconcileAt });
  if (outcome.type === 'waiting' && outcome.reason === 'ObserveOnly' && !isHeldBack(status.conditions)) {
    pass.event('Warning', outcome.reason, outcome.message);
  }
  if (outcome.type === 'stalled' && !conditionIs(status.conditions, 'Stalled', 'True')) {
    pass.event('Warning', outcome.reason, outcome.message);
  }
}

function isHeldBack(conditions: Resource['status']['conditions']): boolean {
  return findCondition(conditions, 'Reconciling')?.reason === 'ObserveOnly';
}

/** What passes are aborted with when the process ends or no longer leads. */
export const stopReason = new Fault('Fenced', 'The controller stops; another one goes on with this object.');

/** Whether a pass was told to leave everything as it is. */
export function isStopped(signal: AbortSignal): boolean {
  return signal.aborted && isFault(signal.reason, 'Fenced');
}
