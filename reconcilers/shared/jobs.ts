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
  readonly #onEnd: (key: string) => void;

  /** `onEnd` is called when a job of a key ended, well or badly. */
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

  async #run(key: string, job: { state: JobState<T> }, work: Promise<T>): Promise<void> {
    try {
      job.state = { state: 'done', result: await work };
    } catch (error) {
      job.state = { state: 'failed', error };
    }
    if (this.#jobs.get(key) === job) this.#onEnd(key);
  }

  /** Forgets a job that ended, so that the stage can be tried again. */
  forget(key: string): void {
    this.#jobs.delete(key);
  }

  abort(key: string): void {
    this.#jobs.get(key)?.abort.abort();
    this.#jobs.delete(key);
  }

  abortAll(): void {
    for (const { abort } of this.#jobs.values()) abort.abort();
    this.#jobs.clear();
  }
}
