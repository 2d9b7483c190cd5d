import type { Logger } from 'pino';
import type { Resource } from '../crds/define-kind.ts';
import { isFault } from './errors.ts';
import type { CacheEvent } from './object-cache.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { ResourceStore, Writer } from './store/store.ts';

interface GarbageCollectorOptions {
  store: Pick<ResourceStore, 'collectGarbage'>;
  log: Logger;
  /** The leader's token. Throws Fenced when this process does not lead, ObserveOnly while nothing may be removed. */
  fence: () => bigint | undefined;
}

/** Removes what has lost its owners, one collection at a time, whenever something was deleted. */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** Collects whenever an object goes or is asked to go. The answer ends it. */
  follow(cache: ResourceCache): () => void {
    const ends = cache.informers.map((informer) =>
      informer.subscribe((event) => {
        if (isLeaving(event)) void this.collect();
      }),
    );
    return () => ends.forEach((end) => end());
  }

  /** Resolves when everything that was garbage at the time of the call is removed, or could not be; never rejects. */
  collect(): Promise<void> {
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      // What belongs together is often deleted together: one collection for all of this turn.
      await Promise.resolve();
      this.#wanted = false;
      await this.#collectOnce();
    }
  }

  async #collectOnce(): Promise<void> {
    const { store, log, fence } = this.#options;
    try {
      const writer: Writer = { manager: 'controller/garbage-collector', fence: fence() };
      const removed = await store.collectGarbage(writer);
      if (removed > 0) log.info({ removed }, 'Removed objects whose owners are gone.');
    } catch (error) {
      if (isFault(error, 'Fenced', 'ObserveOnly')) return;
      log.warn({ err: error }, 'Objects whose owners are gone could not be removed; tried again within a minute.');
    }
  }
}

function isLeaving({ type, object, previous }: CacheEvent<Resource>): boolean {
  if (type === 'deleted') return true;
  return object.metadata.deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined;
}
