import type { Clock } from '../../controller/clock.ts';

interface Timer {
  atMs: number;
  order: number;
  callback: () => void;
}

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #startedAt: number;

  constructor(startedAt = new Date('2026-01-01T00:00:00Z')) {
    this.#startedAt = startedAt.getTime();
  }

  now(): Date {
    return new Date(this.#startedAt + this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(ms, 0), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next timer goes off, as `monotonicMs` will say then; undefined when there is none. */
  get nextTimerMs(): number | undefined {
    return this.#next()?.atMs;
  }

  /** Moves on by `ms`; each timer goes off at its time, and what it sets going settles before the next. */
  async advance(ms: number): Promise<void> {
    await settle();
    const untilMs = this.#nowMs + ms;
    for (let timer = this.#next(); timer && timer.atMs <= untilMs; timer = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }

  /** Time goes by while the process is stopped (SIGSTOP, a suspended machine): timers are late. */
  pause(ms: number): void {
    this.#nowMs += ms;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      const isEarlier =
        first === undefined || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order);
      if (isEarlier) first = timer;
    }
    return first;
  }
}

/** Lets everything go on that waits for promises or for files only, until it waits for something else. */
export async function settle(): Promise<void> {
  let quietTurns = 0;
  for (let turn = 0; quietTurns < 2 && turn < MOST_TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    quietTurns = isReadingOrWriting() ? 0 : quietTurns + 1;
  }
}

/** So many turns of the event loop are more than any file needs; somebody else keeps the disk busy. */
const MOST_TURNS = 10_000;

function isReadingOrWriting(): boolean {
  return process.getActiveResourcesInfo().some((resource) => /^FSReq|^FileHandle/.test(resource));
}
