import type { Connection } from './context.ts';
import { CliError, type ExitName } from './exit.ts';
import type { KindName } from './kind-names.ts';
import type { ApiList, ApiObject, ApiTable } from './objects.ts';

const GROUP_PATH = '/apis/containr.dev/v1alpha1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface ListQuery {
  namespace?: string | undefined;
  labels?: string | undefined;
  fields?: string | undefined;
}

export interface ApplyOptions {
  fieldManager: string;
  force?: boolean;
  dryRun?: boolean;
}

interface StatusBody {
  message?: string;
  reason?: string;
  details?: { causes?: { field?: string; message?: string }[] };
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: ApiObject;
}

/** The server as commands use it. Every refusal is a CliError with the server's own words. */
export class ApiClient {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get url(): string {
    return this.#connection.url;
  }

  get(kind: KindName, name: string, namespace: string | undefined): Promise<ApiObject> {
    return this.#json<ApiObject>('GET', this.path(kind, namespace, name));
  }

  async find(kind: KindName, name: string, namespace: string | undefined): Promise<ApiObject | undefined> {
    try {
      return await this.get(kind, name, namespace);
    } catch (error) {
      if (error instanceof CliError && error.exit === 'notFound') return undefined;
      throw error;
    }
  }

  /** All pages of a list. */
  async list(kind: KindName, query: ListQuery = {}): Promise<ApiList> {
    let page = await this.#json<ApiList>('GET', this.#listPath(kind, query));
    const { items } = page;
    while (page.metadata.continue) {
      page = await this.#json<ApiList>('GET', this.#listPath(kind, query, page.metadata.continue));
      items.push(...page.items);
    }
    return { ...page, items };
  }

  table(kind: KindName, query: ListQuery & { name?: string | undefined }): Promise<ApiTable> {
    const path = query.name === undefined ? this.#listPath(kind, query) : this.path(kind, query.namespace, query.name);
    return this.#json<ApiTable>('GET', path, { headers: { accept: TABLE } });
  }

  apply(kind: KindName, object: ApiObject, { fieldManager, force, dryRun }: ApplyOptions): Promise<ApiObject> {
    const query = new URLSearchParams({
      fieldManager,
      ...(force && { force: 'true' }),
      ...(dryRun && { dryRun: 'All' }),
    });
    return this.#json<ApiObject>(
      'PATCH',
      `${this.path(kind, object.metadata.namespace, object.metadata.name)}?${query}`,
      {
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: JSON.stringify(object),
      },
    );
  }

  patch(kind: KindName, name: string, namespace: string | undefined, change: unknown): Promise<ApiObject> {
    return this.#json<ApiObject>('PATCH', `${this.path(kind, namespace, name)}?fieldManager=containr-cli`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(change),
    });
  }

  async delete(kind: KindName, name: string, namespace: string | undefined, propagationPolicy: string): Promise<void> {
    await this.#json('DELETE', `${this.path(kind, namespace, name)}?propagationPolicy=${propagationPolicy}`);
  }

  /** Changes after `since`, until the signal aborts or the server ends the watch. */
  async *watch(
    kind: KindName,
    query: ListQuery & { since: string; signal: AbortSignal; table?: boolean },
  ): AsyncGenerator<WatchEvent> {
    const path = this.#listPath(kind, query);
    const separator = path.includes('?') ? '&' : '?';
    const response = await this.#send(
      'GET',
      `${path}${separator}watch=1&resourceVersion=${encodeURIComponent(query.since)}`,
      {
        signal: query.signal,
        ...(query.table && { headers: { accept: TABLE } }),
      },
    );
    for await (const line of linesOf(response)) {
      const event: WatchEvent = JSON.parse(line);
      yield event;
    }
  }

  /** Lines of a log, as they come. */
  async *lines(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#send('GET', `${path}?${new URLSearchParams(query)}`, {
      signal,
      headers: { accept: 'text/plain' },
    });
    yield* linesOf(response);
  }

  json<T>(path: string): Promise<T> {
    return this.#json<T>('GET', path);
  }

  path(kind: KindName, namespace: string | undefined, name?: string): string {
    const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${GROUP_PATH}${scope}/${kind.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  }

  #listPath(kind: KindName, { namespace, labels, fields }: ListQuery, next?: string): string {
    const query = new URLSearchParams({
      ...(labels !== undefined && { labelSelector: labels }),
      ...(fields !== undefined && { fieldSelector: fields }),
      ...(next !== undefined && { continue: next }),
    });
    const text = query.toString();
    return `${this.path(kind, namespace)}${text === '' ? '' : `?${text}`}`;
  }

  async #json<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.#send(method, path, init);
    const body: T = JSON.parse(await response.text());
    return body;
  }

  async #send(method: string, path: string, init: RequestInit): Promise<Response> {
    const { url, token } = this.#connection;
    const headers = {
      authorization: `Bearer ${token}`,
      'user-agent': 'containr-cli',
      accept: 'application/json',
      ...headersOf(init),
    };
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, { ...init, method, headers });
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new CliError(
        'server',
        `The server at ${url} does not answer. Is it running, and is the address right?`,
        [],
        { cause },
      );
    }
    if (response.ok) return response;
    throw await refusalOf(response);
  }
}

function headersOf({ headers }: RequestInit): Record<string, string> {
  return Object.fromEntries(new Headers(headers).entries());
}

async function refusalOf(response: Response): Promise<CliError> {
  const text = await response.text();
  let body: StatusBody = {};
  try {
    body = JSON.parse(text);
  } catch {
    body = { message: text.slice(0, 200) };
  }
  const details = (body.details?.causes ?? []).map(({ field = '', message = '' }) =>
    field === '' ? message : `${field}: ${message}`,
  );
  return new CliError(
    exitOf(response.status, body.reason),
    body.message ?? `The server answered ${response.status}.`,
    details,
  );
}

function exitOf(status: number, reason: string | undefined): ExitName {
  if (status === 401 || status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  if (status === 408 || status === 504 || reason === 'Timeout') return 'timeout';
  return status >= 500 || status === 429 ? 'server' : 'usage';
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (!response.body) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line !== '') yield line;
  }
  if (rest !== '') yield rest;
}
