import { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { durationMs } from '../../crds/duration.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { advance } from '../../controller/machine.ts';
import { controllerOf } from '../../controller/object-key.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import {
  watching,
  type Pass,
  type Reconciler,
  type ResourceReader,
  type Resources,
} from '../../controller/reconciler.ts';
import { sameJson } from '../../controller/same-json.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { troubleOfGuests } from '../shared/guest-troubles.ts';
import { failureOf } from './failure.ts';
import { planGuests, type GuestPlan } from './guest-plan.ts';
import { DeploymentContext, deploymentMachine, isHolding, isInFlight, type DeploymentState } from './machine.ts';
import { observeDeployment, type DeploymentView } from './observe.ts';
import { keepTime } from './progress-clock.ts';
import { reportDeployment } from './report.ts';
import { stagesOnTheWay } from './stages-on-the-way.ts';
import { askForCommand, changeGuests, claimVolumes } from './steps.ts';

export interface DeploymentDeps {
  resources: Resources;
  /** The last lines that a guest printed, for people who ask why it failed. */
  lastLines: (guestUid: string) => Promise<string[]>;
  /** What guests printed is kept for as long as their revision, and removed with it. */
  forgetLog: (guestUid: string) => Promise<void>;
}

/** States whose step changes the world by itself: being in one is saved before that. */
const actsIn: ReadonlySet<DeploymentState> = new Set([
  'PreDeploying',
  'Provisioning',
  'TakingOver',
  'Promoting',
  'Failed',
  'Superseded',
  'RolledBack',
]);

/** Rolls one revision of a Service out, and keeps it while it is the one that serves. */
export function deploymentReconciler({ resources, lastLines, forgetLog }: DeploymentDeps): Reconciler<Deployment> {
  /** What to do while in a state; not on the way into it, which a crash could skip. */
  const whileIn: Record<DeploymentState, (pass: Pass<Deployment>, view: DeploymentView) => Promise<Outcome>> = {
    async Pending(pass) {
      return onTheWay(pass);
    },
    async AwaitingBuild(pass) {
      return onTheWay(pass);
    },
    async PreDeploying(pass) {
      await askForCommand(pass, resources);
      return onTheWay(pass);
    },
    async Provisioning(pass, view) {
      return onTheWay(pass, await keepGuests(pass, view, 'Provisioning'));
    },
    async TakingOver(pass, view) {
      return takeOver(pass, view, 'TakingOver');
    },
    async Verifying(pass, view) {
      return takeOver(pass, view, 'Verifying');
    },
    async Promoting(pass, view) {
      return takeOver(pass, view, 'Promoting');
    },
    async Draining(pass, view) {
      return serve(pass, view, 'Draining');
    },
    async Active(pass, view) {
      return serve(pass, view, 'Active');
    },
    async Failed(pass, view) {
      const { checkAfterMs } = await keepGuests(pass, view, 'Failed');
      if (checkAfterMs !== undefined)
        return waiting('Draining', 'The guests finish what they have begun.', checkAfterMs);
      const ready = findCondition(pass.status.conditions, 'Ready');
      return stalled(ready?.reason ?? 'DeadlineExceeded', ready?.message ?? 'The revision failed.');
    },
    async Superseded(pass, view) {
      return retire(pass, view, 'Superseded');
    },
    async RolledBack(pass, view) {
      return retire(pass, view, 'RolledBack');
    },
  };

  async function keepGuests(pass: Pass<Deployment>, view: DeploymentView, state: DeploymentState): Promise<GuestPlan> {
    const { exposed } = DeploymentContext.parse(pass.status.machine?.context);
    const plan = planGuests(pass.resource, state, view, { exposed, now: pass.now });
    await changeGuests(pass, resources, plan.actions);
    return plan;
  }

  async function takeOver(
    pass: Pass<Deployment>,
    view: DeploymentView,
    state: 'TakingOver' | 'Verifying' | 'Promoting',
  ): Promise<Outcome> {
    if (view.clear) await claimVolumes(pass, resources, view);
    return onTheWay(pass, await keepGuests(pass, view, state));
  }

  async function serve(pass: Pass<Deployment>, view: DeploymentView, state: 'Draining' | 'Active'): Promise<Outcome> {
    if (!view.standsDown) await claimVolumes(pass, resources, view);
    const { checkAfterMs } = await keepGuests(pass, view, state);
    const ready = findCondition(pass.status.conditions, 'Ready');
    const message = ready?.message ?? 'Guests are missing.';
    if (state === 'Draining')
      return waiting('Draining', message, Math.min(untilDeadline(pass), checkAfterMs ?? 15_000));
    if (checkAfterMs !== undefined) return waiting('Draining', 'Guests finish what they have begun.', checkAfterMs);
    return ready?.status === 'True' ? settled() : waiting('Degraded', message, 60_000);
  }

  async function retire(
    pass: Pass<Deployment>,
    view: DeploymentView,
    state: 'Superseded' | 'RolledBack',
  ): Promise<Outcome> {
    const { checkAfterMs } = await keepGuests(pass, view, state);
    if (checkAfterMs !== undefined) return waiting('Draining', 'The guests finish what they have begun.', checkAfterMs);
    return view.guests.length === 0 ? settled() : waiting('Draining', 'Waiting for the guests to go.', 15_000);
  }

  return {
    kind: Deployment,
    owns: [Guest, Job],
    gathers: { forMs: 1_000, only: stagesOnTheWay },
    watches: [
      watching(Build, (build, read) => ofService(controllerOf(build)?.uid, read)),
      watching(Service, (service, read, previous) =>
        saysTheSame(service, previous) ? [] : ofService(service.metadata.uid, read),
      ),
      watching(Deployment, (other, read) => ofService(controllerOf(other)?.uid, read)),
      watching(Route, (route, read, previous) =>
        carriesTheSame(route, previous) ? [] : ofService(controllerOf(route)?.uid, read),
      ),
      watching(Volume, (volume, read) => ofService(controllerOf(volume)?.uid, read)),
    ],

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const now = pass.now.getTime();
      const view = observeDeployment(pass.resource, pass.status, resources.read);
      const { facts } = view;
      const { rollout, preDeploy } = spec.template;

      const progress = advance(
        deploymentMachine,
        keepTime(pass.status.machine, { facts, progress: view.progress, now }),
        {
          generation: metadata.generation,
          context: DeploymentContext,
          input: {
            progressMs: durationMs(rollout.progressDeadline),
            preDeployMs: preDeploy ? durationMs(preDeploy.timeout) : 0,
            now,
          },
          event: { type: 'OBSERVED', facts, now },
        },
      );
      const before = pass.status.machine?.state;
      const { state } = progress;
      pass.status = { ...pass.status, machine: progress };
      // Until the archive is where guests are made of it, nothing here needs it.
      if (view.build?.status.phase === 'Succeeded' && view.build.status.artifact)
        pass.status.artifact = view.build.status.artifact;
      if (state !== before) await noteMove(pass, view, state);
      const { guestUids } = pass.status;
      pass.status = reportDeployment(pass.resource, pass.status, view, state, pass.now);
      for (const uid of guestUids) if (!pass.status.guestUids.includes(uid)) await forgetLog(uid);
      if (state !== before && actsIn.has(state)) await pass.checkpoint();
      if (isHolding(state, facts)) return onHold(pass);
      return whileIn[state](pass, view);
    },

    async finalize(pass) {
      const { read, write } = resources;
      const guests = read.ownedBy(Guest, pass.resource.metadata.uid);
      const jobs = read.ownedBy(Job, pass.resource.metadata.uid);
      for (const guest of guests) if (guest.metadata.deletionTimestamp === undefined) await write.delete(Guest, guest);
      for (const job of jobs) if (job.metadata.deletionTimestamp === undefined) await write.delete(Job, job);
      const uids = new Set([...pass.status.guestUids, ...guests.map(({ metadata }) => metadata.uid)]);
      pass.status.guestUids = [...uids];
      if (guests.length > 0 || jobs.length > 0)
        return waiting(
          'WaitingForChildren',
          troubleOfGuests(guests)?.message ?? 'Waiting for the guests to go.',
          15_000,
        );
      for (const uid of uids) await forgetLog(uid);
      return settled();
    },
  };

  async function noteMove(pass: Pass<Deployment>, view: DeploymentView, state: DeploymentState): Promise<void> {
    const { revision } = pass.resource.spec;
    if (state !== 'Failed') {
      // States on the way are shown by the conditions while they last, and need no event.
      if (!isInFlight(state) && state !== 'Draining')
        pass.event('Normal', 'StateChanged', `Revision ${revision} is ${state}.`);
      return;
    }
    const { ready, guestUid } = failureOf(view);
    const lines = guestUid === undefined ? [] : await lastLines(guestUid);
    const printed = lines.length > 0 ? `\nIts last lines:\n${lines.join('\n')}` : '';
    pass.status = { ...pass.status, failure: `${ready.message}${printed}`, conditions: [] };
    pass.event('Warning', ready.reason, `Revision ${revision} failed. ${ready.message}`);
  }
}

