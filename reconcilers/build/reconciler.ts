import { rm } from 'node:fs/promises';
import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import { conditionIs } from '../../crds/condition.ts';
import { durationMs } from '../../crds/duration.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { Clock } from '../../controller/clock.ts';
import type { LogStore } from '../../controller/logs.ts';
import { advance } from '../../controller/machine.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import type { BuilderPool } from '../providers/docker/builder-pool.ts';
import type { GitClient } from '../providers/git/client.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { RepackImage } from '../providers/oci/repack-image.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import { Jobs } from '../shared/jobs.ts';
import { Setbacks } from '../shared/setbacks.ts';
import type { Signal } from '../shared/signal.ts';
import { tellInReady } from '../shared/tell-in-ready.ts';
import { isTroubling } from '../shared/trouble.ts';
import { builderTrouble, chooseBuilder, isOver, nextInLine } from './admission.ts';
import { BuildLog } from './build-log.ts';
import type { SourceSecret } from './credentials.ts';
import { verdictOn } from './failure.ts';
import { BuildContext, buildMachine, type BuildFacts, type BuildState } from './machine.ts';
import { placeEverywhere, publishTargets } from './publish.ts';
import { reportBuild, withFailure } from './report.ts';
import {
  buildImage,
  detectStrategy,
  exportArtifact,
  fetchSource,
  imageTag,
  workFolder,
  type StageDeps,
  type StageResult,
} from './stages.ts';
import { recordedDigests, removeArtifact, usedDigests } from './sweep.ts';

export type SecretValues = { ok: true; values: SourceSecret } | { ok: false; message: string };

export interface BuildDeps {
  resources: Resources;
  builders: BuilderPool;
  clusters: ClusterPool;
  placements: ArchivePlacements;
  artifacts: ArtifactStore;
  git: GitClient;
  repackImage: RepackImage;
  readInit: StageDeps['readInit'];
  readSecret: (namespace: string, name: string) => SecretValues;
  logs: LogStore;
  clock: Clock;
  /** Archives were placed somewhere: builds that wait for it should look again. */
  placed: Signal<void>;
}

const WATCH_MS = 1_000;
/** A placing tells when it is done; this is for one that began before a restart. */
const PLACING_WATCH_MS = 5_000;
const stageWork = {
  Fetching: fetchSource,
  Detecting: detectStrategy,
  Building: buildImage,
  Exporting: exportArtifact,
} as const;

