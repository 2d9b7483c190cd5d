/** How one piece of long work stands. */
export type JobState<T> =
  | { state: 'running'; progress: number }
  | { state: 'done'; result: T }
  | { state: 'failed'; error: unknown };

/**
 * Work that takes longer than a pass, one piece at a time for each key. A pass starts it and later passes look at it; after a
 * restart of the controller there is none, and the pass starts it anew. So a job must look before it touches.
 */
export class Jobs<T> {
  readonly #jobs = new Map<string, { stage: string; abort: AbortController; state: JobState<T> }>();
  /** Aborted and not ended yet, by key. */
  readonly #ending = new Map<string, number>();
  readonly #onEnd: (key: string) => void;

  /** `onEnd` is called when a job of a key ended, well, badly or aborted. */
  constructor(onEnd: (key: string) => void) {
    this.#onEnd = onEnd;
  }

  get running(): number {
    return [...this.#jobs.values()].filter(({ state }) => state.state === 'running').length;
  }

  /** The job of this stage; one of another stage is aborted and forgotten. */
  look(key: string, stage: string): JobState<T> | undefined {
    const job = this.#jobs.get(key);
    if (!job) return undefined;
    if (job.stage === stage) return job.state;
    this.abort(key);
    return undefined;
  }

  start(
    key: string,
    stage: string,
    work: (signal: AbortSignal, progress: (percent: number) => void) => Promise<T>,
  ): void {
    const abort = new AbortController();
    const job: { stage: string; abort: AbortController; state: JobState<T> } = {
      stage,
      abort,
      state: { state: 'running', progress: 0 },
    };
    this.#jobs.set(key, job);
    const progress = (percent: number): void => {
      if (job.state.state === 'running') job.state = { state: 'running', progress: percent };
    };
    void this.#run(key, job, work(abort.signal, progress));
  }

  /** True while work that was aborted still holds what it works on. */
  isEnding(key: string): boolean {
    return this.#ending.has(key);
  }

  async #run(key: string, job: { state: JobState<T> }, work: Promise<T>): Promise<void> {
    try {
      job.state = { state: 'done', result: await work };
    } catch (error) {
      job.state = { state: 'failed', error };
    }
    if (this.#jobs.get(key) !== job) this.#hasEnded(key);
    this.#onEnd(key);
  }

  #hasEnded(key: string): void {
    const left = (this.#ending.get(key) ?? 0) - 1;
    if (left > 0) this.#ending.set(key, left);
    else this.#ending.delete(key);
  }

  /** Forgets a job that ended, so that the stage can be tried again. */
  forget(key: string): void {
    this.#jobs.delete(key);
  }

  abort(key: string): void {
    const job = this.#jobs.get(key);
    if (!job) return;
    this.#jobs.delete(key);
    if (job.state.state === 'running') this.#ending.set(key, (this.#ending.get(key) ?? 0) + 1);
    job.abort.abort();
  }

  abortAll(): void {
    for (const key of this.#jobs.keys()) this.abort(key);
  }
}
