import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import { conditionIs, findCondition } from '../../crds/condition.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import type { Trouble } from '../shared/trouble.ts';

/** A ready builder with a free place for the build, if there is one. Pure but for the cache. */
export function chooseBuilder(build: Build, read: ResourceReader): string | undefined {
  const others = read.list(Build).filter(({ metadata }) => metadata.uid !== build.metadata.uid);
  const ready = suitable(build, read).filter(isReady);
  const free = ready.find(
    ({ metadata, spec }) =>
      others.filter((other) => other.status.builder === metadata.name && !isOver(other.status.phase)).length <
      spec.concurrency,
  );
  return free?.metadata.name;
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

/** The builds that wait the longest for a builder. */
export function nextInLine(cache: ResourceReader, count: number): ObjectKey[] {
  return cache
    .list(Build)
    .filter(({ status }) => status.phase === undefined || status.phase === 'Pending')
    .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))
    .slice(0, count)
    .map(({ metadata }) => metadata);
}

/** Whether a build in this phase ended, well or badly. */
export function isOver(phase: Build['status']['phase']): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
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
