import type { LogLine, LogQuery, LogStore } from '../../controller/logs.ts';

/** Logs in memory, kept to the contract. */
export class MemoryLogs implements LogStore {
  readonly #streams = new Map<string, { lines: LogLine[]; resumeAt: number }>();
  readonly #waiting = new Set<() => void>();
  /** How many lines were handed out: what is not read again is not paid for again. */
  linesRead = 0;

  async append(stream: string, lines: readonly LogLine[], resumeAt: number): Promise<void> {
    const before = this.#streams.get(stream)?.lines ?? [];
    this.#streams.set(stream, { lines: [...before, ...lines], resumeAt });
    for (const wake of this.#waiting) wake();
  }

  async resumeAt(stream: string): Promise<number | undefined> {
    return this.#streams.get(stream)?.resumeAt;
  }

  async read(stream: string, { after, since, tail, limit }: LogQuery): Promise<LogLine[]> {
    const all = this.#streams.get(stream)?.lines ?? [];
    const selected = all.filter(
      ({ position, time }) => (after === undefined || position > after) && (since === undefined || time >= since),
    );
    const newest = tail === undefined ? selected : selected.slice(Math.max(0, selected.length - tail));
    const page = newest.slice(0, limit);
    this.linesRead += page.length;
    return page;
  }

  changed(_stream: string, maxMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, maxMs);
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }

  async remove(stream: string): Promise<void> {
    this.#streams.delete(stream);
  }

  async trim(): Promise<void> {
    // Tests are small.
  }
}
