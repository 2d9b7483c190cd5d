import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import { conditionIs, findCondition } from '../../crds/condition.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import type { Trouble } from '../shared/trouble.ts';

/** Builds that were let in and whose status may not show it yet: the builder of each, by the uid of the build. */
export type LetIn = ReadonlyMap<string, string>;

/**
 * A ready builder with a free place for the build, if there is one and nobody waits for it longer. Of one service one build
 * runs at a time. Pure but for the cache.
 */
export function chooseBuilder(build: Build, read: ResourceReader, letIn: LetIn): string | undefined {
  const others = read.list(Build).filter(({ metadata }) => metadata.uid !== build.metadata.uid);
  const running = others.filter((other) => builderOf(other, letIn) !== undefined && !isOver(other.status.phase));
  if (running.some((other) => isSameService(other, build))) return undefined;
  const waiting = others.filter((other) => isWaiting(other) && !running.includes(other));
  const ahead = waiting.filter(
    (other) => compare(other, build) < 0 && !running.some((one) => isSameService(one, other)),
  );
  const free = suitable(build, read)
    .filter(isReady)
    .find(({ metadata: { name }, spec }) => {
      const taken = running.filter((other) => builderOf(other, letIn) === name).length;
      return taken + ahead.filter((other) => (other.spec.builder ?? name) === name).length < spec.concurrency;
    });
  return free?.metadata.name;
}

/** The newest build of the same service that waits too: once there is one, nobody needs this one any more. */
export function supersededBy(build: Build, read: ResourceReader): Build | undefined {
  return read
    .list(Build, build.metadata.namespace)
    .filter((other) => isSameService(other, build) && isWaiting(other) && compare(other, build) > 0)
    .toSorted(compare)
    .at(-1);
}

/** Builds of the same service that wait although a newer one is there: they are to hear of it. */
export function olderInLine(build: Build, read: ResourceReader): ObjectKey[] {
  return read
    .list(Build, build.metadata.namespace)
    .filter((other) => isSameService(other, build) && isWaiting(other) && compare(other, build) < 0)
    .map(({ metadata }) => metadata);
}

/** Why no builder takes the build, when none could; undefined while it only waits for a free place. */
export function builderTrouble(build: Build, read: ResourceReader): Trouble | undefined {
  const builders = suitable(build, read);
  if (builders.some(isReady)) return undefined;
  const [first] = builders;
  if (first) {
    const why = findCondition(first.status.conditions, 'Ready')?.message ?? 'It is being connected.';
    return { reason: 'NoBuilder', message: `No Builder is ready. Builder ${first.metadata.name}: ${why}` };
  }
  const { builder } = build.spec;
  const message =
    builder === undefined
      ? 'There is no Builder. Create one that names a Docker engine in spec.endpoint.'
      : `There is no Builder "${builder}". Create it, or correct spec.builder.`;
  return { reason: 'NoBuilder', message };
}

/** The builds that wait the longest for a builder, one of each service. */
export function nextInLine(read: ResourceReader, count: number): ObjectKey[] {
  const line = read.list(Build).filter(isWaiting).toSorted(compare);
  const next: ObjectKey[] = [];
  // Only of those in front it matters whether a newer one takes their place, which is a look at all builds each time.
  for (const build of line) {
    if (next.length >= count) break;
    if (!supersededBy(build, read)) next.push(build.metadata);
  }
  return next;
}

/** Whether a build in this phase ended, well or badly. */
export function isOver(phase: Build['status']['phase']): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}

function isWaiting({ metadata, spec, status }: Build): boolean {
  const isPending = status.phase === undefined || status.phase === 'Pending';
  return isPending && status.builder === undefined && !spec.cancelled && metadata.deletionTimestamp === undefined;
}

const byNumber = new Intl.Collator('en', { numeric: true });

/** The order in which they were asked for; those of one moment by the number in their names. */
function compare({ metadata: a }: Build, { metadata: b }: Build): number {
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp < b.creationTimestamp ? -1 : 1;
  return byNumber.compare(a.name, b.name);
}

function isSameService(a: Build, b: Build): boolean {
  const isSame = a.spec.service !== undefined && a.spec.service === b.spec.service;
  return isSame && a.metadata.namespace === b.metadata.namespace && a.metadata.uid !== b.metadata.uid;
}

function builderOf({ metadata, status }: Build, letIn: LetIn): string | undefined {
  return status.builder ?? letIn.get(metadata.uid);
}

function suitable({ spec }: Build, read: ResourceReader): Builder[] {
  return read
    .list(Builder)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(({ metadata }) => (spec.builder ?? metadata.name) === metadata.name);
}

function isReady({ status }: Builder): boolean {
  return conditionIs(status.conditions, 'Ready', 'True');
}
