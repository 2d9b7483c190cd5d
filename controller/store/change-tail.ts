import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { Fault, isFault } from '../errors.ts';
import type { ChangeBatch, StoredChange } from './backend.ts';
import { Watcher } from './watcher.ts';

const BATCH = 200;
const BOOKMARK_MS = 5_000;
const OWN_ANSWER_MS = 5;

interface TailOptions {
  readChanges(after: bigint, limit: number): Promise<ChangeBatch>;
  clock: Clock;
  log?: Pick<Logger, 'warn' | 'info'> | undefined;
  /** Also looks for changes about this often while somebody watches; without it only when poked. */
  pollMs?: number | undefined;
}

/** A change, or how far a watch is that has nothing to tell. */
export type TailEvent = { type: 'change'; change: StoredChange } | { type: 'reached'; version: bigint };

/** Reads the store's changes once for all watches of this process, and hands each its own. */
export class ChangeTail {
  readonly #options: TailOptions;
  readonly #watchers = new Set<Watcher>();
  /** Up to where changes were handed out; undefined until the first watch has caught up. */
  #position: bigint | undefined;
  #pumping = false;
  #pokedMeanwhile = false;
  #failing = false;
  #closed = false;
  #cancelPoll: (() => void) | undefined;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Changes that this process has just committed, in order and without a gap: watches get them without reading anything. */
  offer(changes: readonly StoredChange[]): void {
    const first = changes[0];
    if (this.#closed || first === undefined) return;
    if (this.#position === undefined || this.#position + 1n !== first.version) return this.poke();
    this.#give(changes);
    this.#position += BigInt(changes.length);
  }

  /** Somebody, perhaps this process, committed changes up to this version; a text that is none says nothing of how far. */
  heardOf(version: string): void {
    const isKnown = () =>
      /^\d{1,19}$/.test(version) && this.#position !== undefined && BigInt(version) <= this.#position;
    if (isKnown() || this.#position === undefined) return;
    // The news of a commit of our own may be here before its answer.
    this.#options.clock.after(OWN_ANSWER_MS, () => {
      if (!isKnown()) this.poke();
    });
  }

  /** Says that there may be changes to read. */
  poke(): void {
    if (this.#position === undefined || this.#closed) return;
    this.#pokedMeanwhile = true;
    if (!this.#pumping) void this.#pump();
  }

  /** Ends every watch with Unavailable. */
  close(): void {
    this.#closed = true;
    this.#cancelPoll?.();
    for (const watcher of this.#watchers) watcher.wake();
  }

  /** Changes of one kind after `since`, each once and in order, until `signal` aborts. Expired as the store's contract says. */
  async *follow(
    { kind, namespace }: { kind: string; namespace: string | undefined },
    since: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<TailEvent, void, undefined> {
    const watcher = new Watcher(kind, namespace);
    const wake = () => watcher.wake();
    signal.addEventListener('abort', wake, { once: true });
    this.#join(watcher);
    try {
      let cursor = since;
      for (;;) {
        cursor = yield* this.#catchUp(watcher, cursor, signal);
        if (this.#isOver(signal)) return;
        cursor = yield* this.#stayCurrent(watcher, cursor, signal);
        if (this.#isOver(signal)) return;
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#leave(watcher);
    }
  }

  /** Reads from the store until what the tail hands us goes on from there without a gap. */
  async *#catchUp(watcher: Watcher, since: bigint, signal: AbortSignal): AsyncGenerator<TailEvent, bigint, undefined> {
    watcher.reset(this.#position);
    let cursor = since;
    for (let more = true; more || cursor < (watcher.coveredFrom ?? cursor);) {
      if (this.#isOver(signal)) return cursor;
      const batch = await this.#options.readChanges(cursor, BATCH);
      for (const change of batch.changes) {
        if (this.#isOver(signal)) return cursor;
        cursor = change.version;
        if (watcher.concerns(change)) yield { type: 'change', change };
      }
      cursor = batch.upTo;
      more = batch.more;
    }
    if (watcher.coveredFrom === undefined) this.#startAt(cursor);
    return cursor;
  }

  /** Hands on what the tail brings, until that is too much at once. */
  async *#stayCurrent(
    watcher: Watcher,
    from: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<TailEvent, bigint, undefined> {
    let cursor = from;
    let told = from - 1n;
    let toldAt = -Infinity;
    while (!watcher.overflowed && !this.#isOver(signal)) {
      const change = watcher.shift();
      if (change) {
        if (change.version <= cursor) continue;
        cursor = told = change.version;
        yield { type: 'change', change };
        continue;
      }
      if (this.#position !== undefined && this.#position > cursor) cursor = this.#position;
      const now = this.#options.clock.monotonicMs();
      if (cursor > told && now - toldAt >= BOOKMARK_MS) {
        told = cursor;
        toldAt = now;
        yield { type: 'reached', version: cursor };
        continue;
      }
      const cancel = this.#options.clock.after(BOOKMARK_MS, () => watcher.wake());
      await watcher.asleep();
      cancel();
    }
    return cursor;
  }

  #isOver(signal: AbortSignal): boolean {
    if (this.#closed && !signal.aborted) throw new Fault('Unavailable', 'The store is closed; the watch ends.');
    return signal.aborted;
  }

  #join(watcher: Watcher): void {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#poll();
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#position = undefined;
    this.#cancelPoll?.();
  }

  #startAt(version: bigint): void {
    this.#position ??= version;
    for (const watcher of this.#watchers) watcher.coveredFrom ??= version;
    this.poke();
  }

  #poll(): void {
    const { pollMs, clock } = this.#options;
    if (pollMs === undefined || this.#closed) return;
    this.#cancelPoll = clock.after(pollMs * (0.75 + Math.random() / 2), () => {
      this.poke();
      this.#poll();
    });
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#pokedMeanwhile && !this.#closed) {
        this.#pokedMeanwhile = false;
        await this.#handOut();
      }
      if (this.#failing) this.#options.log?.info('The store answers again; watches go on.');
      this.#failing = false;
    } catch (error) {
      this.#report(error);
    } finally {
      this.#pumping = false;
    }
  }

  async #handOut(): Promise<void> {
    const from = this.#position;
    if (from === undefined) return;
    const batch = await this.#options.readChanges(from, BATCH);
    const position = this.#position;
    // Everybody left meanwhile: what was read is for nobody any more.
    if (position === undefined) return;
    if (position < from) {
      this.#pokedMeanwhile = true;
      return;
    }
    // What was offered meanwhile has been handed out.
    this.#give(batch.changes.filter(({ version }) => version > position));
    if (batch.upTo > position) this.#position = batch.upTo;
    if (batch.more) this.#pokedMeanwhile = true;
  }

  #give(changes: readonly StoredChange[]): void {
    for (const change of changes) {
      for (const watcher of this.#watchers) if (watcher.concerns(change)) watcher.push(change);
    }
  }

  #report(error: unknown): void {
    if (isFault(error, 'Expired')) {
      // Each watch finds out for itself, from where it stands.
      this.#position = undefined;
      for (const watcher of this.#watchers) watcher.overflow();
      return;
    }
    if (!this.#failing && !this.#closed) {
      this.#options.log?.warn(
        { err: error },
        'The store does not answer; watches stand still until it does. Nothing is lost.',
      );
    }
    this.#failing = true;
  }
}
