import type { Connection } from './context.ts';
import { CliError, Refusal, type ExitName } from './exit.ts';
import type { KindName, PlacedTarget } from './kind-names.ts';
import type { ApiList, ApiObject, ApiTable } from './objects.ts';
import { disconnected, streamedLines } from './streamed-lines.ts';
import { plainLine } from './text.ts';

const GROUP_PATH = '/apis/containr.dev/v1alpha1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
/** For an answer; streams may take as long as they like. */
const ANSWER_MS = 60_000;

export interface ListQuery {
  namespace?: string | undefined;
  labels?: string | undefined;
  fields?: string | undefined;
}

export interface TableQuery extends ListQuery {
  name?: string | undefined;
  /** Whole objects beside the rows, instead of their metadata. */
  withObjects?: boolean;
}

export interface ApplyOptions {
  fieldManager: string;
  force?: boolean | undefined;
  dryRun?: boolean;
}

export interface WatchEvent<Item> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: Item;
}

interface StatusBody {
  message?: string;
  /** The REST API says it so. */
  error?: string;
  details?: { causes?: { field?: string; message?: string }[] };
}

/** The server as commands use it. Whatever it refuses is a Refusal with its own words; when it is away, a CliError says so. */
export class ApiClient {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get url(): string {
    return this.#connection.url;
  }

  get({ kind, name, namespace }: PlacedTarget): Promise<ApiObject> {
    return this.#json<ApiObject>('GET', pathOf(kind, namespace, name));
  }

  async find(target: PlacedTarget): Promise<ApiObject | undefined> {
    try {
      return await this.get(target);
    } catch (error) {
      if (error instanceof CliError && error.exit === 'notFound') return undefined;
      throw error;
    }
  }

  /** All pages of a list. */
  async list(kind: KindName, query: ListQuery = {}, signal?: AbortSignal): Promise<ApiList> {
    let page = await this.#json<ApiList>('GET', listPath(kind, query), { ...(signal && { signal }) });
    const { items } = page;
    while (page.metadata.continue) {
      const next = listPath(kind, query, { continue: page.metadata.continue });
      page = await this.#json<ApiList>('GET', next, { ...(signal && { signal }) });
      items.push(...page.items);
    }
    return { ...page, items };
  }

  /** The server's own table of a list, or of one object. */
  table(kind: KindName, { name, withObjects, ...query }: TableQuery, signal?: AbortSignal): Promise<ApiTable> {
    const include = withObjects ? { includeObject: 'Object' } : {};
    const path =
      name === undefined
        ? listPath(kind, query, include)
        : `${pathOf(kind, query.namespace, name)}?${new URLSearchParams(include)}`;
    return this.#json<ApiTable>('GET', path, { headers: { accept: TABLE }, ...(signal && { signal }) });
  }

