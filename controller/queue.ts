import type { Clock } from './clock.ts';
import { DelayHeap } from './delay-heap.ts';
import { FairLine } from './fair-line.ts';
import { Fifo } from './fifo.ts';
import { formatKey } from './object-key.ts';
import type { ObjectKey } from './store/store.ts';

/**
 * Why a key is in the queue, the most urgent first:
 * change   somebody changed what they want
 * wake     something it depends on moved, or it asked to be called again
 * resync   only to see whether all is still well
 * retry    it failed before
 */
const priorities = ['change', 'wake', 'resync', 'retry'] as const;
export type Priority = (typeof priorities)[number];

/** One in so many takes begins with the least urgent, so that a flood of changes starves nothing for ever. */
const FROM_THE_BOTTOM = 16;

/** What the queue reports of itself; all durations in milliseconds. */
export interface QueueMetrics {
  added(): void;
  retried(): void;
  depth(waiting: number): void;
  started(waitedMs: number): void;
  finished(tookMs: number): void;
}

interface WorkQueueOptions {
  clock: Clock;
  /** Retries that may run at once, so that failing keys that hang do not hold every worker. */
  retryLimit?: number;
  metrics?: QueueMetrics;
}

interface Entry {
  readonly key: ObjectKey;
  readonly namespace: string;
  /** In which line it waits. */
  waiting: Priority | undefined;
  /** Since when it is wanted: waiting, or dirtied while running. */
  wantedSinceMs: number;
  running: { as: Priority; sinceMs: number } | undefined;
  /** It was wanted again while running. */
  dirty: Priority | undefined;
  due: { atMs: number; priority: Priority } | undefined;
}

