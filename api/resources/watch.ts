import type { Resource } from '../../crds/define-kind.ts';
import { API_VERSION } from '../../crds/meta.ts';
import type { WatchEvent } from '../../controller/store/store.ts';
import type { ApiContext } from '../context.ts';
import type { Visibility } from '../auth/authorizer.ts';
import { failure, statusOf, type Status } from '../status.ts';
import { jsonLines, streamSignal } from '../stream.ts';
import { acceptedForm } from './accept.ts';
import { objectAnswer, type AnswerForm } from './answer.ts';
import type { ResourceDeps } from './deps.ts';
import { readListQuery, type ListRequest } from './query.ts';
import { guardSelector } from './read.ts';
import type { Target } from './target.ts';

const DEFAULT_SECONDS = 1_800;
const MOST_SECONDS = 3_600;

/**
 * Streams changes as JSON lines, each once and in order, until its time is over, the client goes, the server stops, or the
 * asker may no longer see them. What ends it early comes as an event of type ERROR; 410 means: list again.
 */
export async function watchObjects(
  context: ApiContext,
  deps: ResourceDeps,
  target: Target,
  mayStill: () => Promise<boolean>,
): Promise<Response> {
  const query = readListQuery(context);
  guardSelector(target.kind, query);
  const { as } = acceptedForm(context.req.header('accept'));
  const asked = { verb: 'watch', kind: target.kind.kind, namespace: target.namespace } as const;
  const visibility = await deps.authorizer.visibility(context.get('identity'), asked);
  const seconds = Math.min(query.timeoutSeconds ?? DEFAULT_SECONDS, MOST_SECONDS);
  const stream = streamSignal(context, deps, {
    maxMs: seconds * 1000,
    mayStill: async () => (await mayStill()) && (await visibility.holds()),
  });
  const form = { as, include: query.includeObject };
  const events = watchLines(deps, target, { query, form, visibility, signal: stream.signal });
  return jsonLines(context, withEnd(events, stream.denied), stream);
}

type Line = { type: WatchEvent<Resource>['type'] | 'ERROR'; object: object };

interface Watching {
  query: ListRequest;
  form: Omit<AnswerForm, 'now'>;
  visibility: Visibility;
  signal: AbortSignal;
}

async function* watchLines(
  { store, clock }: ResourceDeps,
  { kind, namespace }: Target,
  { query, form, visibility, signal }: Watching,
): AsyncGenerator<Line> {
  const selection = { namespace, labels: query.labels, fields: query.fields };
  const shown = (object: Resource) => objectAnswer(kind, object, { ...form, now: clock.now() });
  let since = query.resourceVersion;
  if (since === '' || since === '0' || query.sendInitialEvents) {
    const page = await store.list(kind, selection);
    for (const object of page.items) if (visibility.sees(object)) yield { type: 'ADDED', object: shown(object) };
    since = page.resourceVersion;
    if (query.sendInitialEvents) yield bookmark(kind.kind, since, { 'k8s.io/initial-events-end': 'true' });
  }
  for await (const event of store.watch(kind, { ...selection, since, signal, bookmarks: query.allowWatchBookmarks })) {
    if (event.type === 'BOOKMARK') yield bookmark(kind.kind, event.resourceVersion);
    else if (visibility.sees(event.object)) yield { type: event.type, object: shown(event.object) };
  }
}

function bookmark(kind: string, resourceVersion: string, annotations?: Record<string, string>): Line {
  const metadata = { resourceVersion, creationTimestamp: null, ...(annotations && { annotations }) };
  return { type: 'BOOKMARK', object: { kind, apiVersion: API_VERSION, metadata } };
}

/** Ends a stream with the reason when it ends before its time. */
async function* withEnd(events: AsyncGenerator<Line>, denied: () => boolean): AsyncGenerator<Line> {
  try {
    yield* events;
  } catch (error) {
    yield { type: 'ERROR', object: statusOf(error) ?? internal };
    if (!statusOf(error)) throw error;
  }
  if (denied()) yield { type: 'ERROR', object: gone };
}

const internal: Status = failure('InternalError', 'The server failed on this watch; its log has the cause.');
const gone: Status = failure('Expired', 'What you may see has changed. List again.');
