import { createHash } from 'node:crypto';
import type { Row, RowStore } from './row-store.ts';

const BATCH = 20;
const REST_MS = 50;

/** Writes rows one batch after the other until it is stopped, and remembers those that the database acknowledged. */
export class RowWriter {
  readonly acknowledged: Row[] = [];
  /** Batches that were not acknowledged; their rows may or may not be there. */
  failures = 0;
  readonly #store: RowStore;
  #next: number;
  #goesOn = false;
  #run: Promise<void> = Promise.resolve();

  constructor(store: RowStore, first = 1) {
    this.#store = store;
    this.#next = first;
  }

  start(): void {
    this.#goesOn = true;
    this.#run = this.#write();
  }

  /** All that was acknowledged up to the end. */
  async stop(): Promise<readonly Row[]> {
    this.#goesOn = false;
    await this.#run;
    return this.acknowledged;
  }

  async #write(): Promise<void> {
    while (this.#goesOn) {
      const first = this.#next;
      this.#next += BATCH;
      const rows = Array.from({ length: BATCH }, (_, index) => rowOf(first + index));
      try {
        await this.#store.write(rows);
        this.acknowledged.push(...rows);
      } catch {
        this.failures += 1;
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
      }
    }
  }
}

/** What was acknowledged and is not there as it was written. */
export function lostRows(acknowledged: readonly Row[], found: readonly Row[]): Row[] {
  const words = new Map(found.map(({ n, word }) => [n, word]));
  return acknowledged.filter(({ n, word }) => words.get(n) !== word);
}

/** How many rows there are, and a digest over all of them. */
export function sumOfRows(rows: readonly Row[]): { count: number; sha256: string } {
  const hash = createHash('sha256');
  for (const { n, word } of rows) hash.update(`${n} ${word}\n`);
  return { count: rows.length, sha256: hash.digest('hex') };
}

function rowOf(n: number): Row {
  return { n, word: createHash('md5').update(`row ${n}`).digest('hex') };
}
