/** So many pieces of work at once; the rest waits its turn. */
export class WorkerPool {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(workers: number) {
    this.#free = workers;
  }

  async run<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
