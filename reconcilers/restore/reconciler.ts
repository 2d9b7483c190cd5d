import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { durationMs } from '../../crds/duration.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { advance } from '../../controller/machine.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler } from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { HELD_CHECK_MS, fail, type RestoreDeps, type StepContext } from './context.ts';
import { finalizeRestore } from './finalize.ts';
import { RestoreContext, restoreMachine, type RestoreState } from './machine.ts';
import { observeRestore } from './observe.ts';
import { admit } from './plan.ts';
import { queryRestored, readRestored } from './prove.ts';
import { enterState, tellProgress } from './report.ts';
import { restoreData } from './restore-data.ts';
import { safeguard } from './safeguard.ts';
import { putDiskBack, switchDisks } from './switch-disks.ts';
import { discard, dismissGuest, putBack, switchOver } from './switch.ts';

/** Brings a backup back. What the target has is let go of only when the restored data were read, queried and taken. */
export function restoreReconciler(deps: RestoreDeps): Reconciler<Restore> {
  const { read } = deps.resources;

  /** What to do while in a state; not on the way into it, which a crash could skip. */
  const whileIn: Record<RestoreState, (context: StepContext) => Promise<Outcome>> = {
    Pending: begin,
    Safeguarding: safeguard,
    Restoring: restoreData,
    Starting: readRestored,
    Verifying: queryRestored,
    Switching: (context) => (isOfVolume(context) ? switchDisks(context) : switchOver(context)),
    PuttingBack: (context) => (isOfVolume(context) ? putDiskBack(context) : putBack(context)),
    async Completed(context) {
      return (await dismissGuest(context))
        ? settled()
        : waiting('Deleting', 'The throwaway guest goes.', HELD_CHECK_MS);
    },
    async Failed(context) {
      const { failure = 'It failed.', failureReason = 'RestoreFailed' } = context.pass.status;
      if (!(await discard(context))) return waiting(failureReason, failure, HELD_CHECK_MS);
      return stalled(failureReason, failure);
    },
  };

  return {
    kind: Restore,
    owns: [Guest, Volume],
    watches: [
      watching(Backup, ({ metadata }) => about(metadata.namespace, ({ spec }) => spec.backup === metadata.name)),
      watching(Database, ({ metadata }) =>
        about(metadata.namespace, ({ spec }) => isTarget(spec, 'Database', metadata.name)),
      ),
      watching(Volume, ({ metadata }) =>
        about(metadata.namespace, ({ spec }) => isTarget(spec, 'Volume', metadata.name)),
      ),
      watching(Guest, ({ metadata, spec: { mounts } }) =>
        mounts.length === 0
          ? []
          : about(metadata.namespace, ({ spec }) => mounts.some(({ volume }) => isTarget(spec, 'Volume', volume))),
      ),
      watching(Restore, ({ metadata, spec }) =>
        about(
          metadata.namespace,
          (other) => other.metadata.name !== metadata.name && isTarget(other.spec, spec.target.kind, spec.target.name),
        ),
      ),
    ],

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const now = pass.now.getTime();
      const deadlineMs = durationMs(spec.deadline);
      const { facts } = observeRestore({ ...pass.resource, status: pass.status }, read, deps.readSecret);
      const before = pass.status.machine?.state;
      const progress = advance(restoreMachine, pass.status.machine, {
        generation: metadata.generation,
        context: RestoreContext,
        input: { deadlineMs, now },
        event: { type: 'OBSERVED', facts, now, deadlineMs },
      });
      const { state } = progress;
      pass.status = enterState({ ...pass.status, machine: progress }, state, spec, facts, pass.now);
      if (state !== before) {
        noteMove(pass, state);
        await pass.checkpoint();
      }
      const view = observeRestore({ ...pass.resource, status: pass.status }, read, deps.readSecret);
      const outcome = await whileIn[state]({ ...deps, pass, view });
      pass.status = tellProgress(pass.status, outcome, metadata.generation, pass.now);
      return untilDeadline(outcome, pass);
    },

    finalize: (pass) =>
      finalizeRestore({
        ...deps,
        pass,
        view: observeRestore({ ...pass.resource, status: pass.status }, read, deps.readSecret),
      }),
  };

  async function begin({ pass, view }: StepContext): Promise<Outcome> {
    const admission = admit(view, deps.engines);
    switch (admission.do) {
      case 'refuse':
        return fail(pass, admission.trouble);
      case 'wait':
        return waiting(admission.trouble.reason, admission.trouble.message, HELD_CHECK_MS);
      case 'begin':
        pass.status = { ...pass.status, inPlace: admission.inPlace };
        await pass.checkpoint();
        return waiting('InProgress', 'The restore begins.', 0);
      default:
        return admission satisfies never;
    }
  }

  function about(namespace: string | undefined, concerns: (restore: Restore) => boolean): ObjectKey[] {
    return read
      .list(Restore, namespace)
      .filter((restore) => concerns(restore) && !isOver(restore.status))
      .map(({ metadata }) => metadata);
  }
}

function noteMove(pass: Pass<Restore>, state: RestoreState): void {
  const { failure, failureReason = 'RestoreFailed' } = pass.status;
  if (state === 'Failed' || state === 'PuttingBack')
    pass.event('Warning', failureReason, failure ?? 'The restore failed.');
  else pass.event('Normal', 'StateChanged', `The restore is ${state}.`);
}

function isOfVolume({ view }: StepContext): boolean {
  return view.restore.spec.target.kind === 'Volume';
}

function isTarget({ target }: Restore['spec'], kind: Restore['spec']['target']['kind'], name: string): boolean {
  return target.kind === kind && target.name === name;
}

/** A deadline is a fact of time, and somebody has to look when it passes. */
function untilDeadline(outcome: Outcome, pass: Pass<Restore>): Outcome {
  const { deadline } = RestoreContext.parse(pass.status.machine?.context);
  if (outcome.type !== 'waiting') return outcome;
  const leftMs = Math.max(100, deadline - pass.now.getTime());
  return { ...outcome, checkAfterMs: Math.min(outcome.checkAfterMs, leftMs) };
}

function isOver({ phase }: Restore['status']): boolean {
  return phase === 'Completed' || phase === 'Failed';
}
