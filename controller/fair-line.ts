import { Fifo } from './fifo.ts';

/** What waits in a line, with the namespace that it waits for. */
interface Waiting {
  readonly namespace: string;
}

/**
 * A waiting line that serves namespaces in turn, and each namespace in the order of arrival: one with ten thousand waiting
 * delays another by one. Something that was taken out elsewhere stays in and is passed over when `stillWaits` denies it.
 */
export class FairLine<T extends Waiting> {
  readonly #turns = new Fifo<string>();
  readonly #lines = new Map<string, Fifo<T>>();
  readonly #stillWaits: (item: T) => boolean;

  constructor(stillWaits: (item: T) => boolean) {
    this.#stillWaits = stillWaits;
  }

  push(item: T): void {
    const line = this.#lines.get(item.namespace);
    if (line) {
      line.push(item);
      return;
    }
    const fresh = new Fifo<T>();
    fresh.push(item);
    this.#lines.set(item.namespace, fresh);
    this.#turns.push(item.namespace);
  }

  take(): T | undefined {
    for (let namespace = this.#turns.shift(); namespace !== undefined; namespace = this.#turns.shift()) {
      const line = this.#lines.get(namespace);
      const item = line && this.#firstOf(line);
      if (line && line.length > 0) this.#turns.push(namespace);
      else this.#lines.delete(namespace);
      if (item) return item;
    }
    return undefined;
  }

  #firstOf(line: Fifo<T>): T | undefined {
    for (let item = line.shift(); item !== undefined; item = line.shift()) {
      if (this.#stillWaits(item)) return item;
    }
    return undefined;
  }
}