  apply(kind: KindName, object: ApiObject, { fieldManager, force, dryRun }: ApplyOptions): Promise<ApiObject> {
    const query = new URLSearchParams({
      fieldManager,
      ...(force && { force: 'true' }),
      ...(dryRun && { dryRun: 'All' }),
    });
    const { namespace, name } = object.metadata;
    return this.#json<ApiObject>('PATCH', `${pathOf(kind, namespace, name)}?${query}`, {
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(object),
    });
  }

  create(kind: KindName, object: ApiObject): Promise<ApiObject> {
    return this.#json<ApiObject>(
      'POST',
      `${collectionPath(kind, object.metadata.namespace)}?fieldManager=containr-cli`,
      {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(object),
      },
    );
  }

  patch({ kind, name, namespace }: PlacedTarget, change: unknown): Promise<ApiObject> {
    return this.#json<ApiObject>('PATCH', `${pathOf(kind, namespace, name)}?fieldManager=containr-cli`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(change),
    });
  }

  /** With a uid it is that very object or a conflict, never one that came in its place. */
  async delete({ kind, name, namespace }: PlacedTarget, propagationPolicy: string, uid?: string): Promise<void> {
    const path = `${pathOf(kind, namespace, name)}?propagationPolicy=${propagationPolicy}`;
    const body = JSON.stringify({ preconditions: { uid } });
    await this.#json(
      'DELETE',
      path,
      uid === undefined ? {} : { headers: { 'content-type': 'application/json' }, body },
    );
  }

  /** Changes after `since`, until the signal aborts or the server ends the watch. */
  watch(kind: KindName, query: ListQuery, since: string, signal: AbortSignal): AsyncGenerator<WatchEvent<ApiObject>> {
    return this.#events<ApiObject>(listPath(kind, query, { watch: '1', resourceVersion: since }), { signal });
  }

  /** The same, each object as a table of one row. */
  watchTable(
    kind: KindName,
    query: ListQuery,
    since: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<ApiTable>> {
    const path = listPath(kind, query, { watch: '1', resourceVersion: since });
    return this.#events<ApiTable>(path, { signal, headers: { accept: TABLE } });
  }

  /** Lines of the log of an object, as they come. */
  async *log({ kind, name, namespace }: PlacedTarget, query: Readonly<Record<string, string>>): AsyncGenerator<string> {
    const path = `${pathOf(kind, namespace, name)}/log?${new URLSearchParams(query)}`;
    const { signal } = new AbortController();
    yield* streamedLines(await this.#send('GET', path, { signal, headers: { accept: 'text/plain' } }), this.url);
  }

  /** For what is no object of a kind: tokens, logins. */
  request<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const sent = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return this.#json<T>(method, path, body === undefined ? {} : sent);
  }

  /** The server's version, and by how much this machine's clock is ahead of its own, to the second; undefined when it does not say. */
  async version(): Promise<{ gitVersion?: string; aheadMs: number | undefined }> {
    const before = Date.now();
    const response = await this.#send('GET', '/version', {});
    const now = (before + Date.now()) / 2;
    const version = await this.#read<{ gitVersion?: string }>(response);
    const told = Date.parse(response.headers.get('date') ?? '');
    // The header leaves out what is below a second.
    return { ...version, aheadMs: Number.isNaN(told) ? undefined : now - (told + 500) };
  }

  async *#events<Item>(path: string, init: RequestInit): AsyncGenerator<WatchEvent<Item>> {
    for await (const line of streamedLines(await this.#send('GET', path, init), this.url)) {
      if (line === '') continue;
      const event: WatchEvent<Item> = JSON.parse(line);
      yield event;
    }
  }

  async #json<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
    return this.#read<T>(await this.#send(method, path, init), init.signal);
  }

  async #read<T>(response: Response, signal?: AbortSignal | null): Promise<T> {
    try {
      const body: T = JSON.parse(await response.text());
      return body;
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (!(cause instanceof SyntaxError)) throw disconnected(this.url, cause);
      const message = `What answers at ${this.url} is not Containr. Check the address.`;
      throw new CliError('server', message, [], { cause });
    }
  }

  async #send(method: string, path: string, init: RequestInit): Promise<Response> {
    const { url, token } = this.#connection;
    const headers = {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      'user-agent': 'containr-cli',
      accept: 'application/json',
      ...Object.fromEntries(new Headers(init.headers).entries()),
    };
    const signal = init.signal ?? AbortSignal.timeout(ANSWER_MS);
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, { ...init, signal, method, headers, redirect: 'error' });
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw disconnected(url, cause);
    }
    tellWarning(response);
    if (response.ok) return response;
    throw await refusalOf(response, this.#connection);
  }
}

const told = new Set<string>();

/** What the server wants everybody to know: once for each command, beside its output. */
function tellWarning({ headers }: Response): void {
  const [, text] = /^299 \S+ "((?:[^"\\]|\\.)*)"$/.exec(headers.get('warning') ?? '') ?? [];
  if (text === undefined || told.has(text)) return;
  told.add(text);
  process.stderr.write(`Warning: ${plainLine(text.replaceAll(/\\(.)/g, '$1'))}\n`);
}

function pathOf(kind: KindName, namespace: string | undefined, name: string): string {
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
}

function collectionPath(kind: KindName, namespace: string | undefined): string {
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${GROUP_PATH}${scope}/${kind.plural}`;
}

function listPath(
  kind: KindName,
  { namespace, labels, fields }: ListQuery,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({
    ...(labels !== undefined && { labelSelector: labels }),
    ...(fields !== undefined && { fieldSelector: fields }),
    ...more,
  });
  return `${collectionPath(kind, namespace)}?${query}`;
}

async function refusalOf(response: Response, { url, token }: Connection): Promise<CliError> {
  const text = await response.text().catch(() => '');
  let body: StatusBody = {};
  try {
    body = JSON.parse(text);
  } catch {
    // Something in between answered, in words of its own.
  }
  const fields = (body.details?.causes ?? []).map(({ field = '', message = '' }) => ({
    // Kubernetes begins the paths of some with a dot.
    field: field.replace(/^\./, ''),
    message,
  }));
  const message =
    body.message ?? body.error ?? `${url} answered ${response.status} without saying why. Is it a Containr server?`;
  const hint = response.status === 401 && token !== '' ? ' Use "containr login", or set CONTAINR_TOKEN.' : '';
  return new Refusal(exitOf(response.status), `${message}${hint}`, fields);
}

function exitOf(status: number): ExitName {
  if (status === 401 || status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  if (status === 408 || status === 504) return 'timeout';
  // 410: what was asked to go on from is no longer kept; asking anew helps.
  return status >= 500 || status === 429 || status === 410 ? 'server' : 'usage';
}
