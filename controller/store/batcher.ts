/** What came of one item of a batch: a refusal of one leaves the others alone. */
export type Settled<A> = { ok: true; answer: A } | { ok: false; error: unknown };

interface BatcherOptions<T, A> {
  /** Works on all items at once, in order; throws when nothing of it happened, or when nobody knows. */
  run(items: readonly T[]): Promise<readonly Settled<A>[]>;
  maxItems: number;
  /** Whether the batch failed because of an item in it, so that each is worth a try alone. */
  isPoisoned(error: unknown): boolean;
  closed(): Error;
}

interface Waiting<T, A> {
  item: T;
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/** Runs one batch at a time of whatever came in meanwhile: the more there is to do, the less each item costs. */
export class Batcher<T, A> {
  readonly #options: BatcherOptions<T, A>;
  #waiting: Waiting<T, A>[] = [];
  #working: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: BatcherOptions<T, A>) {
    this.#options = options;
  }

  submit(item: T): Promise<A> {
    if (this.#isClosed) return Promise.reject(this.#options.closed());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Takes nothing more; resolves when what was taken is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#working;
  }

  async #work(): Promise<void> {
    // What is submitted in the same turn of the event loop goes into the first batch already.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#options.maxItems);
      await this.#runBatch(batch);
    }
    this.#working = undefined;
  }

  async #runBatch(batch: readonly Waiting<T, A>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result?.ok) resolve(result.answer);
        else reject(result?.error ?? new Error('A batch answered fewer results than it had items.'));
      });
    } catch (error) {
      if (batch.length === 1 || !this.#options.isPoisoned(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      for (const alone of batch) await this.#runBatch([alone]);
    }
  }
}
