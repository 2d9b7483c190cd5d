import { Build } from '../../crds/build.ts';
import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import { Database } from '../../crds/database.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Job } from '../../crds/job.ts';
import { Route } from '../../crds/route.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { adoptRevision, isFromSpec } from './adopt.ts';
import { carryOutRuns } from './carry-out-runs.ts';
import { BranchWatch, type BranchWatchDeps } from './branch-watch.ts';
import { buildOf, revisionOfCommit, revisionOfSpec, revisionOnceMore } from './child-manifests.ts';
import { ensureRoute } from './ensure-route.ts';
import { ensureVolumes, volumesCondition } from './ensure-volumes.ts';
import { finalizeService } from './finalize.ts';
import { recordFollowed, recordReferences } from './follow-references.ts';
import { lookUpReferences, type ReferenceView } from './look-up-references.ts';
import { commitsOf, newCommitIn } from './new-commit.ts';
import { observeService, type Surroundings } from './observe.ts';
import { needlessBuilds, planService, type ServicePlan } from './plan.ts';
import { referrersToDatabase, referrersToSecret, referrersToService } from './referrers.ts';
import { reportService } from './report.ts';
import { restartGuests } from './restart-guests.ts';
import { stagesOnTheWay } from './stages-on-the-way.ts';
import { readSchedule } from '../shared/schedule.ts';
import { Sightings } from './sightings.ts';
import { lookAgainWithin, untilNext } from './look-again.ts';

interface BranchNews {
  newCommit: string | undefined;
  /** To be recorded. */
  followed: string | undefined;
  claim: ConditionInput | undefined;
}

export interface ServiceDeps extends BranchWatchDeps {
  resources: Resources;
}

/**
 * Turns what a Service says into revisions: a Deployment for each, a Build where the image changes. Keeps its Route, its
 * Volumes and its scheduled runs, and follows its branch and what its environment refers to.
 */
