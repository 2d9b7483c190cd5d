import type { Resource } from '../../crds/define-kind.ts';
import { SYSTEM_NAMESPACE } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { retry, settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import {
  watching,
  type Pass,
  type Reconciler,
  type ResourceReader,
  type ResourceWriter,
} from '../../controller/reconciler.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import { applyContent, type Applied } from './apply-content.ts';
import { healthOf, type Health } from './health.ts';
import { recordedText } from './inventory.ts';
import type { SourceContent } from './look-at-source.ts';
import { managerOf, syncedKinds } from './place.ts';
import { planPrune, type PrunePlan } from './plan-prune.ts';
import { releaseFields } from './release-fields.ts';
import { reportSync, type Findings, type Obstacle } from './report.ts';
import { listed, type SourceProblem } from './source-problem.ts';
import { intervalOf, SourceWatch, type SourceWatchDeps } from './source-watch.ts';
import { syncsOf } from './syncs-of.ts';

export interface RepoSyncDeps extends SourceWatchDeps {
  read: ResourceReader;
  /** Writes on behalf of a manager. */
  writeAs: (manager: string) => ResourceWriter;
  box: SecretBox;
}

const WATCH_MS = 5_000;
const MOVED_MS = 200;
const EVENT_NAMES = 5;

/** Follows a repository: what it states is applied, and what it no longer states goes, if that is wanted and safe. */
export function repoSyncReconciler(deps: RepoSyncDeps): Reconciler<RepoSync> {
  const { read } = deps;
  let wake: (uid: string) => void = () => undefined;
  const source = new SourceWatch(deps, (uid) => wake(uid));

  return {
    kind: RepoSync,
    // Each look is at all objects, and what has come of them is one status.
    gathers: { forMs: 1_000 },
    watches: syncedKinds.map((kind) => watching(kind, (object, _, previous) => syncsOf(object, previous))),

    attach(wakeKey, signal) {
      wake = (uid) => {
        const sync = read.list(RepoSync).find(({ metadata }) => metadata.uid === uid);
        if (sync) wakeKey(sync.metadata);
      };
      signal.addEventListener('abort', () => source.close(), { once: true });
    },

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      if (spec.suspend) {
        source.forget(metadata.uid);
        report(pass, { state: 'suspended' });
        return settled();
      }
      const { namespace = '' } = metadata;
      if (namespace !== SYSTEM_NAMESPACE && !isOpen(namespace))
        return stalled('Deleting', `The project "${namespace}" is being deleted; nothing is applied in it.`);
      const memory = source.look(pass);
      if (memory.problem) return withoutSource(pass, memory.problem);
      if (!memory.content) return waiting('Fetching', 'The repository is being read.', WATCH_MS);
      return synchronise(pass, memory.content, memory.steady);
    },

    /** What was applied stays, and belongs to nobody: to delete a RepoSync is no way to say that everything should go. */
    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      source.forget(uid);
      if (source.isEnding(uid)) return waiting('Deleting', 'The read of the repository is being stopped.', 500);
      const held = await releaseFields(pass, { read, write: deps.writeAs(managerOf(pass.resource)) });
      return held === 0 ? settled() : waiting('Deleting', 'The fields that it applied are being released.', MOVED_MS);
    },
  };

  function isOpen(project: string): boolean {
    const found = read.get(Project, { name: project });
    return found !== undefined && found.metadata.deletionTimestamp === undefined;
  }

  function withoutSource(pass: Pass<RepoSync>, problem: SourceProblem): Outcome {
    report(pass, { state: 'noSource', problem });
    const intervalMs = intervalOf(pass.resource);
    return problem.reason === 'SourceUnavailable'
      ? retry(problem.reason, problem.message, intervalMs)
      : stalled(problem.reason, problem.message, intervalMs);
  }

  async function synchronise(
    pass: Pass<RepoSync>,
    content: SourceContent,
    steady: Map<string, Resource>,
  ): Promise<Outcome> {
    const { commit, entries } = content;
    const homeless = homelessEntries(content);
    const write = deps.writeAs(managerOf(pass.resource));
    const applied: Applied =
      homeless.length > 0
        ? { obstacles: homeless, made: [], changed: [], healed: [], moved: false }
        : await applyContent(pass, content, { read, write, box: deps.box, steady });
    const isApplied = applied.obstacles.length === 0 && !applied.moved;
    const prune = isApplied ? await pruneObjects(pass, content, write) : undefined;
    tell(pass, content, applied);
    if (applied.made.length + applied.changed.length > 0) pass.status.appliedAt = pass.now.toISOString();
    if (isApplied) pass.status.revision = commit;
    pass.status.objects = entries.length;
    const objects = entries.flatMap(({ kind, namespace, name }) => read.get(kind, { namespace, name }) ?? []);
    const health = healthOf(objects);
    report(pass, { state: 'read', commit, objects: entries.length, obstacles: applied.obstacles, prune, health });
    if (applied.moved) return waiting('WorldMoved', 'Somebody else wrote at the same time; looking again.', MOVED_MS);
    return outcomeOf(pass, applied.obstacles, health);
  }

  /** Objects whose project is not there and is not made by the repository itself. */
  function homelessEntries({ entries }: SourceContent): Obstacle[] {
    const made = new Set(entries.filter(({ kind }) => kind.kind === Project.kind).map(({ name }) => name));
    const isHome = (namespace: string): boolean =>
      namespace === SYSTEM_NAMESPACE || made.has(namespace) || isOpen(namespace);
    return entries
      .filter(({ namespace }) => namespace !== undefined && !isHome(namespace))
      .map(({ text, namespace }) => ({
        reason: 'ManifestInvalid',
        message: `${text}: there is no project "${namespace}"`,
      }));
  }

  async function pruneObjects(
    pass: Pass<RepoSync>,
    { commit, entries }: SourceContent,
    write: ResourceWriter,
  ): Promise<PrunePlan> {
    const plan = planPrune({
      sync: pass.resource,
      commit,
      manager: managerOf(pass.resource),
      inventory: pass.status.inventory,
      stated: new Set(entries.map(({ text }) => text)),
      find({ kind: name, namespace, name: object }) {
        const kind = syncedKinds.find((candidate) => candidate.kind === name);
        return kind && read.get(kind, { namespace, name: object });
      },
      orderOf: (name) => syncedKinds.findIndex(({ kind }) => kind === name),
    });
    const forgotten = new Set(plan.forgotten.map(recordedText));
    if (pass.resource.spec.prune && plan.held === undefined) {
      for (const object of plan.gone) {
        pass.signal.throwIfAborted();
        const kind = syncedKinds.find((candidate) => candidate.kind === object.kind);
        if (kind) await write.delete(kind, object);
        forgotten.add(recordedText({ kind: object.kind, ...object.metadata }));
      }
      if (plan.gone.length > 0)
        pass.event(
          'Normal',
          'Pruned',
          `No longer in the repository, and deleted: ${listed(
            plan.gone.map(({ kind, metadata }) => recordedText({ kind, ...metadata })),
            EVENT_NAMES,
          )}.`,
        );
    }
    if (forgotten.size > 0)
      pass.status.inventory = pass.status.inventory.filter((recorded) => !forgotten.has(recordedText(recorded)));
    return plan;
  }

  function report(pass: Pass<RepoSync>, findings: Findings): void {
    pass.status.conditions = reportSync(pass.resource, pass.status.conditions, findings, pass.now);
  }

  function outcomeOf({ resource }: Pass<RepoSync>, [obstacle]: readonly Obstacle[], health: Health): Outcome {
    const intervalMs = intervalOf(resource);
    if (obstacle?.reason === 'InProgress') return waiting('InProgress', 'Objects are being written.', 1);
    if (obstacle?.reason === 'Deleting') return waiting('Deleting', `${obstacle.message}.`, WATCH_MS);
    if (obstacle) return stalled(obstacle.reason, `${obstacle.message}.`, intervalMs);
    if (health.state === 'stalled') return stalled('ObjectStalled', health.message, intervalMs);
    if (health.state === 'progressing') return waiting('ObjectsNotReady', health.message, intervalMs);
    return settled(intervalMs);
  }
}

/** Tells people what was written, and what was put back. */
function tell(pass: Pass<RepoSync>, { commit, message }: SourceContent, { made, changed, healed }: Applied): void {
  if (made.length + changed.length === 0) return;
  const what = `${made.length} made, ${changed.length} changed (${listed([...made, ...changed], EVENT_NAMES)})`;
  if (pass.status.revision !== commit)
    pass.event('Normal', 'RevisionApplied', `Commit ${commit} "${message}": ${what}.`);
  else
    pass.event(
      'Normal',
      'DriftCorrected',
      `Put back as commit ${commit} says: ${healed.length > 0 ? listed(healed, EVENT_NAMES) : what}.`,
    );
}
