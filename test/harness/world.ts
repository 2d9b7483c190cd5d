import { pino } from 'pino';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { Clock } from '../../controller/clock.ts';
import type { Controller } from '../../controller/controller.ts';
import { assembleLoops, type Loops, type LoopTools } from '../../controller/loops.ts';
import { formatKey } from '../../controller/object-key.ts';
import type { Observing } from '../../controller/observe-only.ts';
import type { Outcome } from '../../controller/outcome.ts';
import type { Reconciler } from '../../controller/reconciler.ts';
import type { ObjectKey, ResourceStore } from '../../controller/store/store.ts';
import { Fuse, type CrashPoint } from './crash.ts';
import { settle, type FakeClock } from './fake-clock.ts';

/** What one life of the process is made from. */
export interface ProcessTools extends LoopTools {
  clock: Clock;
  /** Aborts when the process dies: for whatever runs in the background. */
  signal: AbortSignal;
  /** Wraps a fake provider so that its calls count, and end when the process dies. See `Fuse.reach`. */
  reach: Fuse['reach'];
}

export interface WorldOptions {
  /** Outlives the process, as do the fake providers. */
  store: ResourceStore;
  clock: FakeClock;
  /** Called once for each life of the process; everything that lives in its memory is made here. */
  build(tools: ProcessTools): readonly Reconciler<Resource>[];
  alsoRead?: readonly Kind[];
  /** Whether everything is only looked at; not. */
  observing?: Observing;
  /** The first process dies here. */
  crash?: CrashPoint | undefined;
}

export interface QuietOptions {
  /** Ends the run early; asked whenever every loop has had a turn. */
  until?: () => boolean | Promise<boolean>;
  maxPasses?: number;
  maxVirtualMs?: number;
  /** When the store has not changed for this long although some loop still waits, that counts as quiet. */
  unchangedMs?: number;
}

/** What a run came to. */
export interface QuietReport {
  passes: number;
  virtualMs: number;
  /** `settled`: every object is settled or stalled. `unchanged`: some wait for what does not come. */
  because: 'settled' | 'unchanged' | 'until';
}

export interface ToldEvent {
  regarding: Resource;
  type: 'Normal' | 'Warning';
  reason: Reason;
  message: string;
}

interface Life {
  stop: AbortController;
  loops: Loops;
  controllers: Controller<Resource>[];
}

/** Lets this much real time pass for files and sockets before it takes a pass to wait for the clock. */
const REAL_WAIT_MS = 50;
const SYSTEM_WRITER = { manager: 'controller/garbage-collector' };

/**
 * A process with its loops, stepped through virtual time: one pass at a time, always in the same order. It may die once at
 * a given call and then starts anew over the same store and providers, which is what crash tests are made of.
 */
