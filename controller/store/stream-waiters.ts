import type { Clock } from '../clock.ts';

/** Who waits for which stream to grow. */
export class StreamWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(streams: Iterable<string>): void {
    for (const stream of streams) {
      for (const wake of this.#waiting.get(stream) ?? []) wake();
    }
  }

  /** When nobody knows which of them grew. */
  wakeAll(): void {
    this.wake([...this.#waiting.keys()]);
  }

  /** Resolves on the next wake of the stream, after `maxMs`, or when `signal` aborts. */
  wait(stream: string, maxMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const waiting = this.#waiting.get(stream) ?? new Set();
      const wake = () => {
        cancel();
        signal.removeEventListener('abort', wake);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(stream);
        resolve();
      };
      const cancel = this.#clock.after(maxMs, wake);
      signal.addEventListener('abort', wake, { once: true });
      waiting.add(wake);
      this.#waiting.set(stream, waiting);
    });
  }
}
