import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import { conditionIs } from '../../crds/condition.ts';
import { durationMs } from '../../crds/duration.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { advance } from '../../controller/machine.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import type { BuilderPool } from '../providers/docker/builder-pool.ts';
import { isDockerFault } from '../providers/docker/fault.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import type { Signal } from '../shared/signal.ts';
import { tellInReady } from '../shared/tell-in-ready.ts';
import { isTroubling } from '../shared/trouble.ts';
import { builderTrouble, chooseBuilder, isOver, nextInLine, olderInLine, supersededBy } from './admission.ts';
import { imageTag } from './image-labels.ts';
import { BuildContext, buildMachine, type BuildFacts, type BuildState } from './machine.ts';
import { placeEverywhere, publishTargets } from './publish.ts';
import { reportBuild, withFailure } from './report.ts';
import { recordedDigests, removeArtifact, usedDigests } from './sweep.ts';
import { BuildWork, type WorkDeps, type WorkingState } from './work.ts';

export interface BuildDeps extends WorkDeps {
  resources: Resources;
  builders: BuilderPool;
  clusters: ClusterPool;
  placements: ArchivePlacements;
  /** Archives were placed somewhere: builds that wait for it should look again. */
  placed: Signal<void>;
}

const QUEUE_CHECK_MS = 30_000;
/** A placing tells when it is done; this is for one that began before a restart. */
const PLACING_WATCH_MS = 5_000;

