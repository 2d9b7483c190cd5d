import { Fifo } from '../fifo.ts';
import type { StoredChange } from './backend.ts';

/** More than this is not kept for a slow reader: it reads them again from the store. */
const MOST_WAITING = 1_000;

/** What one watch has yet to read of the changes that the tail of the store saw. */
export class Watcher {
  /** From which version on the tail hands us everything; undefined while the tail stands still. */
  coveredFrom: bigint | undefined;
  readonly #kind: string;
  readonly #namespace: string | undefined;
  #waiting = new Fifo<StoredChange>();
  #overflowed = false;
  #wake: (() => void) | undefined;

  constructor(kind: string, namespace: string | undefined) {
    this.#kind = kind;
    this.#namespace = namespace;
  }

  /** True once changes were dropped: the reader has to go back to the store. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  concerns(change: StoredChange): boolean {
    return change.kind === this.#kind && (this.#namespace === undefined || change.namespace === this.#namespace);
  }

  push(change: StoredChange): void {
    if (this.#overflowed) return;
    if (this.#waiting.length >= MOST_WAITING) return this.overflow();
    this.#waiting.push(change);
    this.wake();
  }

  overflow(): void {
    this.#overflowed = true;
    this.#waiting = new Fifo();
    this.wake();
  }

  /** Begins again with nothing waiting. */
  reset(coveredFrom: bigint | undefined): void {
    this.coveredFrom = coveredFrom;
    this.#overflowed = false;
    this.#waiting = new Fifo();
  }

  shift(): StoredChange | undefined {
    return this.#waiting.shift();
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Resolves on the next wake. */
  asleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
