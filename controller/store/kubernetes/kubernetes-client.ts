import type { KubeConfig } from '@kubernetes/client-node';
import { fetch, type RequestInit, type Response } from 'undici';
import type { Clock } from '../../clock.ts';
import { Fault, isFault } from '../../errors.ts';
import { KubernetesCredentials } from './kubernetes-credentials.ts';
import { faultOf } from './kubernetes-fault.ts';

/** How long an answer may take. */
const ANSWER_MS = 30_000;
/** How long a watch may take to end after the time that the server was given for it. */
const LATE_MS = 15_000;

/** One request to the API server. */
export interface KubernetesRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string | undefined>>;
  body?: object | undefined;
  accept?: string | undefined;
  /** 30 s without one. */
  timeoutMs?: number | undefined;
}

/** What the store needs of an API server. Each refusal, and silence, is a Fault. */
export interface KubernetesClient {
  /** The answer, read as JSON. */
  send(request: KubernetesRequest): Promise<unknown>;
  /** The lines of a watch, each read as JSON, until the server ends it after `seconds`, or `signal` aborts. */
  follow(
    request: Pick<KubernetesRequest, 'path' | 'query'>,
    options: { seconds: number; signal: AbortSignal },
  ): AsyncGenerator<unknown, void, undefined>;
  /** Closes its connections once nothing is under way on them. */
  close(): void;
}

/** Talks to the API server of the current context of `config`, as its user. */
export function createKubernetesClient(config: KubeConfig, clock: Pick<Clock, 'monotonicMs'>): KubernetesClient {
  const server = config.getCurrentCluster()?.server.replace(/\/+$/, '');
  if (server === undefined) {
    throw new Fault('Invalid', 'The kubeconfig names no cluster in its current context. Set one with kubectl config.');
  }

  const credentials = new KubernetesCredentials(config, clock);

  async function ask(
    { method, path, query = {}, body, accept = 'application/json' }: KubernetesRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    const url = new URL(server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const what = `${method} ${path}`;
    try {
      const { headers, dispatcher } = await credentials.get(url);
      const init: RequestInit = {
        method,
        signal,
        headers: { ...headers, accept, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        ...(dispatcher && { dispatcher }),
      };
      const response = await fetch(url, init);
      if (response.ok) return response;
      if (response.status === 401) credentials.drop();
      throw faultOf(response.status, await response.text(), what);
    } catch (error) {
      throw isFault(error) ? error : silence(what, error);
    }
  }

  return {
    async send(request) {
      const what = `${request.method} ${request.path}`;
      const response = await ask(request, AbortSignal.timeout(request.timeoutMs ?? ANSWER_MS));
      try {
        return await response.json();
      } catch (error) {
        throw silence(what, error);
      }
    },

    async *follow({ path, query }, { seconds, signal }) {
      // A connection that died without a word must not be taken for a quiet one.
      const either = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000 + LATE_MS)]);
      const watching = { ...query, watch: 'true', timeoutSeconds: String(seconds) };
      try {
        const { body } = await ask({ method: 'GET', path, query: watching }, either);
        if (!body) return;
        for await (const line of linesOf(body)) yield JSON.parse(line);
      } catch (error) {
        if (signal.aborted) return;
        throw isFault(error) ? error : silence(`the watch of ${path}`, error);
      }
    },

    close: () => credentials.drop(),
  };

  function silence(what: string, cause: unknown): Fault {
    const why = cause instanceof Error ? reasonOf(cause) : String(cause);
    return new Fault('Unavailable', `The Kubernetes API at ${server} gave no usable answer to ${what}: ${why}.`, {
      cause,
    });
  }
}

/** `fetch failed` says nothing; what it was caused by does. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

async function* linesOf(body: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
  if (rest !== '') yield rest;
}