/** Brings a source to an archive, stage by stage. Long work runs beside the passes, which start it and look at it. */
export function buildReconciler(deps: BuildDeps): Reconciler<Build> {
  const { read } = deps.resources;
  let wake: (uid: string) => void = () => undefined;
  const jobs = new Jobs<StageResult>((uid) => wake(uid));
  const setbacks = new Setbacks();
  const logs = new Map<string, BuildLog>();

  const whileIn: Record<BuildState, (pass: Pass<Build>) => Promise<Outcome>> = {
    async Pending(pass) {
      const trouble = builderTrouble(pass.resource, read);
      if (trouble) return waiting(trouble.reason, trouble.message, 30_000);
      return waiting('Queued', 'Waiting for a builder with a free place.', 30_000);
    },
    Fetching: work,
    Detecting: work,
    Building: work,
    Exporting: work,
    async Publishing(pass) {
      const { artifact } = pass.status;
      if (!artifact) return waiting('Publishing', 'Waiting for the archive.', WATCH_MS);
      if (!(await deps.artifacts.has(artifact.digest))) {
        const failure = 'The archive was removed while it was being placed. Roll the service to build it anew.';
        pass.status = { ...pass.status, failure, failureReason: 'ArtifactMissing' };
        return waiting('ArtifactMissing', failure, 0);
      }
      const targets = publishTargets(read.list(ProxmoxCluster), deps.clusters, pass.resource.spec.region);
      const { placements, complete } = placeEverywhere(targets, artifact, deps);
      pass.status = { ...pass.status, placements, published: complete };
      const checkMs = complete ? 0 : PLACING_WATCH_MS;
      return waiting('Publishing', 'The archive is being placed on the template storages.', checkMs);
    },
    async Succeeded(pass) {
      await tidy(pass.resource);
      return settled();
    },
    async Failed(pass) {
      await tidy(pass.resource);
      return stalled(
        pass.status.failureReason ?? 'DeadlineExceeded',
        pass.status.failure ?? 'The build did not end within spec.deadline.',
      );
    },
    async Cancelled(pass) {
      await tidy(pass.resource);
      return settled();
    },
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
      // A place came free: for the oldest that waits, and one more should that one go elsewhere.
      watching(Build, (other, cache, previous) =>
        isOver(other.status.phase) && previous && !isOver(previous.status.phase) ? nextInLine(cache, 2) : [],
      ),
    ],

    attach(wakeKey, signal) {
      wake = (uid) => {
        const build = read.list(Build).find(({ metadata }) => metadata.uid === uid);
        if (build) wakeKey(build.metadata);
      };
      deps.placed.subscribe(() => {
        for (const { metadata, status } of read.list(Build)) if (status.phase === 'Publishing') wakeKey(metadata);
      }, signal);
      signal.addEventListener('abort', () => jobs.abortAll(), { once: true });
    },

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const now = pass.now.getTime();
      const deadlineMs = durationMs(spec.deadline);
      const within = await collect(pass);
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
        if (state === 'Failed' || state === 'Cancelled') jobs.abort(metadata.uid);
        if (state === 'Failed')
          pass.event(
            'Warning',
            pass.status.failureReason ?? 'DeadlineExceeded',
            pass.status.failure ?? 'The build took too long.',
          );
        if (state === 'Succeeded') pass.event('Normal', 'BuildSucceeded', 'The archive is built and kept.');
        if (state in stageWork || state === 'Publishing') await pass.checkpoint();
      }
      const outcome = await whileIn[state](pass);
      if (outcome.type === 'waiting' && isTroubling(outcome.reason))
        pass.status.conditions = tellInReady(pass.status.conditions, outcome, { ...metadata, now: pass.now });
      return outcome;
    },

    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      jobs.abort(uid);
      if (jobs.isEnding(uid)) return waiting('Deleting', 'The work under way is being stopped.');
      const { artifact } = pass.status;
      if (artifact && !recordedDigests(read, uid).has(artifact.digest)) {
        if (usedDigests(read).has(artifact.digest))
          return waiting('WaitingForChildren', 'Guests made from the archive still exist.');
        const removal = await removeArtifact(artifact.digest, { ...deps, read }, pass.signal);
        if (removal === 'going')
          return waiting('Deleting', 'The archive is being removed from the template storages.', 500);
      }
      const docker = deps.builders.get(pass.status.builder ?? '');
      if (docker && pass.resource.spec.source.type !== 'image')
        await docker.remove(imageTag(pass.resource), pass.signal);
      await tidy(pass.resource);
      await deps.logs.remove(`build/${uid}`);
      return settled();
    },
  };

  /** Takes what the stage's work came to into the status; answers how far running work is, in per cent. */
  async function collect(pass: Pass<Build>): Promise<number> {
    const { uid } = pass.resource.metadata;
    const job = jobs.look(uid, pass.status.machine?.state ?? '');
    if (!job) return 0;
    if (job.state === 'running') return job.progress;
    await logs.get(uid)?.flush();
    jobs.forget(uid);
    if (job.state === 'done') {
      setbacks.clear(uid);
      pass.status = { ...pass.status, ...job.result };
      return 0;
    }
    const { verdict, reason, message } = verdictOn(job.error);
    if (reason === 'InternalError') pass.log.error({ err: job.error }, 'A bug: a stage of a build failed.');
    logOf(pass.resource).write(message, 'system');
    if (verdict === 'again') setbacks.note(uid, { reason, message }, pass.now);
    else pass.status = { ...pass.status, failure: message, failureReason: reason };
    return 0;
  }

  async function factsOf(pass: Pass<Build>): Promise<BuildFacts> {
    const { spec } = pass.resource;
    const { status } = pass;
    if (status.phase === undefined || status.phase === 'Pending') admit(pass);
    return {
      cancelled: spec.cancelled,
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

  /** Starts the work of the present state unless it is under way. */
  async function work(pass: Pass<Build>): Promise<Outcome> {
    const { metadata, spec } = pass.resource;
    const state = pass.status.machine?.state ?? '';
    if (!(await keepBuilder(pass))) {
      const trouble = builderTrouble(pass.resource, read);
      return waiting(trouble?.reason ?? 'Queued', trouble?.message ?? 'Waiting for another builder.', 15_000);
    }
    const setback = setbacks.last(metadata.uid);
    const restMs = setbacks.restMs(metadata.uid, pass.now);
    if (setback && restMs > 0) return waiting(setback.reason, setback.message, restMs);
    const stage = Object.entries(stageWork).find(([name]) => name === state)?.[1];
    const { builder } = pass.status;
    const docker = deps.builders.get(builder ?? '');
    const platform = read.get(Builder, { name: builder ?? '' })?.spec.platform;
    if (!docker || !platform || !stage)
      return waiting('BuilderUnreachable', `Waiting for the Builder ${builder} to be connected.`);
    if (!jobs.look(metadata.uid, state)) {
      const secret = spec.source.secretRef
        ? deps.readSecret(metadata.namespace ?? '', spec.source.secretRef.name)
        : { ok: true as const, values: {} };
      if (!secret.ok) return stalled('SecretNotFound', secret.message, 30_000);
      const { build, status, log } = { build: pass.resource, status: pass.status, log: logOf(pass.resource) };
      jobs.start(metadata.uid, state, (signal, progress) =>
        stage({ ...deps, docker, platform }, { build, status, secret: secret.values, log, progress, signal }),
      );
    }
    // While a repeated try runs, what the one before came to is still the news.
    return setback
      ? waiting(setback.reason, setback.message)
      : waiting('InProgress', `The build is ${state}.`, WATCH_MS);
  }

  function admit(pass: Pass<Build>): void {
    const builder = pass.status.builder ?? chooseBuilder(pass.resource, read);
    if (builder !== undefined) pass.status.builder = builder;
  }

  /** A builder that was removed gives its builds to another; what was built there is built again. False when there is none. */
  async function keepBuilder(pass: Pass<Build>): Promise<boolean> {
    const { builder } = pass.status;
    if (builder !== undefined && read.get(Builder, { name: builder })) return true;
    jobs.abort(pass.resource.metadata.uid);
    delete pass.status.builder;
    admit(pass);
    if (pass.status.builder !== builder) await pass.checkpoint();
    return pass.status.builder !== undefined;
  }

  function logOf(build: Build): BuildLog {
    const { uid } = build.metadata;
    const log = logs.get(uid) ?? new BuildLog(deps.logs, uid, deps.clock);
    logs.set(uid, log);
    return log;
  }

  async function tidy(build: Build): Promise<void> {
    await logs.get(build.metadata.uid)?.flush();
    logs.delete(build.metadata.uid);
    jobs.forget(build.metadata.uid);
    setbacks.clear(build.metadata.uid);
    await rm(workFolder(deps.artifacts, build), { recursive: true, force: true });
  }
}
