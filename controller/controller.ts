import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Resource } from '../crds/define-kind.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { Fault, isFault } from './errors.ts';
import { formatKey, keyOf } from './object-key.ts';
import type { Observing } from './observe-only.ts';
import type { Outcome } from './outcome.ts';
import { RunningPass, type RecordEvent } from './pass.ts';
import { isStopped, QUIET_CONFLICTS, runPass, stopReason, type PassEnd } from './pass-runner.ts';
import { WorkQueue, type QueueMetrics } from './queue.ts';
import type { Reconciler } from './reconciler.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { LoopWriter } from './resources.ts';
import { within } from './sleep.ts';
import type { ObjectKey } from './store/store.ts';
import { followWakes } from './wakes.ts';

const DEFAULT_WORKERS = 8;
const PASS_DEADLINE_MS = 60_000;
/** How long a pass may take to end once it was told to, before it is given up for lost. */
const ABANDON_AFTER_MS = 10_000;
/** A pass that takes longer waits for something outside; meanwhile its worker makes others, so that it holds up nobody. */
const SLOW_AFTER_MS = 1_000;
/** Passes under way, slow ones included, for each worker. */
const PASSES_PER_WORKER = 5;
/** When something moves under an object that keeps failing, it is looked at again after this share of its rest. */
const WOKEN_REST_SHARE = 1 / 8;
const WOKEN_REST_MS = 1_000;
/** A stale read is looked at again after this share of the rest: what is new is here in a moment. */
const STALE_REST_SHARE = 1 / 20;
/** While nothing may be changed, what waits waits for a person. */
const OBSERVING_MS = 30_000;
/** Rechecks are put off by up to this share of their time, so that what was settled together is not checked together. */
const RECHECK_SPREAD = 0.1;

/** What a controller reports of itself; durations in milliseconds. `outcome` is undefined when the object was gone. */
export interface ControllerMetrics {
  readonly queue: QueueMetrics;
  passed(outcome: Outcome | undefined, tookMs: number): void;
  workers(active: number): void;
}

export interface ControllerOptions<R extends Resource> {
  reconciler: Reconciler<R>;
  cache: ResourceCache;
  writer: LoopWriter;
  clock: Clock;
  log: Logger;
  recordEvent: RecordEvent;
  redact?: (text: string) => string;
  observing?: Observing;
  metrics?: ControllerMetrics;
  random?: () => number;
  /** After this long a pass is told to stop. */
  passDeadlineMs?: number;
  /** Told of every pass that has ended. */
  onPass?: (kind: string, key: ObjectKey, outcome: Outcome | undefined) => void;
}

/** Runs one loop: what concerns an object puts its key into the queue, a worker makes a pass, its outcome says when to come back. */
export class Controller<R extends Resource> {
  readonly #options: ControllerOptions<R>;
  readonly #log: Logger;
  readonly #queue: WorkQueue;
  readonly #random: () => number;
  readonly #failing: Backoff;
  /** For loops that ask to be called again at once although nothing has moved. */
  readonly #idling: Backoff;
  readonly #underWay = new Set<AbortController>();
  readonly #passes = new Set<Promise<void>>();
  #unfollow: (() => void) | undefined;
  readonly #attached = new AbortController();