/** Brings a source to an archive, stage by stage. Long work runs beside the passes, which start it and look at it. */
export function buildReconciler(deps: BuildDeps): Reconciler<Build> {
  const { read } = deps.resources;
  let wake: (uid: string) => void = () => undefined;
  const working = new BuildWork(deps, (uid) => wake(uid));
  /** Passes run side by side, and the cache is a moment old: a place that one of them gave away is not free for the next. */
  const letIn = new Map<string, string>();

  const whileIn: Record<BuildState, (pass: Pass<Build>) => Promise<Outcome>> = {
    async Pending(pass) {
      const trouble = builderTrouble(pass.resource, read);
      if (trouble) return waiting(trouble.reason, trouble.message, QUEUE_CHECK_MS);
      return waiting('Queued', 'Waiting for a builder with a free place.', QUEUE_CHECK_MS);
    },
    Fetching: (pass) => work(pass, 'Fetching'),
    Detecting: (pass) => work(pass, 'Detecting'),
    Building: (pass) => work(pass, 'Building'),
    Exporting: (pass) => work(pass, 'Exporting'),
    async Publishing(pass) {
      const { artifact } = pass.status;
      if (!artifact) return waiting('Publishing', 'Waiting for the archive.');
      if (!(await deps.artifacts.has(artifact.digest))) {
        const failure = 'The archive was removed while it was being placed. Roll the service to build it anew.';
        pass.status = { ...pass.status, failure, failureReason: 'ArtifactMissing' };
        return waiting('ArtifactMissing', failure, 0);
      }
      const targets = publishTargets(read.list(ProxmoxCluster), deps.clusters, pass.resource.spec.region);
      const { placements, complete } = placeEverywhere(targets, artifact, deps);
      pass.status = { ...pass.status, placements, published: complete };
      // All that is left is to say so.
      if (complete) return reconcile(pass);
      return waiting('Publishing', 'The archive is being placed on the template storages.', PLACING_WATCH_MS);
    },
    async Succeeded(pass) {
      await working.tidy(pass.resource);
      return settled();
    },
    async Failed(pass) {
      return (
        (await cleanUp(pass)) ??
        stalled(
          pass.status.failureReason ?? 'DeadlineExceeded',
          pass.status.failure ?? 'The build did not end within spec.deadline.',
        )
      );
    },
    Cancelled: async (pass) => (await cleanUp(pass)) ?? settled(),
  };

  return {
    kind: Build,
    watches: [
      watching(Builder, ({ spec, status }, cache, previous) => {
        const isNews =
          conditionIs(status.conditions, 'Ready', 'True') &&
          !conditionIs(previous?.status.conditions ?? [], 'Ready', 'True');
        return isNews ? nextInLine(cache, spec.concurrency) : [];
      }),
      watching(Build, (other, cache, previous) => {
        if (!previous) return olderInLine(other, cache);
        // A place came free: for the oldest that waits, and one more should that one go elsewhere.
        return isOver(other.status.phase) && !isOver(previous.status.phase) ? nextInLine(cache, 2) : [];
      }),
    ],

    attach(wakeKey, signal) {
      wake = (uid) => {
        const build = read.list(Build).find(({ metadata }) => metadata.uid === uid);
        if (build) wakeKey(build.metadata);
      };
      deps.placed.subscribe(() => {
        for (const { metadata, status } of read.list(Build)) if (status.phase === 'Publishing') wakeKey(metadata);
      }, signal);
      signal.addEventListener('abort', () => working.abortAll(), { once: true });
    },

    reconcile,

    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      working.abort(uid);
      letIn.delete(uid);
      if (working.isEnding(uid)) return waiting('Deleting', 'The work under way is being stopped.');
      const { artifact } = pass.status;
      if (artifact && !recordedDigests(read, uid).has(artifact.digest)) {
        if (usedDigests(read).has(artifact.digest))
          return waiting('WaitingForChildren', 'Guests made from the archive still exist.');
        const removal = await removeArtifact(artifact.digest, { ...deps, read }, pass.signal);
        if (removal === 'going')
          return waiting('Deleting', 'The archive is being removed from the template storages.', 500);
      }
      await removeImage(pass);
      await working.tidy(pass.resource);
      await deps.logs.remove(`build/${uid}`);
      return settled();
    },
  };

  async function reconcile(pass: Pass<Build>): Promise<Outcome> {
    const { metadata, spec } = pass.resource;
    const now = pass.now.getTime();
    const deadlineMs = durationMs(spec.deadline);
    const within = await working.collect(pass);
    const progress = advance(buildMachine, pass.status.machine, {
      // The one field that may change is `cancelled`; it must not begin the build anew.
      generation: 1,
      context: BuildContext,
      input: { deadlineMs, now },
      event: { type: 'OBSERVED', facts: await factsOf(pass), now, deadlineMs },
    });
    const { state } = progress;
    const moved = state !== pass.status.machine?.state;
    if (moved && state === 'Failed') pass.status = withFailure(pass.resource, pass.status);
    pass.status = reportBuild(pass.resource, { ...pass.status, machine: progress }, state, within, pass.now);
    if (moved) {
      tell(pass, state);
      if (isOver(state)) letIn.delete(metadata.uid);
      else if (state !== 'Pending') await pass.checkpoint();
    }
    const outcome = await whileIn[state](pass);
    const trouble = troubleIn(outcome);
    if (trouble) pass.status.conditions = tellInReady(pass.status.conditions, trouble, { ...metadata, now: pass.now });
    return outcome;
  }

  async function factsOf(pass: Pass<Build>): Promise<BuildFacts> {
    const { spec } = pass.resource;
    const { status } = pass;
    const isWaiting = status.phase === undefined || status.phase === 'Pending';
    const newer = isWaiting && status.builder === undefined ? supersededBy(pass.resource, read) : undefined;
    if (newer && !spec.cancelled) {
      const failure = `The newer build ${newer.metadata.name} of the same service took its place in the queue.`;
      pass.status = { ...status, failure, failureReason: 'Superseded' };
    } else if (isWaiting && !spec.cancelled) admit(pass);
    return {
      cancelled: spec.cancelled,
      superseded: newer !== undefined,
      failed: status.failure !== undefined,
      admitted: pass.status.builder !== undefined,
      // An image has nothing to fetch and nothing to work out.
      fetched: spec.source.type === 'image' || status.commit !== undefined,
      detected: spec.source.type === 'image' || status.strategy !== undefined,
      built: status.imageId !== undefined,
      exported: status.artifact !== undefined && (await deps.artifacts.has(status.artifact.digest)),
      published: status.published,
    };
  }

  async function work(pass: Pass<Build>, state: WorkingState): Promise<Outcome> {
    if (!(await keepBuilder(pass))) {
      const trouble = builderTrouble(pass.resource, read);
      return waiting(trouble?.reason ?? 'Queued', trouble?.message ?? 'Waiting for another builder.', 15_000);
    }
    const { builder } = pass.status;
    const docker = deps.builders.get(builder ?? '');
    const platform = read.get(Builder, { name: builder ?? '' })?.spec.platform;
    if (!docker || !platform)
      return waiting('BuilderUnreachable', `Waiting for the Builder ${builder} to be connected.`);
    return working.run(pass, state, { docker, platform });
  }

  function admit(pass: Pass<Build>): void {
    const builder = pass.status.builder ?? chooseBuilder(pass.resource, read, letIn);
    if (builder === undefined) return;
    letIn.set(pass.resource.metadata.uid, builder);
    pass.status.builder = builder;
  }

  /** A builder that was removed gives its builds to another; what was built there is built again. False when there is none. */
  async function keepBuilder(pass: Pass<Build>): Promise<boolean> {
    const { builder } = pass.status;
    if (builder !== undefined && read.get(Builder, { name: builder })) return true;
    working.abort(pass.resource.metadata.uid);
    letIn.delete(pass.resource.metadata.uid);
    delete pass.status.builder;
    admit(pass);
    if (pass.status.builder !== builder) await pass.checkpoint();
    return pass.status.builder !== undefined;
  }

  /** After an end without success: what is still at work is stopped. Waits while it ends. */
  async function cleanUp(pass: Pass<Build>): Promise<Outcome | undefined> {
    const { uid } = pass.resource.metadata;
    working.abort(uid);
    if (working.isEnding(uid)) return waiting('InProgress', 'The work under way is being stopped.', 1_000);
    // What a failed build left serves the next one as a cache.
    if (pass.status.phase === 'Cancelled') await removeImage(pass);
    await working.tidy(pass.resource);
    return undefined;
  }

  /** An engine that does not answer holds nothing up: the sweep finds the image by its label. */
  async function removeImage({ resource, status, signal }: Pass<Build>): Promise<void> {
    const docker = deps.builders.get(status.builder ?? '');
    if (!docker || resource.spec.source.type === 'image') return;
    try {
      await docker.remove(imageTag(resource), signal);
    } catch (error) {
      if (!isDockerFault(error)) throw error;
    }
  }

  function tell(pass: Pass<Build>, state: BuildState): void {
    const { failure, failureReason } = pass.status;
    if (state === 'Failed')
      pass.event('Warning', failureReason ?? 'DeadlineExceeded', failure ?? 'The build took too long.');
    if (state === 'Cancelled' && failure !== undefined)
      pass.event('Normal', failureReason ?? 'BuildCancelled', failure);
    if (state === 'Succeeded') pass.event('Normal', 'BuildSucceeded', 'The archive is built and kept.');
  }
}

/** What a person may have to do something about while the build is under way. */
function troubleIn(outcome: Outcome): Exclude<Outcome, { type: 'settled' }> | undefined {
  if (outcome.type === 'waiting') return isTroubling(outcome.reason) ? outcome : undefined;
  return outcome.type === 'stalled' && outcome.reason === 'ToolMissing' ? outcome : undefined;
}