export function serviceReconciler({ resources, ...source }: ServiceDeps): Reconciler<Service> {
  const { read, write } = resources;
  const sightings = new Sightings();
  const branches = new BranchWatch(source);
  let wake: (key: ObjectKey) => void = () => undefined;

  return {
    kind: Service,
    owns: [Build, Deployment, Route, Volume, Job],
    gathers: { forMs: 1_000, only: stagesOnTheWay },
    watches: [
      watching(Secret, referrersToSecret),
      watching(Database, referrersToDatabase),
      watching(Service, referrersToService),
    ],

    attach(wakeKey, signal) {
      wake = wakeKey;
      signal.addEventListener('abort', () => branches.close(), { once: true });
    },

    async reconcile(pass) {
      const { resource: service, now } = pass;
      const { status, view: seen } = observeService(service, read);
      const { newCommit, followed, claim } = lookAtBranch(service, status, seen);
      const references = lookUpReferences(service, seen.newest, read, sightings, now);
      const { ofSpec, ofNewest, recorded, following } = references;
      const plan = planService({ ...seen, service, status, missing: ofSpec.missing, following, newCommit });

      const hold = plan.do === 'hold' && plan.hold.of === 'spec' ? plan.hold : undefined;
      const view = { ...seen, hold, branch: claim, missing: ofSpec.missing ?? ofNewest.missing };
      const { references: _, followedCommit: __, ...rest } = status;
      const draft = {
        ...rest,
        ...(recorded && { references: recorded }),
        ...(followed !== undefined && { followedCommit: followed }),
      };
      pass.status = reportService(service, draft, view, now);
      noteAdoption(pass, seen);
      if (plan.do === 'unsupported') return unsupported(pass, plan.message);

      await ensureRoute(service, resources);
      await keepVolumes(pass, view);
      const outcome = await act(pass, plan, view, references);
      const inTime = following.do === 'wait' ? comeBackFor(outcome, following.forMs) : outcome;
      return service.spec.type === 'cron' ? keepSchedule(pass, view, inTime) : inTime;
    },

    async finalize(pass) {
      sightings.clear(pass.resource.metadata.uid);
      branches.forget(pass.resource.metadata.uid);
      return finalizeService(pass.resource, resources);
    },
  };

  function lookAtBranch(service: Service, status: Service['status'], { newest, build }: Surroundings): BranchNews {
    const { ofNewest } = commitsOf(status, newest, build, undefined);
    const { tip, claim } = branches.look(service, ofNewest, wake);
    if (!claim) return { claim, followed: undefined, newCommit: undefined };
    const commits = commitsOf(status, newest, build, tip);
    return { claim, followed: commits.followed, newCommit: newCommitIn(commits, tip) };
  }

  async function act(
    pass: Pass<Service>,
    plan: Exclude<ServicePlan, { do: 'unsupported' }>,
    view: Surroundings,
    { ofSpec, ofNewest, recorded }: ReferenceView,
  ): Promise<Outcome> {
    const { resource: service } = pass;
    switch (plan.do) {
      case 'newRevision':
        await createRevision(pass, view, revisionOfSpec(service, plan.revision, plan.build));
        pass.status.references = recordReferences(recorded, ofSpec);
        return waiting('Progressing', `Revision ${plan.revision} is being rolled out.`, 0);
      case 'newCommit':
        await createRevision(pass, view, revisionOfCommit(service, plan.revision, plan.commit));
        pass.status.references = recordReferences(recorded, ofSpec);
        pass.event('Normal', 'SourceFetched', `The branch moved to commit ${plan.commit}; it is rolled out.`);
        return waiting('Progressing', `Revision ${plan.revision} is being rolled out.`, 0);
      case 'revisionOnceMore':
        await createRevision(pass, view, revisionOnceMore(service, plan.revision, plan.newest));
        pass.status.references = recordFollowed(recorded, ofNewest, pass.now);
        pass.event('Normal', 'ConfigChanged', 'What the environment refers to changed; it is rolled out anew.');
        return waiting('Progressing', `Revision ${plan.revision} is being rolled out.`, 0);
      case 'restartGuests':
        if (!(await restartGuests(view.guests, ofNewest.endpoints, write)))
          return waiting('ConfigChanged', 'The guests are restarted, so that they see addresses that changed.', 15_000);
        pass.status.references = recordFollowed(recorded, ofNewest, pass.now);
        return waiting('ConfigChanged', 'The guests see the addresses that changed.', 0);
      case 'createBuild':
        await write.create(Build, buildOf(service, plan.newest));
        return waiting('Progressing', 'The image is being built.', 0);
      case 'prune':
        for (const deployment of plan.deployments) await write.delete(Deployment, deployment);
        await pruneBuilds(service, view, plan.deployments);
        return waiting('Progressing', 'Old revisions are being forgotten.', 1_000);
      case 'hold':
        return waiting(plan.hold.reason, plan.hold.message, 60_000);
      case 'nothing':
        return conclude(pass, view);
      default:
        return plan satisfies never;
    }
  }

  /**
   * The number in the name makes it one of its kind: after a crash the same is found again, and who took the number in the
   * same moment is taken for what it is, the newest revision, after which ours gets the next.
   */
  async function createRevision(
    pass: Pass<Service>,
    view: Surroundings,
    manifest: ReturnType<typeof revisionOfSpec>,
  ): Promise<void> {
    const made = await write.create(Deployment, manifest);
    // From here on the revision before is not what was asked for: who waits for Ready must not be told of the old one.
    const status = adoptRevision(pass.status, made);
    pass.status = reportService(pass.resource, status, { ...view, latest: made }, pass.now);
    pass.event('Normal', 'RevisionCreated', `Revision ${made.spec.revision} was recorded.`);
  }

  async function pruneBuilds(
    { metadata }: Service,
    { deployments }: Surroundings,
    pruned: readonly Deployment[],
  ): Promise<void> {
    const kept = deployments.filter((deployment) => !pruned.includes(deployment));
    for (const build of needlessBuilds(read.ownedBy(Build, metadata.uid), kept))
      if (build.metadata.deletionTimestamp === undefined) await write.delete(Build, build);
  }

  async function keepVolumes(pass: Pass<Service>, { newest, active }: Surroundings): Promise<void> {
    const inUse = [newest, active].filter((deployment) => deployment !== undefined);
    const trouble = await ensureVolumes(pass.resource, inUse, resources);
    const volumes = read.ownedBy(Volume, pass.resource.metadata.uid);
    const at = { generation: pass.resource.metadata.generation, now: pass.now };
    pass.status.conditions = volumesCondition(pass.status.conditions, volumes, trouble, at);
  }

  async function keepSchedule(pass: Pass<Service>, view: Surroundings, outcome: Outcome): Promise<Outcome> {
    const reading = readSchedule(pass.resource.spec);
    const next = reading.ok ? reading.schedule.next(pass.now) : undefined;
    delete pass.status.nextScheduleAt;
    if (!reading.ok || !next) {
      const never = 'spec.schedule never comes due. Correct the day or the month.';
      return refuseSchedule(pass, reading.ok ? never : reading.message);
    }
    if (!pass.resource.spec.suspended) pass.status.nextScheduleAt = next.toISOString();
    const mayGoOn = await carryOutRuns(pass, reading.schedule, view, resources);
    return mayGoOn
      ? waiting('Progressing', 'The schedule is being carried out.', 0)
      : untilNext(outcome, next, pass.now);
  }
}

