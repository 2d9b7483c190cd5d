import type { Resource } from '../crds/define-kind.ts';
import { deepFreeze } from './deep-freeze.ts';
import { ObjectIndex } from './object-index.ts';
import { formatKey, keyOf } from './object-key.ts';
import { sameJson } from './same-json.ts';
import type { Change, ObjectKey } from './store/store.ts';
import { compareVersions } from './versions.ts';

/** What moved. `status`: nothing but the status. `spec`: anything else that people or loops set, metadata included. */
export type CacheEvent<R extends Resource> =
  | { type: 'added'; object: R; previous: undefined }
  | { type: 'spec' | 'status'; object: R; previous: R }
  | { type: 'deleted'; object: R; previous: R };

export interface CacheListener<R extends Resource> {
  changed(event: CacheEvent<R>): void;
}

/**
 * The objects of one kind as far as they are known here. It is told from two sides, the watch and this process's own
 * writes, and never goes back in time: of two states of an object the newer one stays. Objects are frozen.
 */
export class ObjectCache<R extends Resource> {
  readonly #index = new ObjectIndex<R>();
  readonly #listener: CacheListener<R>;
  /** Deleted by us, while the watch has not said so yet: what it still says about them is old. */
  readonly #removed = new Set<string>();

  constructor(listener: CacheListener<R>) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#index.size;
  }

  get(key: ObjectKey): R | undefined {
    return this.#index.get(key);
  }

  list(namespace?: string): R[] {
    return this.#index.list(namespace);
  }

  ownedBy(uid: string): R[] {
    return this.#index.ownedBy(uid);
  }

  /** A change that the watch tells of. */
  apply({ type, object }: Change<R>): void {
    if (type === 'DELETED') {
      const known = this.get(keyOf(object));
      const isNews = known && compareVersions(object.metadata.resourceVersion, known.metadata.resourceVersion) > 0;
      if (isNews) this.#drop(known);
      this.#removed.delete(object.metadata.uid);
      return;
    }
    this.put(object);
  }

  /** A state of an object, read or written; passed over when a newer one is known. */
  put(object: R): void {
    if (this.#removed.has(object.metadata.uid)) return;
    const previous = this.get(keyOf(object));
    if (previous && compareVersions(object.metadata.resourceVersion, previous.metadata.resourceVersion) <= 0) return;
    deepFreeze(object);
    this.#index.set(object);
    if (!previous) return this.#listener.changed({ type: 'added', object, previous: undefined });
    if (previous.metadata.uid !== object.metadata.uid) {
      this.#listener.changed({ type: 'deleted', object: previous, previous });
      return this.#listener.changed({ type: 'added', object, previous: undefined });
    }
    this.#listener.changed({ type: onlyStatusMoved(previous, object) ? 'status' : 'spec', object, previous });
  }

  /** An object that our own write has removed. */
  remove(object: R): void {
    const known = this.get(keyOf(object));
    if (known?.metadata.uid !== object.metadata.uid) return;
    this.#removed.add(object.metadata.uid);
    this.#drop(known);
  }

  /** All there was at `version`: what is not among it and not newer is gone. */
  replace(objects: readonly R[], version: string): void {
    const listed = new Set(objects.map((object) => formatKey(keyOf(object))));
    const uids = new Set(objects.map((object) => object.metadata.uid));
    for (const uid of this.#removed) {
      if (!uids.has(uid)) this.#removed.delete(uid);
    }
    for (const known of this.list()) {
      const isOlder = compareVersions(known.metadata.resourceVersion, version) <= 0;
      if (isOlder && !listed.has(formatKey(keyOf(known)))) this.#drop(known);
    }
    for (const object of objects) this.put(object);
  }

  #drop(known: R): void {
    this.#index.remove(keyOf(known));
    this.#listener.changed({ type: 'deleted', object: known, previous: known });
  }
}

/** The generation moves with the spec and with the request to delete, so only the rest of what people set is compared. */
function onlyStatusMoved(before: Resource, after: Resource): boolean {
  const a = before.metadata;
  const b = after.metadata;
  return (
    a.generation === b.generation &&
    a.deletionTimestamp === b.deletionTimestamp &&
    sameJson(a.labels, b.labels) &&
    sameJson(a.annotations, b.annotations) &&
    sameJson(a.finalizers, b.finalizers) &&
    sameJson(a.ownerReferences, b.ownerReferences)
  );
}
