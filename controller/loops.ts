import type { Logger } from 'pino';
import type { Kind, Resource } from '../crds/define-kind.ts';
import type { Clock } from './clock.ts';
import { Controller, type ControllerMetrics } from './controller.ts';
import { Informer } from './informer.ts';
import { observeOnlyFault, type Observing } from './observe-only.ts';
import type { Outcome } from './outcome.ts';
import type { RecordEvent } from './pass.ts';
import type { Reconciler, ResourceReader, Resources, ResourceWriter } from './reconciler.ts';
import { ResourceCache } from './resource-cache.ts';
import { createLoopWriter, type LoopWriter, type WritableStore } from './resources.ts';
import type { ObjectKey, ResourceStore } from './store/store.ts';

/** What the composition root makes loops from. */
export interface LoopTools {
  readonly read: ResourceReader;
  /** Reads from the cache and fenced writes under the name of this kind's loop. */
  resourcesFor(kind: Kind): Resources;
  /** Fenced writes on behalf of one of a loop's objects, which owns the fields, such as `reposync/shop`. */
  writeAs(manager: string): ResourceWriter;
  /** Throws Fenced unless this process leads, ObserveOnly while nothing may be changed: asked by providers before each call that changes something. */
  guard(): void;
}

/** Makes every loop of the process, once. */
export type MakeReconcilers = (tools: LoopTools) => readonly Reconciler<Resource>[];

export interface LoopsOptions {
  /** What informers read from. */
  store: Pick<ResourceStore, 'list' | 'watch'>;
  /** What loops write to. */
  writes: WritableStore;
  reconcilers: MakeReconcilers;
  /** Kinds that loops read besides those that wake them. */
  alsoRead?: readonly Kind[];
  clock: Clock;
  log: Logger;
  recordEvent: RecordEvent;
  guard: () => void;
  /** Whether everything is to be looked at only; not. */
  observing?: Observing;
  /** The leader's token. Throws Fenced when this process does not lead. */
  fence: () => bigint | undefined;
  redact?: (text: string) => string;
  random?: () => number;
  passDeadlineMs?: number;
  /** By the singular name of a loop's kind. */
  metricsFor?: (controller: string) => ControllerMetrics;
  onPass?: (kind: string, key: ObjectKey, outcome: Outcome | undefined) => void;
}

/** The loops of this process and what is known of their kinds. */
export interface Loops {
  readonly cache: ResourceCache;
  readonly reconcilers: readonly Reconciler<Resource>[];
  /** Fresh controllers, with empty queues: one set for each time that this process leads. */
  createControllers(): Controller<Resource>[];
}

/** Puts loops, cache and writers together. Nothing runs yet. */
export function assembleLoops(options: LoopsOptions): Loops {
  const { store, clock, log, alsoRead = [], observing = () => undefined } = options;
  const demandActing = (): void => {
    const observeOnly = observing();
    if (observeOnly) throw observeOnlyFault(observeOnly);
  };
  const guard = (): void => {
    options.guard();
    demandActing();
  };
  const cache = new ResourceCache((kind) => new Informer({ kind, store, clock, log }));
  const writeAs = (manager: string): LoopWriter =>
    createLoopWriter({ store: options.writes, cache, manager, fence: options.fence, guard: demandActing });
  const writerFor = (kind: Kind): LoopWriter => writeAs(`controller/${kind.singular}`);

  const reconcilers = options.reconcilers({
    read: cache,
    resourcesFor: (kind) => ({ read: cache, write: writerFor(kind) }),
    writeAs,
    guard,
  });
  for (const kind of alsoRead) cache.follow(kind);
  for (const { kind, owns = [], watches = [] } of reconcilers) {
    for (const followed of [kind, ...owns, ...watches.map((watched) => watched.kind)]) cache.follow(followed);
  }

  return {
    cache,
    reconcilers,
    createControllers() {
      return reconcilers.map((reconciler) => {
        const { metricsFor, ...shared } = options;
        const metrics = metricsFor?.(reconciler.kind.singular);
        const writer = writerFor(reconciler.kind);
        return new Controller({ ...shared, observing, ...(metrics && { metrics }), reconciler, cache, writer });
      });
    },
  };
}
