import { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { durationMs } from '../../crds/duration.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { advance } from '../../controller/machine.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import {
  watching,
  type Pass,
  type Reconciler,
  type ResourceReader,
  type Resources,
} from '../../controller/reconciler.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { troubleOfGuests } from '../shared/guest-troubles.ts';
import { DeploymentContext, deploymentMachine, type DeploymentState } from './machine.ts';
import { observeDeployment, type DeploymentView } from './observe.ts';
import { failureOf, reportDeployment } from './report.ts';
import { ensureGuests } from './steps.ts';

export interface DeploymentDeps {
  resources: Resources;
  /** The last lines that a guest printed, for people who ask why it failed. */
  lastLines: (guestUid: string) => Promise<string[]>;
}

/** States whose step changes the world by itself: being in one is saved before that. */
const actsIn: ReadonlySet<DeploymentState> = new Set(['Provisioning', 'Failed', 'Superseded', 'RolledBack']);
/** States on the way, which the conditions show while they last and events need not. */
const passing: ReadonlySet<DeploymentState> = new Set([
  'Pending',
  'AwaitingBuild',
  'Verifying',
  'Promoting',
  'Draining',
]);

/** Rolls one revision of a Service out, and keeps it while it is the one that serves. */
export function deploymentReconciler({ resources, lastLines }: DeploymentDeps): Reconciler<Deployment> {
  /** What to do while in a state; not on the way into it, which a crash could skip. */
  const whileIn: Record<DeploymentState, (pass: Pass<Deployment>, view: DeploymentView) => Promise<Outcome>> = {
    async Pending() {
      return waiting('AwaitingBuild', 'Waiting for the build.', 0);
    },
    async AwaitingBuild(pass) {
      return waiting('AwaitingBuild', 'Waiting for the build.', untilDeadline(pass));
    },
    async Provisioning(pass, view) {
      await ensureGuests(pass, resources, view, view.desired);
      return waiting('Provisioning', 'Waiting for the guests to run.', untilDeadline(pass));
    },
    async Verifying(pass, view) {
      await ensureGuests(pass, resources, view, view.desired);
      return waiting('Verifying', 'Waiting for the guests to be healthy.', untilDeadline(pass));
    },
    async Promoting(pass) {
      pass.status.promoted = true;
      await pass.checkpoint();
      return waiting('Promoting', 'Taking over from the revision before.', 0);
    },
    async Draining(pass, view) {
      await ensureGuests(pass, resources, view, view.desired);
      return waiting('Draining', 'Waiting for the guests of the revision before to go.', 15_000);
    },
    async Active(pass, view) {
      await ensureGuests(pass, resources, view, view.desired);
      const ready = findCondition(pass.status.conditions, 'Ready');
      return ready?.status === 'True'
        ? settled()
        : waiting('Degraded', ready?.message ?? 'Guests are missing.', 60_000);
    },
    async Failed(pass, view) {
      await ensureGuests(pass, resources, view, 0);
      const { reason, message } = readyOf(pass);
      return stalled(reason, message);
    },
    Superseded: retire,
    RolledBack: retire,
  };

  async function retire(pass: Pass<Deployment>, view: DeploymentView): Promise<Outcome> {
    const leftMs = DeploymentContext.parse(pass.status.machine?.context).drainUntil - pass.now.getTime();
    if (leftMs > 0) return waiting('Draining', 'The guests finish what they have begun.', leftMs);
    await ensureGuests(pass, resources, view, 0);
    return view.guests.length === 0 ? settled() : waiting('Draining', 'Waiting for the guests to go.', 15_000);
  }

  return {
    kind: Deployment,
    owns: [Guest],
    watches: [
      watching(Build, (build, read) => ofService(controllerOf(build)?.uid, read)),
      watching(Service, ({ metadata }, read) => ofService(metadata.uid, read)),
      watching(Deployment, (other, read) => ofService(controllerOf(other)?.uid, read)),
    ],

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const now = pass.now.getTime();
      const view = observeDeployment(pass.resource, pass.status, resources.read);

      const { rollout } = spec.template;
      const progress = advance(deploymentMachine, pass.status.machine, {
        generation: metadata.generation,
        context: DeploymentContext,
        input: { progressMs: durationMs(rollout.progressDeadline), drainMs: durationMs(rollout.drain), now },
        event: { type: 'OBSERVED', facts: view.facts, now },
      });
      const before = pass.status.machine?.state;
      const { state } = progress;
      pass.status = { ...pass.status, machine: progress };
      if (view.build?.status.artifact) pass.status.artifact = view.build.status.artifact;
      if (state !== before) await noteMove(pass, view, state);
      pass.status = reportDeployment(pass.resource, pass.status, view, state, pass.now);
      if (state !== before && actsIn.has(state)) await pass.checkpoint();
      return whileIn[state](pass, view);
    },

    async finalize(pass) {
      const view = observeDeployment(pass.resource, pass.status, resources.read);
      await ensureGuests(pass, resources, view, 0);
      return view.guests.length === 0
        ? settled()
        : waiting(
            'WaitingForChildren',
            troubleOfGuests(view.guests)?.message ?? 'Waiting for the guests to go.',
            15_000,
          );
    },
  };

  async function noteMove(pass: Pass<Deployment>, view: DeploymentView, state: DeploymentState): Promise<void> {
    if (state !== 'Failed') {
      if (!passing.has(state))
        pass.event('Normal', 'StateChanged', `Revision ${pass.resource.spec.revision} is ${state}.`);
      return;
    }
    const failure = failureOf(view);
    const [guest] = view.guests;
    const lines = guest ? await lastLines(guest.metadata.uid) : [];
    const printed = lines.length > 0 ? `\nIts last lines:\n${lines.join('\n')}` : '';
    pass.status = reportDeployment(
      pass.resource,
      { ...pass.status, failure: `${failure.message}${printed}`, conditions: [] },
      view,
      state,
      pass.now,
    );
    pass.event('Warning', failure.reason, `Revision ${pass.resource.spec.revision} failed. ${failure.message}`);
  }
}

/** Deadlines are facts of time: somebody has to look when they pass. */
function untilDeadline(pass: Pass<Deployment>): number {
  const { deadline } = DeploymentContext.parse(pass.status.machine?.context);
  return Math.max(100, Math.min(30_000, deadline - pass.now.getTime()));
}

function readyOf(pass: Pass<Deployment>): {
  reason: 'HealthCheckFailed' | 'BuildFailed' | 'BuildCancelled' | 'DeadlineExceeded';
  message: string;
} {
  const ready = pass.status.conditions.find(({ type }) => type === 'Ready');
  const message = ready?.message ?? 'The revision failed.';
  const known = ['HealthCheckFailed', 'BuildFailed', 'BuildCancelled', 'DeadlineExceeded'] as const;
  return { reason: known.find((reason) => reason === ready?.reason) ?? 'DeadlineExceeded', message };
}

function ofService(uid: string | undefined, read: ResourceReader): ObjectKey[] {
  return uid === undefined ? [] : read.ownedBy(Deployment, uid).map(({ metadata }) => metadata);
}
