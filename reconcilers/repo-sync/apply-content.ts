import PQueue from 'p-queue';
import type { Resource } from '../../crds/define-kind.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { isFault } from '../../controller/errors.ts';
import type { Pass, ResourceReader, ResourceWriter } from '../../controller/reconciler.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import { isRecordedObject, recordedText, withRecorded, type Recorded } from './inventory.ts';
import type { SourceContent } from './look-at-source.ts';
import type { Entry } from './manifests.ts';
import { managerOf } from './place.ts';
import { planEntry, sameIntent, type Step } from './plan.ts';
import type { Obstacle } from './report.ts';

/** What an apply came to. */
export interface Applied {
  obstacles: Obstacle[];
  made: string[];
  changed: string[];
  /** Fields that somebody had changed by hand, with their object. */
  healed: string[];
  /** Somebody else was faster; it is to be looked at again at once. */
  moved: boolean;
}

interface ApplyDeps {
  read: ResourceReader;
  write: ResourceWriter;
  box: SecretBox;
  /** How each object of the content was when it was last seen to be as stated, by its text. */
  steady: Map<string, Resource>;
}

/** So many writes in a pass: others want to write too. */
const MOST_WRITES = 500;
/** Most of the time of a write is waiting. */
const AT_ONCE = 8;

/**
 * Brings every object to what the repository says, in the order of kinds. What is about to be made is recorded first, so that no
 * crash leaves an object that a later prune does not know.
 */
export async function applyContent(pass: Pass<RepoSync>, content: SourceContent, deps: ApplyDeps): Promise<Applied> {
  const applied: Applied = { obstacles: [], made: [], changed: [], healed: [], moved: false };
  const planned = planAll(pass, content, deps);
  const refused = planned.flatMap(({ step }) => (step.do === 'refuse' ? [step.message] : []));
  if (refused.length > 0)
    return { ...applied, obstacles: refused.map((message) => ({ reason: 'ManifestInvalid', message })) };

  await recordIntent(pass, planned);
  const done: Recorded[] = [];
  const writes: { entry: Entry; step: Write }[] = [];
  for (const { entry, step } of planned) {
    if (step.do === 'leave') applied.obstacles.push({ reason: step.reason, message: step.message });
    else if (step.do === 'nothing') note(entry, step.existing);
    else if (step.do !== 'refuse') writes.push({ entry, step });
  }
  const now = writes.slice(0, MOST_WRITES);
  // What others stand in or refer to comes first; objects of one kind do not wait for each other.
  for (const kind of new Set(now.map(({ entry }) => entry.kind)))
    await eachAtOnce(
      AT_ONCE,
      now.filter(({ entry }) => entry.kind === kind),
      async ({ entry, step }) => {
        pass.signal.throwIfAborted();
        await carryOut(entry, step);
      },
    );
  pass.status.inventory = withRecorded(pass.status.inventory, done);
  const left = writes.length - now.length;
  if (left > 0) applied.obstacles.push({ reason: 'InProgress', message: `${left} objects are still to be written` });
  return applied;

  async function carryOut(entry: Entry, step: Write): Promise<void> {
    const { kind, text } = entry;
    try {
      const written =
        step.do === 'create'
          ? await deps.write.create(kind, step.manifest)
          : await deps.write.update(kind, step.object);
      note(entry, written);
      (step.do === 'create' ? applied.made : applied.changed).push(text);
      if (step.do === 'update') applied.healed.push(...step.healed.map((field) => `${text} ${field}`));
    } catch (error) {
      if (isFault(error, 'Conflict', 'AlreadyExists', 'NotFound')) applied.moved = true;
      else if (isFault(error, 'Invalid', 'Denied', 'Exhausted'))
        applied.obstacles.push({ reason: 'ApplyFailed', message: `${text}: ${error.message.replace(/\.$/, '')}` });
      else throw error;
    }
  }

  function note({ kind, namespace, name, text }: Entry, object: Resource): void {
    const { uid } = object.metadata;
    done.push({ kind: kind.kind, ...(namespace !== undefined && { namespace }), name, uid });
    deps.steady.set(text, object);
  }
}

type Write = Extract<Step, { do: 'create' | 'update' }>;

interface Planned {
  entry: Entry;
  step: Step;
}

function planAll(pass: Pass<RepoSync>, { entries }: SourceContent, { read, box, steady }: ApplyDeps): Planned[] {
  const manager = managerOf(pass.resource);
  const inventory = new Map(pass.status.inventory.map((recorded) => [recordedText(recorded), recorded]));
  return entries.map((entry) => {
    const { kind, namespace, name, text } = entry;
    const existing = read.get(kind, { namespace, name });
    const last = steady.get(text);
    const recorded = inventory.get(text);
    if (existing && last && existing.metadata.deletionTimestamp === undefined && sameIntent(existing, last))
      return { entry, step: { do: 'nothing', existing } };
    const isRecorded =
      recorded !== undefined && existing !== undefined && isRecordedObject(recorded, existing, manager);
    return { entry, step: planEntry({ entry, existing, manager, isRecorded, box, now: pass.now }) };
  });
}

/** Works on so many items at once; the first error ends it, once what was begun has ended. */
async function eachAtOnce<T>(most: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = new PQueue({ concurrency: most });
  const ended = new AbortController();
  const all = items.map((item) => queue.add(() => work(item), { signal: ended.signal }));
  try {
    await Promise.all(all);
  } catch (error) {
    ended.abort();
    await Promise.allSettled(all);
    throw error;
  }
}

/** Writes down what is about to be made, once for all of it. */
async function recordIntent(pass: Pass<RepoSync>, planned: readonly Planned[]): Promise<void> {
  const known = new Set(pass.status.inventory.map(recordedText));
  const intended = planned.flatMap(({ entry: { kind, namespace, name, text }, step }): Recorded[] => {
    if (known.has(text) || (step.do !== 'create' && step.do !== 'update')) return [];
    const uid = step.do === 'update' ? step.object.metadata.uid : '';
    return [{ kind: kind.kind, ...(namespace !== undefined && { namespace }), name, uid }];
  });
  if (intended.length === 0) return;
  pass.status.inventory = withRecorded(pass.status.inventory, intended);
  await pass.checkpoint();
}
