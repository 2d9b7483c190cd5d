import { setTimeout as sleep } from 'node:timers/promises';
import type { Upid } from './upid.ts';

/** What a task's work may use. */
export interface TaskContext {
  readonly user: string;
  readonly node: string;
  /** Aborts when somebody stops the task. */
  readonly signal: AbortSignal;
  log(line: string): void;
  /** A line with `WARN:`, counted: the task then ends with `WARNINGS: n`. */
  warn(line: string): void;
  /** Takes the time that this kind of task is set to take. Rejects when the task is stopped; never returns when it is killed. */
  takeTime(): Promise<void>;
  /** Never returns when the task is killed. To be called before anything that a killed process would not do any more. */
  stillAlive(): Promise<void>;
  /** Called when the task's process is killed, which runs nothing of its own any more; what the kernel would release goes here. */
  whenKilled(release: () => void): void;
}

export type TaskWork = (task: TaskContext) => Promise<void>;

/** Whether a task got through, or the one line it ended with. */
export type TaskEnd = { status: string; at: number };

/** What a running task shall do beyond its own work: set by tests and by the times given for each kind. */
export interface TaskMood {
  extraMs: number;
  /** Fails with this text after its time. */
  error?: string;
  /** Ends without any cleaning up after its time, as by SIGKILL. */
  killed?: boolean;
}

/** One task, running or ended. */
export class Task implements TaskContext {
  readonly upid: string;
  readonly parts: Upid;
  readonly lines: string[] = [];
  readonly done: Promise<void>;
  end: TaskEnd | undefined;
  readonly #mood: TaskMood;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  readonly #killed = Promise.withResolvers<void>();
  readonly #finish = Promise.withResolvers<void>();
  readonly #releases: Array<() => void> = [];
  #warnings = 0;

  constructor(upid: string, parts: Upid, mood: TaskMood, now: () => number) {
    this.upid = upid;
    this.parts = parts;
    this.#mood = mood;
    this.#now = now;
    this.done = this.#finish.promise;
  }

  get user(): string {
    return this.parts.user;
  }

  get node(): string {
    return this.parts.node;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  log(line: string): void {
    if (!this.end) this.lines.push(line);
  }

  warn(line: string): void {
    this.#warnings += 1;
    this.log(`WARN: ${line}`);
  }

  async takeTime(): Promise<void> {
    const { extraMs, error, killed } = this.#mood;
    if (extraMs > 0) {
      await sleep(extraMs, undefined, { signal: this.signal }).catch(() => undefined);
    }
    if (killed) this.kill();
    await this.stillAlive();
    if (this.signal.aborted) throw new Error('received interrupt');
    if (error !== undefined) throw new Error(error);
  }

  async stillAlive(): Promise<void> {
    if (this.end) await new Promise<never>(() => undefined);
  }

  whenKilled(release: () => void): void {
    this.#releases.push(release);
  }

  /** Runs the work and writes the last line; never rejects. */
  async run(work: TaskWork): Promise<void> {
    try {
      await Promise.race([work(this), this.#killed.promise]);
      if (this.#warnings > 0) this.#close(`TASK WARNINGS: ${this.#warnings}`, `WARNINGS: ${this.#warnings}`);
      else this.#close('TASK OK', 'OK');
    } catch (error) {
      const text = oneLine(error);
      this.#close(`TASK ERROR: ${text}`, text);
    }
  }

  /** As SIGTERM to the task's process group. */
  interrupt(): void {
    this.#abort.abort();
  }

  /** As SIGKILL: nothing is cleaned up, only what the kernel releases. */
  kill(): void {
    if (this.end) return;
    this.end = { status: 'unexpected status', at: this.#now() };
    for (const release of this.#releases) release();
    this.#abort.abort();
    this.#killed.resolve();
    this.#finish.resolve();
  }

  #close(line: string, status: string): void {
    if (this.end) return;
    this.log(line);
    this.end = { status, at: this.#now() };
    this.#finish.resolve();
  }
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}