export class World {
  readonly store: ResourceStore;
  readonly clock: FakeClock;
  /** What loops told people, in order. */
  readonly events: ToldEvent[] = [];
  /** Name of the call at which the process died. */
  diedAt: string | undefined;
  /** Passes by kind and key, over all lives. */
  readonly passesOf = new Map<string, number>();
  readonly #options: WorldOptions;
  readonly #bugs: string[] = [];
  readonly #waiting = new Map<string, { kind: Kind; key: ObjectKey; outcome: Outcome }>();
  #fuse: Fuse;
  #life: Life | undefined;
  #passes = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.store = options.store;
    this.clock = options.clock;
    this.#fuse = new Fuse(options.crash);
  }

  /** Calls to the outside so far, over all lives. */
  get calls(): number {
    return this.#fuse.calls;
  }

  /** Their names, in order. */
  get trail(): readonly string[] {
    return this.#fuse.trail;
  }

  /**
   * Runs until nothing is left to do but rechecks. Throws when that takes too many passes or too long, naming what still
   * works, and when a loop had a bug.
   */
  async runUntilQuiet(options: QuietOptions = {}): Promise<QuietReport> {
    const { until, maxPasses = 5_000, maxVirtualMs = 6 * 3_600_000, unchangedMs = 30 * 60_000 } = options;
    const startMs = this.clock.monotonicMs();
    const startPasses = this.#passes;
    let version = '';
    let changedMs = startMs;
    for (;;) {
      const didWork = await this.#turn();
      const nowMs = this.clock.monotonicMs();
      const report = { passes: this.#passes - startPasses, virtualMs: nowMs - startMs };
      if (await until?.()) return { ...report, because: 'until' };
      if (report.passes > maxPasses) throw new Error(this.#unrest(`after ${maxPasses} passes`));
      if (report.virtualMs > maxVirtualMs)
        throw new Error(this.#unrest(`after ${maxVirtualMs / 60_000} virtual minutes`));
      const current = await this.store.currentVersion();
      if (current !== version) [version, changedMs] = [current, nowMs];
      if (didWork) continue;
      if (this.#stillWaiting().length === 0) return { ...report, because: 'settled' };
      if (nowMs - changedMs > unchangedMs) return { ...report, because: 'unchanged' };
      await this.#advance();
    }
  }

  /** Lets virtual time pass with the loops at work. */
  async run(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    for (;;) {
      if (await this.#turn()) continue;
      if (this.clock.monotonicMs() >= endMs) return;
      await this.#advance(endMs);
    }
  }

  /** Ends the process, as `kill -9` between two calls does; the next run starts another. */
  async restart(): Promise<void> {
    this.#life?.stop.abort();
    for (const controller of this.#life?.controllers ?? []) controller.abort();
    this.#life = undefined;
    this.#waiting.clear();
    this.#fuse = new Fuse(this.#fuse.isBlown ? undefined : this.#options.crash, this.#fuse.trail);
    await settle();
  }

  /** Every pass that is due now, once for each loop; then garbage. False when there was nothing to do. */
  async #turn(): Promise<boolean> {
    this.#life ??= await this.#start();
    await settle();
    let didWork = false;
    for (const controller of this.#life.controllers) {
      if (await this.#drive(controller.step())) didWork = true;
      await settle();
      if (this.#fuse.isBlown) {
        this.diedAt = await this.#fuse.died;
        await this.restart();
        return true;
      }
    }
    if (this.#bugs.length > 0) throw new Error(`A loop had a bug:\n${this.#bugs.join('\n')}`);
    return didWork || (!this.#options.observing?.() && this.#collectGarbage());
  }

  async #start(): Promise<Life> {
    const fuse = this.#fuse;
    const stop = new AbortController();
    const { store, clock } = this;
    const reach: Fuse['reach'] = (target, options) => fuse.reach(target, options);
    const loops = assembleLoops({
      store,
      writes: fuse.reach(store, { uncounted: ['watch'] }),
      reconcilers: (tools) => this.#options.build({ ...tools, clock, signal: stop.signal, reach }),
      alsoRead: this.#options.alsoRead ?? [],
      clock,
      log: pino({ level: 'error' }, { write: (line: string) => void this.#bugs.push(line) }),
      recordEvent: (regarding, type, reason, message) => void this.events.push({ regarding, type, reason, message }),
      guard: () => undefined,
      ...(this.#options.observing && { observing: this.#options.observing }),
      fence: () => undefined,
      random: () => 0.5,
      onPass: (kind, key, outcome) => {
        if (!stop.signal.aborted) this.#note(loops, kind, key, outcome);
      },
    });
    for (const informer of loops.cache.informers) void informer.run(stop.signal);
    await Promise.all(loops.cache.informers.map((informer) => informer.synced));
    const controllers = loops.createControllers();
    for (const controller of controllers) controller.start();
    return { stop, loops, controllers };
  }

  #note(loops: Loops, kindName: string, key: ObjectKey, outcome: Outcome | undefined): void {
    const text = `${kindName} ${formatKey(key)}`;
    this.#passes += 1;
    this.passesOf.set(text, (this.passesOf.get(text) ?? 0) + 1);
    const kind = loops.reconcilers.find((reconciler) => reconciler.kind.kind === kindName)?.kind;
    if (kind && (outcome?.type === 'waiting' || outcome?.type === 'retry'))
      this.#waiting.set(text, { kind, key, outcome });
    else this.#waiting.delete(text);
  }

  /** Waits for a pass; when the pass itself waits for the clock, moves the clock. */
  async #drive(pass: Promise<boolean>): Promise<boolean> {
    const ended = Promise.race([pass, this.#fuse.died.then(() => true)]);
    for (;;) {
      const { promise: late, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => resolve(undefined), REAL_WAIT_MS);
      const answer = await Promise.race([ended, late]);
      clearTimeout(timer);
      if (answer !== undefined) return answer;
      await this.#advance();
    }
  }

  async #collectGarbage(): Promise<boolean> {
    const removed = await this.store.collectGarbage(SYSTEM_WRITER);
    await settle();
    return removed > 0;
  }

  /** To the next thing that the clock has in store. */
  async #advance(untilMs = Infinity): Promise<void> {
    const nextMs = Math.min(this.clock.nextTimerMs ?? Infinity, untilMs);
    if (nextMs === Infinity) throw new Error(this.#unrest('and no timer runs that could end it'));
    await this.clock.advance(Math.max(nextMs - this.clock.monotonicMs(), 0));
  }

  #stillWaiting(): string[] {
    const cache = this.#life?.loops.cache;
    return [...this.#waiting]
      .filter(([, { kind, key }]) => cache?.get(kind, key) !== undefined)
      .map(([text, { outcome }]) => `${text}: ${JSON.stringify(outcome)}`);
  }

  #unrest(after: string): string {
    const bugs = this.#bugs.length > 0 ? `\nBugs:\n${this.#bugs.join('\n')}` : '';
    const busiest = [...this.passesOf].sort(([, a], [, b]) => b - a).slice(0, 5);
    const passes = busiest.map(([text, count]) => `${text} (${count} passes)`).join(', ');
    return `Not quiet ${after}. Still waiting:\n${this.#stillWaiting().join('\n')}\nBusiest: ${passes}${bugs}`;
  }
}