/** A revision that somebody else made is taken over once. */
function noteAdoption(pass: Pass<Service>, { newest }: Surroundings): void {
  if (!newest || isFromSpec(newest) || newest.metadata.name === pass.resource.status.latestDeployment) return;
  if (newest.metadata.name !== pass.status.latestDeployment) return;
  const { revision, rollbackOf } = newest.spec;
  const what = rollbackOf === undefined ? '' : `, a rollback to ${rollbackOf},`;
  pass.event(
    'Normal',
    'RevisionCreated',
    `Revision ${revision}${what} was asked for directly, not by the spec, and is the newest now.`,
  );
}

/** A change that is still to be followed is work that is left, also where all else is done. */
function comeBackFor(outcome: Outcome, forMs: number): Outcome {
  return outcome.type === 'settled'
    ? waiting('ConfigChanged', 'What the environment refers to changed; it is followed after a pause.', forMs)
    : lookAgainWithin(outcome, forMs);
}

function unsupported(pass: Pass<Service>, message: string): Outcome {
  return notReady(pass, 'UnsupportedSpec', message);
}

function refuseSchedule(pass: Pass<Service>, message: string): Outcome {
  return notReady(pass, 'ScheduleInvalid', message);
}

function notReady(pass: Pass<Service>, reason: 'UnsupportedSpec' | 'ScheduleInvalid', message: string): Outcome {
  pass.status.conditions = setCondition(
    pass.status.conditions,
    { type: 'Ready', status: 'False', reason, message },
    { generation: pass.resource.metadata.generation, now: pass.now },
  );
  return stalled(reason, message);
}

function conclude(pass: Pass<Service>, { latest, build }: Surroundings): Outcome {
  const ready = pass.status.conditions.find(({ type }) => type === 'Ready');
  if (latest?.status.phase === 'Failed')
    return stalled('DeploymentFailed', ready?.message ?? 'The newest revision failed.');
  const held = build?.status.conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  if (held && build?.status.phase !== 'Succeeded') return stalled(held.reason, held.message);
  if (ready?.status === 'True' || ready?.reason === 'Suspended') return settled();
  if (ready?.reason === 'Degraded') return waiting('Degraded', ready.message, 60_000);
  return waiting('Progressing', ready?.message ?? 'The newest revision is being rolled out.', 30_000);
}