/** Work goes on; deadlines are facts of time, and somebody has to look when they pass. */
function onTheWay(pass: Pass<Deployment>, plan?: GuestPlan): Outcome {
  const ready = findCondition(pass.status.conditions, 'Ready');
  const { deadline } = DeploymentContext.parse(pass.status.machine?.context);
  const leftMs = Math.max(100, Math.min(30_000, deadline - pass.now.getTime(), plan?.checkAfterMs ?? Infinity));
  return waiting(ready?.reason ?? 'InProgress', ready?.message ?? 'The revision is being rolled out.', leftMs);
}

/** The Service wakes its revisions when it goes on. */
function onHold(pass: Pass<Deployment>): Outcome {
  return waiting('Paused', findCondition(pass.status.conditions, 'Ready')?.message ?? 'Rollouts are paused.', 60_000);
}

function untilDeadline(pass: Pass<Deployment>): number {
  const { deadline } = DeploymentContext.parse(pass.status.machine?.context);
  return Math.max(100, Math.min(30_000, deadline - pass.now.getTime()));
}

function ofService(uid: string | undefined, read: ResourceReader): ObjectKey[] {
  return uid === undefined ? [] : read.ownedBy(Deployment, uid).map(({ metadata }) => metadata);
}

/** A rollout goes by what a Service asks for, never by what it reports. */
function saysTheSame({ metadata }: Service, previous: Service | undefined): boolean {
  return (
    previous?.metadata.generation === metadata.generation &&
    previous.metadata.deletionTimestamp === metadata.deletionTimestamp
  );
}

/** Of a Route only what the proxy has confirmed concerns a rollout. */
function carriesTheSame({ status }: Route, previous: Route | undefined): boolean {
  const confirmed = (of: Route['status']): unknown => [of.proxy, of.revision, of.upstreams, of.draining];
  return previous !== undefined && sameJson(confirmed(previous.status), confirmed(status));
}
