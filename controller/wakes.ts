import type { Logger } from 'pino';
import type { Resource } from '../crds/define-kind.ts';
import type { CacheEvent } from './object-cache.ts';
import { controllerOf, formatKey, keyOf, ownerKey } from './object-key.ts';
import type { Reconciler, ToldKind, WatchedKind } from './reconciler.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { ObjectKey } from './store/store.ts';

/** Where a loop's wakings go. */
export interface Wakes {
  /** Somebody changed what they want of this object. */
  changed(key: ObjectKey): void;
  /** Something that this object depends on moved. */
  woken(key: ObjectKey): void;
  /** The same, and it is only to be told of. */
  gathered(key: ObjectKey): void;
  gone(key: ObjectKey): void;
}

/** Follows all that concerns a loop: its own kind but not its statuses, what it owns, what it watches. The answer ends it. */
export function followWakes<R extends Resource>(
  reconciler: Reconciler<R>,
  cache: ResourceCache,
  wakes: Wakes,
  log: Logger,
): () => void {
  const { kind, owns = [], watches = [], gathers } = reconciler;
  const wake = (key: ObjectKey, event: CacheEvent<Resource>): void => {
    if (gathers && isOnlyTold(event, gathers.only)) wakes.gathered(key);
    else wakes.woken(key);
  };
  const ends = [
    cache.informer(kind).subscribe((event) => {
      if (event.type === 'deleted') wakes.gone(keyOf(event.object));
      else if (event.type !== 'status') wakes.changed(keyOf(event.object)); // Our own report must not wake us.
    }),
    ...owns.map((child) =>
      cache.informer(child).subscribe((event) => {
        for (const object of statesOf(event)) {
          const owner = controllerOf(object);
          if (owner?.kind === kind.kind) wake(ownerKey(kind, owner, object), event);
        }
      }),
    ),
    ...watches.map((watched) =>
      cache.informer(watched.kind).subscribe((event) => {
        const own = watched.kind.kind === kind.kind ? formatKey(keyOf(event.object)) : undefined;
        for (const key of concernedBy(event, watched, cache, log)) {
          if (formatKey(key) !== own) wake(key, event);
        }
      }),
    ),
  ];
  return () => ends.forEach((end) => end());
}

/** As it is, and as it was: whoever lost it has to know too. */
function statesOf<R extends Resource>({ type, object, previous }: CacheEvent<R>): R[] {
  return type === 'spec' ? [object, previous] : [object];
}

function isOnlyTold(event: CacheEvent<Resource>, only: readonly ToldKind[] | undefined): boolean {
  if (!only) return true;
  const told = only.find(({ kind }) => kind.kind === event.object.kind);
  return told !== undefined && event.type === 'status' && told.isOnlyTold(event.object, event.previous);
}

function concernedBy(
  event: CacheEvent<Resource>,
  watched: WatchedKind,
  cache: ResourceCache,
  log: Logger,
): ObjectKey[] {
  try {
    return statesOf(event).flatMap((object) => watched.keysOf(object, cache, event.previous));
  } catch (error) {
    const { namespace, name } = event.object.metadata;
    const words = `A bug: keysOf failed for ${watched.kind.kind} ${name}; loops that depend on it see the change at their next recheck.`;
    log.error({ err: error, namespace, name }, words);
    return [];
  }
}