/**
 * Which objects to look at next. A key is in it once, however often it is added, and is with one worker at a time; added
 * while running, it runs once more. Urgent keys first; namespaces take turns; retries hold a bounded share of the workers.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #retryLimit: number;
  readonly #metrics: QueueMetrics | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #lines: Record<Priority, FairLine<Entry>>;
  readonly #delayed = new DelayHeap<Entry>();
  readonly #takers = new Fifo<(key: ObjectKey | undefined) => void>();
  #waiting = 0;
  #delays = 0;
  #retriesRunning = 0;
  #takes = 0;
  #closed = false;
  #timer: { atMs: number; cancel: () => void } | undefined;

  constructor({ clock, retryLimit = Infinity, metrics }: WorkQueueOptions) {
    this.#clock = clock;
    this.#retryLimit = retryLimit;
    this.#metrics = metrics;
    const line = (priority: Priority) => new FairLine<Entry>((entry) => entry.waiting === priority);
    this.#lines = { change: line('change'), wake: line('wake'), resync: line('resync'), retry: line('retry') };
  }

  /** Keys that wait for a worker. */
  get size(): number {
    return this.#waiting;
  }

  /** When the next delayed key is due, on the monotonic clock; undefined when none is. */
  get nextDueMs(): number | undefined {
    this.#dropOutdated();
    return this.#delayed.peek()?.atMs;
  }

  add(key: ObjectKey, priority: Priority): void {
    if (this.#closed) return;
    this.#metrics?.added();
    this.#want(this.#entry(key), priority);
    this.#dispatch();
  }

  /** As `add`, later; of several times the earliest holds. The time is forgotten when the key is taken before. */
  addAfter(key: ObjectKey, delayMs: number, priority: Priority): void {
    if (this.#closed) return;
    if (priority === 'retry') this.#metrics?.retried();
    const entry = this.#entry(key);
    const atMs = this.#clock.monotonicMs() + Math.max(delayMs, 0);
    if (entry.due && entry.due.atMs <= atMs) return;
    if (!entry.due) this.#delays += 1;
    entry.due = { atMs, priority };
    this.#delayed.push(atMs, entry);
    this.#setTimer();
  }

  /** The next key, as soon as there is one; undefined once the queue is closed. Ends with `done`. */
  take(): Promise<ObjectKey | undefined> {
    const key = this.tryTake();
    if (key || this.#closed) return Promise.resolve(key);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The next key, if there is one now. Ends with `done`. */
  tryTake(): ObjectKey | undefined {
    if (this.#closed) return undefined;
    this.#admitDue();
    const entry = this.#next();
    if (!entry?.waiting) return undefined;
    const nowMs = this.#clock.monotonicMs();
    entry.running = { as: entry.waiting, sinceMs: nowMs };
    if (entry.waiting === 'retry') this.#retriesRunning += 1;
    entry.waiting = undefined;
    this.#forgetDue(entry);
    this.#setDepth(-1);
    this.#metrics?.started(nowMs - entry.wantedSinceMs);
    return entry.key;
  }

  /** Gives a taken key back. */
  done(key: ObjectKey): void {
    const entry = this.#entries.get(formatKey(key));
    if (!entry?.running) return;
    this.#metrics?.finished(this.#clock.monotonicMs() - entry.running.sinceMs);
    if (entry.running.as === 'retry') this.#retriesRunning -= 1;
    entry.running = undefined;
    const again = entry.dirty;
    entry.dirty = undefined;
    if (again && !this.#closed) this.#enqueue(entry, again);
    this.#dropIdle(entry);
    this.#dispatch();
  }

  /** Takes a key out, for an object that is gone. One that is running runs to its end. */
  forget(key: ObjectKey): void {
    const entry = this.#entries.get(formatKey(key));
    if (!entry) return;
    this.#forgetDue(entry);
    entry.dirty = undefined;
    if (entry.waiting) this.#setDepth(-1);
    entry.waiting = undefined;
    this.#dropIdle(entry);
  }

  /** Nothing is given out any more; whoever waits gets undefined. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#setDepth(-this.#waiting);
    for (let taker = this.#takers.shift(); taker; taker = this.#takers.shift()) taker(undefined);
  }

  #entry(key: ObjectKey): Entry {
    const text = formatKey(key);
    const known = this.#entries.get(text);
    if (known) return known;
    const entry: Entry = {
      key,
      namespace: key.namespace ?? '',
      waiting: undefined,
      wantedSinceMs: 0,
      running: undefined,
      dirty: undefined,
      due: undefined,
    };
    this.#entries.set(text, entry);
    return entry;
  }

  #want(entry: Entry, priority: Priority): void {
    if (!entry.waiting && !entry.dirty) entry.wantedSinceMs = this.#clock.monotonicMs();
    if (entry.running) entry.dirty = moreUrgent(entry.dirty, priority);
    else this.#enqueue(entry, priority);
  }

  #enqueue(entry: Entry, priority: Priority): void {
    const wanted = moreUrgent(entry.waiting, priority);
    if (wanted === entry.waiting) return;
    if (!entry.waiting) this.#setDepth(+1);
    entry.waiting = wanted;
    this.#lines[wanted].push(entry);
  }

  #next(): Entry | undefined {
    if (this.#waiting === 0) return undefined;
    this.#takes += 1;
    const order = this.#takes % FROM_THE_BOTTOM === 0 ? priorities.toReversed() : priorities;
    for (const priority of order) {
      if (priority === 'retry' && this.#retriesRunning >= this.#retryLimit) continue;
      const entry = this.#lines[priority].take();
      if (entry) return entry;
    }
    return undefined;
  }

  #dispatch(): void {
    while (this.#takers.length > 0) {
      const key = this.tryTake();
      if (!key) return;
      this.#takers.shift()?.(key);
    }
  }

  #admitDue(): void {
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#delayed.peek(); first && first.atMs <= nowMs; first = this.#delayed.peek()) {
      this.#delayed.pop();
      const { item: entry } = first;
      if (entry.due?.atMs !== first.atMs) continue;
      const { priority } = entry.due;
      this.#forgetDue(entry);
      this.#metrics?.added();
      this.#want(entry, priority);
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const next = this.nextDueMs;
    if (this.#closed || next === this.#timer?.atMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (next === undefined) return;
    const cancel = this.#clock.after(next - this.#clock.monotonicMs(), () => {
      this.#timer = undefined;
      this.#admitDue();
      this.#dispatch();
    });
    this.#timer = { atMs: next, cancel };
  }

  /** Times that were replaced or forgotten stay in the heap until they come up, or until they are most of it. */
  #dropOutdated(): void {
    const holds = ({ item, atMs }: { item: Entry; atMs: number }) => item.due?.atMs === atMs;
    if (this.#delayed.size > 1_024 && this.#delayed.size > this.#delays * 2) this.#delayed.retain(holds);
    for (let first = this.#delayed.peek(); first && !holds(first); first = this.#delayed.peek()) this.#delayed.pop();
  }

  #forgetDue(entry: Entry): void {
    if (entry.due) this.#delays -= 1;
    entry.due = undefined;
  }

  #dropIdle(entry: Entry): void {
    if (entry.waiting || entry.running || entry.dirty || entry.due) return;
    this.#entries.delete(formatKey(entry.key));
  }

  #setDepth(change: number): void {
    this.#waiting += change;
    this.#metrics?.depth(this.#waiting);
  }
}

function moreUrgent(a: Priority | undefined, b: Priority): Priority {
  return a !== undefined && priorities.indexOf(a) < priorities.indexOf(b) ? a : b;
}
