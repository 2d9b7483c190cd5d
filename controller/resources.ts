import type { Kind, Manifest, Resource } from '../crds/define-kind.ts';
import type { OwnerReference } from '../crds/meta.ts';
import { Fault, isFault } from './errors.ts';
import { controllerOf, formatKey, keyOf } from './object-key.ts';
import type { ResourceWriter } from './reconciler.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { ResourceStore, Writer } from './store/store.ts';

/** What the runtime itself writes with, besides what loops may: statuses. */
export interface LoopWriter extends ResourceWriter {
  /** Writes the status of `object` over the version it was read at; Conflict when that is not the stored one. */
  updateStatus<R extends Resource>(kind: Kind<R>, object: R): Promise<R>;
}

/** What of the store loops write through. */
export type WritableStore = Pick<ResourceStore, 'get' | 'create' | 'update' | 'updateStatus' | 'delete'>;

interface LoopWriterOptions {
  store: WritableStore;
  cache: Pick<ResourceCache, 'wrote' | 'removed'>;
  /** Whose fields these become: `controller/guest`. */
  manager: string;
  /** The leader's token for this write. Throws Fenced when this process does not lead. */
  fence: () => bigint | undefined;
  /** Throws when loops may change nothing but statuses. */
  guard: () => void;
}

/** Writes for one loop: each carries the fence, and what it answers is in the cache before the caller sees it. */
export function createLoopWriter({ store, cache, manager, fence, guard }: LoopWriterOptions): LoopWriter {
  const teller = (): Writer => ({ manager, fence: fence() });
  const writer = (): Writer => {
    guard();
    return teller();
  };

  return {
    async create(kind, manifest) {
      const made = await store.create(kind, manifest, writer()).catch(async (error: unknown) => {
        if (!isFault(error, 'AlreadyExists')) throw error;
        return existingOfSameOwner(kind, manifest, error);
      });
      cache.wrote(kind, made);
      return made;
    },

    async update(kind, object) {
      const written = await store.update(kind, object, writer());
      const { deletionTimestamp, finalizers = [] } = written.metadata;
      if (deletionTimestamp !== undefined && finalizers.length === 0) cache.removed(kind, written);
      else cache.wrote(kind, written);
      return written;
    },

    async updateStatus(kind, object) {
      const written = await store.updateStatus(kind, object, teller());
      cache.wrote(kind, written);
      return written;
    },

    async delete(kind, object, options = {}) {
      const { uid } = object.metadata;
      const left = await store.delete(kind, keyOf(object), writer(), { ...options, uid }).catch((error: unknown) => {
        if (isFault(error, 'NotFound')) return undefined;
        throw error;
      });
      if (left) cache.wrote(kind, left);
      else cache.removed(kind, object);
    },
  };

  /** A create whose answer was lost in a crash is found again by who owns the object. */
  async function existingOfSameOwner<R extends Resource>(
    kind: Kind<R>,
    manifest: Manifest<R['spec']>,
    error: Fault,
  ): Promise<R> {
    const key = { namespace: manifest.metadata.namespace, name: manifest.metadata.name };
    const existing = await store.get(kind, key);
    const owner = manifest.metadata.ownerReferences?.find((reference: OwnerReference) => reference.controller === true);
    if (!existing || owner === undefined || controllerOf(existing)?.uid !== owner.uid) throw error;
    if (existing.metadata.deletionTimestamp !== undefined) {
      throw new Fault(
        'Conflict',
        `${kind.kind} ${formatKey(key)} is still being removed; its name is free afterwards.`,
      );
    }
    return existing;
  }
}
