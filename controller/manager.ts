import type { Logger } from 'pino';
import type { Kind, Resource } from '../crds/define-kind.ts';
import type { Clock } from './clock.ts';
import type { Controller } from './controller.ts';
import { EventRecorder } from './event-recorder.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { Leadership, type LeaseTiming } from './leadership.ts';
import { assembleLoops, type Loops, type MakeReconcilers } from './loops.ts';
import { maintenanceTasks } from './maintenance.ts';
import type { Metrics } from './metrics.ts';
import { observeOnlyFault, type Observing } from './observe-only.ts';
import { runPeriodically, type PeriodicTask } from './periodic.ts';
import type { ResourceReader } from './reconciler.ts';
import { aborted, within } from './sleep.ts';
import type { LeaseStore } from './store/lease-store.ts';
import type { ObjectKey, ResourceStore } from './store/store.ts';

export interface ManagerOptions {
  store: ResourceStore;
  leaseStore: LeaseStore;
  /** Called once, at once. */
  reconcilers: MakeReconcilers;
  /** Kinds that loops read besides those that wake them. */
  alsoRead?: readonly Kind[];
  clock: Clock;
  log: Logger;
  metrics?: Metrics;
  /**
   * Of this process. The same as that of a process before it only where the two can never run at once; then the lease is
   * taken over without waiting for it to run out.
   */
  identity: string;
  lease?: LeaseTiming;
  redact?: (text: string) => string;
  /** What else the leader does now and then. */
  tasks?: readonly PeriodicTask[];
  /** How long passes may go on after `stop`, before they are told to leave everything as it is. */
  graceMs?: number;
  /** Whether everything is to be looked at only, and nothing changed; not. */
  observing?: Observing;
  passDeadlineMs?: number;
  /** Between 0 and 1; spreads retries and rechecks. */
  random?: () => number;
}

/** Everything that reconciles in this process. */
export interface Manager {
  /** The cache of all kinds that loops follow. */
  readonly read: ResourceReader;
  /** An object of whatever kind, if it is in that cache; possibly a moment old. */
  known(kind: string, key: ObjectKey): Resource | undefined;
  /** Begins to follow the store and to stand for election. Call it once. */
  start(): void;
  /** Lets passes under way end or tells them to, gives the lease back, and resolves when nothing runs any more, or nothing that would end. */
  stop(): Promise<void>;
  /** The cache has everything once. */
  hasSynced(): boolean;
  isLeader(): boolean;
  /** Throws Fenced unless this process leads, ObserveOnly while nothing may be changed: asked before each call that changes something outside. */
  guard(): void;
  /** Looks at every object again, as when it may be changed from now on. */
  lookAgain(): void;
}

const DEFAULT_LEASE: LeaseTiming = { durationMs: 15_000, renewEveryMs: 5_000 };
const DEFAULT_GRACE_MS = 20_000;
/** How long passes get to end after they were told to. */
const ABORT_MS = 5_000;

/** Puts a process together: warm caches at all times, loops only while it leads. */
export function createManager(options: ManagerOptions): Manager {
  const {
    store,
    leaseStore,
    identity,
    clock,
    log,
    metrics,
    observing = () => undefined,
    lease = DEFAULT_LEASE,
    graceMs = DEFAULT_GRACE_MS,
  } = options;
  const leadership = new Leadership({
    leaseStore,
    identity,
    clock,
    log,
    timing: lease,
    onChange: (leads) => metrics?.setLeader(leads),
  });
  const fence = () => leadership.fence();
  const redact = options.redact ?? ((text: string) => text);
  const recorder = new EventRecorder({ store, clock, log, fence, redact });
  const demandActing = () => {
    const observeOnly = observing();
    if (observeOnly) throw observeOnlyFault(observeOnly);
  };
  const garbage = new GarbageCollector({
    store,
    log,
    fence() {
      demandActing();
      return fence();
    },
  });
  const loops: Loops = assembleLoops({
    store,
    writes: store,
    reconcilers: options.reconcilers,
    alsoRead: options.alsoRead ?? [],
    clock,
    log,
    recordEvent: (...happened) => recorder.record(...happened),
    guard: () => leadership.guard(),
    observing,
    fence,
    redact,
    ...(options.random && { random: options.random }),
    ...(options.passDeadlineMs !== undefined && { passDeadlineMs: options.passDeadlineMs }),
    ...(metrics && { metricsFor: (kind) => metrics.forController(kind) }),
  });
  const tasks = [...maintenanceTasks({ store, garbage, clock, fence }), ...(options.tasks ?? [])].map((task) => ({
    ...task,
    // Each of them removes something.
    run: async (signal: AbortSignal) => {
      if (!observing()) await task.run(signal);
    },
  }));
  const stopping = new AbortController();
  const ended = new AbortController();
  const hasSynced = () => loops.cache.informers.every((informer) => informer.hasSynced);
  let running: Promise<unknown> = Promise.resolve();
  let leading: readonly Controller<Resource>[] = [];

  /** One time of leading: until the lease is lost or the process stops. */
  async function lead(lost: AbortSignal): Promise<void> {
    const over = AbortSignal.any([lost, stopping.signal]);
    await Promise.race([Promise.all(loops.cache.informers.map((informer) => informer.synced)), aborted(over)]);
    if (over.aborted) return;
    const controllers = loops.createControllers();
    leading = controllers;
    const unfollow = garbage.follow(loops.cache);
    startAll(controllers);
    const working = Promise.all(controllers.map((controller) => controller.work()));
    const housekeeping = Promise.all(tasks.map((task) => runPeriodically(task, { clock, log, signal: over })));
    await aborted(over);
    unfollow();
    leading = [];
    await end(controllers, working, lost);
    await within(clock, ABORT_MS, Promise.all([housekeeping, recorder.flushed()]), lost);
  }

  function startAll(controllers: Controller<Resource>[]): void {
    try {
      for (const controller of controllers) controller.start();
    } catch (error) {
      for (const controller of controllers) controller.abort();
      throw error;
    }
  }

  async function end(controllers: Controller<Resource>[], working: Promise<unknown>, lost: AbortSignal): Promise<void> {
    for (const controller of controllers) controller.stopIntake();
    await within(clock, graceMs, working, lost);
    for (const controller of controllers) controller.abort();
    // Who lost the lease does not lead again before its old passes have ended; who stops does not wait for them for ever.
    await (lost.aborted ? working : within(clock, ABORT_MS, working));
  }

  return {
    read: loops.cache,
    known: (kind, key) => loops.cache.known(kind, key),

    start() {
      const following = loops.cache.informers.map((informer) => informer.run(ended.signal));
      running = Promise.all([...following, leadership.run(stopping.signal, lead).finally(() => ended.abort())]);
    },

    async stop() {
      stopping.abort();
      // A store that does not answer any more must not hold the process.
      await within(clock, graceMs + 3 * ABORT_MS, running);
      ended.abort();
    },

    hasSynced,
    isLeader: () => leadership.isLeader(),
    guard() {
      leadership.guard();
      demandActing();
    },
    lookAgain() {
      for (const controller of leading) controller.lookAgain();
    },
  };
}
