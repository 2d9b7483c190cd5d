import type { Logger } from 'pino';
import type { Kind, Resource } from '../crds/define-kind.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { isFault } from './errors.ts';
import { ObjectCache, type CacheEvent, type CacheListener } from './object-cache.ts';
import { sleep } from './sleep.ts';
import type { ResourceStore } from './store/store.ts';

const PAGE_SIZE = 500;
const WATCH = 'watch';

interface InformerOptions<R extends Resource> {
  kind: Kind<R>;
  store: Pick<ResourceStore, 'list' | 'watch'>;
  clock: Clock;
  log: Logger;
}

/** Keeps the objects of one kind in memory, as the store has them, and tells who wants to know. */
export class Informer<R extends Resource> {
  readonly kind: Kind<R>;
  readonly cache: ObjectCache<R>;
  /** Resolves when the first list is in; never rejects. */
  readonly synced: Promise<void>;
  readonly #store: InformerOptions<R>['store'];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Set<CacheListener<R>>();
  readonly #backoff = new Backoff({ baseMs: 200, maxMs: 10_000 });
  #hasSynced = false;
  #markSynced: () => void;
  /** Up to where the watch has told everything; undefined when a list has to come first. */
  #version: string | undefined;

  constructor({ kind, store, clock, log }: InformerOptions<R>) {
    this.kind = kind;
    this.#store = store;
    this.#clock = clock;
    this.#log = log.child({ informer: kind.kind });
    this.cache = new ObjectCache<R>({ changed: (event) => this.#publish(event) });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Calls back on every change from now on, at once and in order; the answer ends it. */
  subscribe(handler: (event: CacheEvent<R>) => void): () => void {
    const listener: CacheListener<R> = { changed: handler };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the store until `signal` aborts; whatever goes wrong is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (!signal.aborted) this.#report(error);
      }
      if (!signal.aborted) await sleep(this.#clock, this.#backoff.next(WATCH), signal);
    }
  }

  #report(error: unknown): void {
    if (isFault(error, 'Expired')) {
      this.#log.info('The watch fell behind what the store remembers; listing anew.');
      this.#version = undefined;
      return;
    }
    this.#log.warn({ err: error }, 'The store does not answer the watch; loops work on what is known until it does.');
  }

  async #list(signal: AbortSignal): Promise<void> {
    const objects: R[] = [];
    let next: string | undefined;
    do {
      const page = await this.#store.list(this.kind, { limit: PAGE_SIZE, continue: next });
      if (signal.aborted) return;
      objects.push(...page.items);
      next = page.continue;
      if (next === undefined) {
        this.cache.replace(objects, page.resourceVersion);
        this.#version = page.resourceVersion;
      }
    } while (next !== undefined);
    this.#hasSynced = true;
    this.#markSynced();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const since = this.#version;
    if (since === undefined) return;
    for await (const event of this.#store.watch(this.kind, { since, signal, bookmarks: true })) {
      if (signal.aborted) return;
      this.#backoff.reset(WATCH);
      if (event.type === 'BOOKMARK') {
        this.#version = event.resourceVersion;
        continue;
      }
      this.cache.apply(event);
      this.#version = event.object.metadata.resourceVersion;
    }
  }

  #publish(event: CacheEvent<R>): void {
    for (const listener of this.#listeners) {
      try {
        listener.changed(event);
      } catch (error) {
        const { namespace, name } = event.object.metadata;
        this.#log.error(
          { err: error, namespace, name },
          'A bug: what follows this kind failed on a change; it is skipped.',
        );
      }
    }
  }
}
