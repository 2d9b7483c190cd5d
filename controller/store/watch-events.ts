import type { Kind, Resource } from '../../crds/define-kind.ts';
import type { StoredChange } from './backend.ts';
import type { ChangeTail } from './change-tail.ts';
import type { ReadStored } from './read-stored.ts';
import { matchesFields, matchesLabels } from './selector.ts';
import type { Change, WatchEvent, WatchOptions } from './store.ts';
import { parseVersion } from './version.ts';

/** The changes of a kind as a watch tells them: an object that leaves the selection is DELETED, one that enters is ADDED. */
export async function* watchEvents<R extends Resource>(
  tail: ChangeTail,
  read: ReadStored,
  kind: Kind<R>,
  { namespace, labels = [], fields = [], since, signal, bookmarks = false }: WatchOptions,
): AsyncGenerator<WatchEvent<R>, void, undefined> {
  const selects = (object: R | undefined): object is R =>
    object !== undefined && matchesLabels(object.metadata.labels, labels) && matchesFields(object, fields);
  const selectsAll = labels.length === 0 && fields.length === 0;

  for await (const event of tail.follow({ kind: kind.kind, namespace }, parseVersion(since), signal)) {
    if (event.type === 'reached') {
      if (bookmarks) yield { type: 'BOOKMARK', resourceVersion: String(event.version) };
      continue;
    }
    const told = selectsAll ? whole(read, kind, event.change) : selected(read, kind, event.change, selects);
    if (told) yield told;
  }
}

function whole<R extends Resource>(read: ReadStored, kind: Kind<R>, change: StoredChange): Change<R> | undefined {
  const object = read(kind, change);
  return object && { type: change.change, object };
}

function selected<R extends Resource>(
  read: ReadStored,
  kind: Kind<R>,
  stored: StoredChange,
  selects: (object: R | undefined) => object is R,
): Change<R> | undefined {
  const { change, version, previous } = stored;
  const object = read(kind, stored);
  const before = previous === undefined ? undefined : read(kind, { version, json: previous.json });
  if (change !== 'DELETED' && selects(object)) return { type: selects(before) ? 'MODIFIED' : 'ADDED', object };
  if (!selects(before)) return undefined;
  return { type: 'DELETED', object: before };
}
