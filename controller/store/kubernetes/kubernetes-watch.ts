import { z } from 'zod';
import type { Kind, Resource } from '../../../crds/define-kind.ts';
import { Fault } from '../../errors.ts';
import { matchesFields, type FieldSelector } from '../selector.ts';
import type { ChangeType, WatchEvent, WatchOptions } from '../store.ts';
import { parseVersion } from '../version.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { faultOfEvent } from './kubernetes-fault.ts';
import { collectionPath, fieldQuery, labelQuery, unservedFields } from './kubernetes-path.ts';
import type { KubernetesReads } from './kubernetes-reads.ts';

/** How long one request watches before the next goes on. */
const SECONDS = 240;

const Event = z.object({ type: z.string(), object: z.unknown() });
const Bookmark = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

interface WatchDeps {
  client: Pick<KubernetesClient, 'follow'>;
  reads: Pick<KubernetesReads, 'readListed' | 'uids'>;
  /** Aborts when the store is closed. */
  closed: AbortSignal;
}

/**
 * The changes of a kind as the API server tells them, over as many requests as it takes. The version 0 is any version: it
 * begins with what there is. Demands on fields that the server cannot look at are looked at here; what does not meet them
 * when it first changes is told as DELETED, also to who never had it.
 */
export async function* watchObjects<R extends Resource>(
  { client, reads, closed }: WatchDeps,
  kind: Kind<R>,
  { namespace, labels = [], fields = [], since, signal, bookmarks = false }: WatchOptions,
): AsyncGenerator<WatchEvent<R>, void, undefined> {
  let version = String(parseVersion(since));
  const either = AbortSignal.any([signal, closed]);
  const path = collectionPath(kind, namespace);
  const left = unservedFields(fields);
  const outside = new Set<string>();
  const selection = { labelSelector: labelQuery(labels), fieldSelector: fieldQuery(fields) };
  while (!either.aborted) {
    const query = { ...selection, resourceVersion: version, allowWatchBookmarks: 'true' };
    for await (const line of client.follow({ path, query }, { seconds: SECONDS, signal: either })) {
      const { type, object } = Event.parse(line);
      if (type === 'ERROR') {
        const fault = faultOfEvent(object, `the watch of ${path}`);
        throw fault ?? new Fault('Unavailable', `The watch of ${path} was ended by the server without a reason.`);
      }
      if (type === 'BOOKMARK') {
        version = Bookmark.parse(object).metadata.resourceVersion;
        if (bookmarks) yield { type, resourceVersion: version };
        continue;
      }
      version = Bookmark.parse(object).metadata.resourceVersion;
      const read = reads.readListed(kind, object);
      if (!read || (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED')) continue;
      if (type === 'DELETED') reads.uids.forget(read.metadata.uid);
      else reads.uids.note(read);
      const told = left.length === 0 ? type : selected(type, read, { fields: left, outside });
      if (told) yield { type: told, object: read };
    }
  }
  if (closed.aborted && !signal.aborted) throw new Fault('Unavailable', 'The store is closed.');
}

/** As what a change is told to who selects by fields; undefined when it is no news. */
function selected(
  type: ChangeType,
  object: Resource,
  { fields, outside }: { fields: FieldSelector; outside: Set<string> },
): ChangeType | undefined {
  const { uid } = object.metadata;
  const wasOutside = outside.delete(uid);
  if (type === 'DELETED') return wasOutside ? undefined : type;
  if (matchesFields(object, fields)) return wasOutside ? 'ADDED' : type;
  outside.add(uid);
  return wasOutside || type === 'ADDED' ? undefined : 'DELETED';
}