  constructor(options: ControllerOptions<R>) {
    const { reconciler, clock, log, metrics, random = Math.random } = options;
    const { workers = DEFAULT_WORKERS } = reconciler;
    this.#options = options;
    this.#random = random;
    this.#log = log.child({ kind: reconciler.kind.kind });
    this.#queue = new WorkQueue({
      clock,
      retryLimit: Math.max(1, Math.floor(workers / 2)),
      ...(metrics && { metrics: metrics.queue }),
    });
    this.#failing = new Backoff({ random });
    this.#idling = new Backoff({ random, baseMs: 20, maxMs: 1_500 });
  }

  get kind(): Reconciler<R>['kind'] {
    return this.#options.reconciler.kind;
  }

  /** Begins to follow what concerns the loop and puts all its objects into the queue. Informers must have synced. */
  start(): void {
    const { reconciler, cache } = this.#options;
    const wakes = {
      changed: (key: ObjectKey) => this.#changed(key),
      woken: (key: ObjectKey) => this.#wake(key),
      gathered: (key: ObjectKey) => this.#wake(key, this.#isGoing(key) ? 0 : reconciler.gathers?.forMs),
      gone: (key: ObjectKey) => this.#forget(key),
    };
    this.#unfollow = followWakes(reconciler, cache, wakes, this.#log);
    for (const object of cache.list(reconciler.kind)) this.#queue.add(keyOf(object), 'resync');
    reconciler.attach?.((key) => this.#wake(key), this.#attached.signal);
  }

  /** Looks at all objects again, those that rest after failures included. */
  lookAgain(): void {
    for (const object of this.#options.cache.list(this.#options.reconciler.kind)) this.#changed(keyOf(object));
  }

  /** Works until `stopIntake`; resolves when the passes under way have ended. */
  async work(): Promise<void> {
    const { workers = DEFAULT_WORKERS } = this.#options.reconciler;
    await Promise.all(Array.from({ length: workers }, () => this.#worker(workers * PASSES_PER_WORKER)));
    await Promise.all(this.#passes);
  }

  /** Makes the next pass that is due, to its end; false when none is. */
  async step(): Promise<boolean> {
    const key = this.#queue.tryTake();
    if (key) await this.#runPass(key);
    return key !== undefined;
  }

  /** No new passes; those under way go on. */
  stopIntake(): void {
    this.#unfollow?.();
    this.#queue.close();
  }

  /** As `stopIntake`, and tells the passes under way to leave everything as it is. */
  abort(): void {
    this.stopIntake();
    this.#attached.abort(stopReason);
    for (const pass of this.#underWay) pass.abort(stopReason);
  }

  async #worker(mostPasses: number): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      const pass = this.#endOf(key, this.#runPass(key)).finally(() => this.#passes.delete(pass));
      this.#passes.add(pass);
      // Retries have a limit of their own in the queue; they cost the others no worker at all.
      if (this.#failing.failures(formatKey(key)) === 0) await within(this.#options.clock, SLOW_AFTER_MS, pass);
      while (this.#passes.size >= mostPasses) await Promise.race(this.#passes);
    }
  }

  /** Resolves when a pass has ended, or is given up for lost. */
  async #endOf(key: ObjectKey, pass: Promise<void>): Promise<void> {
    const { clock, passDeadlineMs = PASS_DEADLINE_MS } = this.#options;
    let hasEnded = false;
    const ended = pass.finally(() => (hasEnded = true));
    await within(clock, passDeadlineMs + ABANDON_AFTER_MS, ended);
    if (hasEnded) return;
    const words =
      'A bug: a pass goes on although it was told to stop. Its object is not looked at again before it ends.';
    this.#log.error({ namespace: key.namespace, name: key.name }, words);
  }

  async #runPass(key: ObjectKey): Promise<void> {
    const { clock, metrics, onPass, passDeadlineMs = PASS_DEADLINE_MS } = this.#options;
    const startMs = clock.monotonicMs();
    const abort = new AbortController();
    this.#underWay.add(abort);
    metrics?.workers(this.#underWay.size);
    const clear = clock.after(passDeadlineMs, () => abort.abort(this.#lateness(passDeadlineMs)));
    try {
      const { end, moved } = await this.#pass(key, abort.signal);
      const { outcome } = end;
      metrics?.passed(outcome, clock.monotonicMs() - startMs);
      this.#planNext(key, end, moved);
      onPass?.(this.kind.kind, key, outcome);
    } catch (error) {
      this.#log.error(
        { err: error, namespace: key.namespace, name: key.name },
        'A bug in the runtime: a pass was lost.',
      );
      this.#queue.addAfter(key, this.#failing.next(formatKey(key)), 'retry');
    } finally {
      clear();
      this.#underWay.delete(abort);
      metrics?.workers(this.#underWay.size);
      this.#queue.done(key);
    }
  }

  async #pass(key: ObjectKey, signal: AbortSignal): Promise<{ end: PassEnd; moved: boolean }> {
    const { reconciler, cache, writer, clock, recordEvent, redact = (text: string) => text } = this.#options;
    const { observing = () => undefined } = this.#options;
    const resource = cache.get<R>(reconciler.kind, key);
    if (!resource) return { end: { outcome: undefined }, moved: true };
    const log = this.#log.child({ namespace: key.namespace, name: key.name, reconcileId: randomUUID() });
    const pass = new RunningPass({
      kind: reconciler.kind,
      resource,
      now: clock.now(),
      signal,
      log,
      writer,
      recordEvent,
      redact,
      observing: reconciler.onlyTells ? () => undefined : observing,
    });
    const end = await runPass(pass, { reconciler, writer, failures: this.#failing.failures(formatKey(key)) });
    this.#report(pass, end);
    return { end, moved: pass.stored !== resource };
  }

  #report({ log, signal }: RunningPass<R>, { outcome, error }: PassEnd): void {
    if (isStopped(signal)) return log.debug('The pass was stopped.');
    if (error === undefined) return log.debug({ outcome: outcome?.type }, 'The pass ended.');
    if (isFault(error, 'Conflict')) return log.debug({ code: error.code, cause: error.message }, 'Looking again.');
    if (isFault(error)) return log.info({ code: error.code, outcome: outcome?.type }, error.message);
    log.error({ err: error }, 'A bug: the loop failed on this object; it is tried again with growing pauses.');
  }

  /** When to look again. What concerns the object brings us back sooner. */
  #planNext(key: ObjectKey, { outcome, error }: PassEnd, moved: boolean): void {
    const text = formatKey(key);
    if (outcome?.type === 'retry') {
      const isStale = isFault(error, 'Conflict') && this.#failing.failures(text) < QUIET_CONFLICTS;
      const restMs = this.#failing.next(text) * (isStale ? STALE_REST_SHARE : 1);
      return this.#queue.addAfter(key, outcome.afterMs ?? restMs, 'retry');
    }
    this.#failing.reset(text);
    if (!outcome) return this.#idling.reset(text);
    if (outcome.type === 'waiting') {
      if (moved) this.#idling.reset(text);
      const leastMs = this.#options.observing?.() ? OBSERVING_MS : moved ? 0 : this.#idling.next(text);
      return this.#queue.addAfter(key, Math.max(outcome.checkAfterMs, leastMs), 'wake');
    }
    this.#idling.reset(text);
    this.#queue.addAfter(key, outcome.recheckAfterMs * (1 + RECHECK_SPREAD * this.#random()), 'resync');
  }

  #changed(key: ObjectKey): void {
    this.#failing.reset(formatKey(key));
    this.#queue.add(key, 'change');
  }

  /** What failed is not called at once: it may itself be what moves the things that wake it. */
  #wake(key: ObjectKey, gatherMs = 0): void {
    const restMs = this.#failing.restMs(formatKey(key));
    if (restMs > 0) this.#queue.addAfter(key, Math.max(restMs * WOKEN_REST_SHARE, WOKEN_REST_MS), 'retry');
    else if (gatherMs > 0) this.#queue.addAfter(key, gatherMs, 'wake');
    else this.#queue.add(key, 'wake');
  }

  #isGoing(key: ObjectKey): boolean {
    return this.#options.cache.get(this.kind, key)?.metadata.deletionTimestamp !== undefined;
  }

  #forget(key: ObjectKey): void {
    const text = formatKey(key);
    this.#failing.reset(text);
    this.#idling.reset(text);
    this.#queue.forget(key);
  }

  #lateness(ms: number): Fault {
    const words = `The pass was stopped after ${Math.round(ms / 1_000)} s; something that it talks to does not answer.`;
    return new Fault('Unavailable', words);
  }
}
