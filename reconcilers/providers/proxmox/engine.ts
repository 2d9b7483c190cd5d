import { randomBytes } from 'node:crypto';
import PQueue from 'p-queue';
import type { ApiRequestable } from 'proxmox-api';
import { Agent } from 'undici';
import { systemClock, type Clock } from '../../../controller/clock.ts';
import { sleep } from '../../../controller/sleep.ts';
import { Endpoints, type Endpoint } from './endpoints.ts';
import { exchange, type Answer, type Exchange, type ExchangeRequest } from './exchange.ts';
import { ProxmoxFault } from './fault.ts';
import { NodeBreaker } from './node-breaker.ts';
import { faultOf } from './refusals.ts';
import { jsonBody, queryOf, uploadBody, type FilePart, type Params } from './request-body.ts';
import { createTlsConnector, type TlsTrust } from './tls-connector.ts';
import { unconnectedFault, unreadableFault, unansweredFault } from './unanswered.ts';

/** Milliseconds. A read outlasts the 30 s after which Proxmox itself gives up on another node, so that we hear of it. */
const usualTimeouts = { connect: 5_000, read: 35_000, change: 60_000 };
/** To each node, and to the cluster as a whole: a node that hangs holds up its own readers only. */
const READS_AT_ONCE = 4;
const FIRST_RETRY_MS = 200;
const ANSWER_LIMIT_BYTES = 32 * 2 ** 20;

/** One request that came to an end; `status` 0: no answer. */
export interface RequestReport {
  method: string;
  /** The path with "*" for its variable parts. */
  template: string;
  status: number;
  ms: number;
}

export interface ProxmoxEngineOptions {
  /** "https://pve1.lan:8006"; tried in turn. */
  endpoints: readonly string[];
  /** "user@realm!name" */
  tokenId: string;
  tokenSecret: string;
  tls: TlsTrust;
  /** Changes under way at once on each node; default 2, as a node has three workers for all its callers. */
  perNode?: number;
  /** Asked right before each request that changes anything; throws to prevent it. */
  guard?: () => void;
  onRequest?: (report: RequestReport) => void;
  /** An endpoint stopped answering, and why, or answers again. */
  onEndpoint?: (url: string, failure: string | undefined) => void;
  clock?: Clock;
  timeouts?: Partial<typeof usualTimeouts>;
  answerLimitBytes?: number;
}

/** What a call needs to be told besides its path and parameters. */
export interface CallContext {
  /** For messages, after "could not" or "refused to": "start guest 100 on node pve1". */
  what: string;
  signal: AbortSignal;
  /** Sent as a multipart request. */
  file?: FilePart;
}

interface Call extends CallContext, Pick<ExchangeRequest, 'method' | 'body'> {
  path: string;
  template: string;
  node: string | undefined;
}

/** Speaks HTTP to a cluster for proxmox-api's typed proxy. Throws ProxmoxFault, and the caller's reason for aborting. */
export interface ProxmoxEngine {
  /** What the typed proxy is made over, for one call. */
  during(context: CallContext): ApiRequestable;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export function createProxmoxEngine(options: ProxmoxEngineOptions): ProxmoxEngine {
  return new UndiciEngine(options);
}

class UndiciEngine implements ProxmoxEngine {
  readonly #options: ProxmoxEngineOptions;
  readonly #clock: Clock;
  readonly #timeouts: typeof usualTimeouts;
  readonly #endpoints: Endpoints;
  readonly #breaker: NodeBreaker;
  readonly #agent: Agent;
  readonly #queues = new Map<string, PQueue>();

  constructor(options: ProxmoxEngineOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timeouts = { ...usualTimeouts, ...options.timeouts };
    this.#endpoints = new Endpoints(options.endpoints, this.#clock);
    this.#breaker = new NodeBreaker(this.#clock);
    this.#agent = new Agent({
      connect: createTlsConnector(options.tls, this.#timeouts.connect),
      // Proxmox closes connections that idle for five seconds; a request must not meet that moment.
      keepAliveTimeout: 3_000,
      keepAliveMaxTimeout: 3_000,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  during(context: CallContext): ApiRequestable {
    return { doRequest: (method, path, template, params) => this.#run(context, method, path, template, params ?? {}) };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #run(context: CallContext, verb: string, path: string, template: string, params: Params): Promise<unknown> {
    const method = methodOf(verb);
    const node = /^\/api2\/json\/nodes\/([^/]+)/.exec(path)?.[1];
    const inQuery = method === 'GET' || method === 'DELETE';
    const call: Call = {
      ...context,
      method,
      path: inQuery ? `${path}${queryOf(params)}` : path,
      template,
      node,
      body: inQuery ? undefined : bodyOf(params, context.file),
    };
    this.#breaker.refuseHeld(node, call.what);
    return this.#queueFor(call).add(() => this.#send(call), { signal: call.signal });
  }

  #queueFor({ method, node = '' }: Call): PQueue {
    const reads = method === 'GET';
    const name = `${reads ? 'read' : 'change'} ${node}`;
    const queue =
      this.#queues.get(name) ?? new PQueue({ concurrency: reads ? READS_AT_ONCE : (this.#options.perNode ?? 2) });
    this.#queues.set(name, queue);
    return queue;
  }

  /** Moves on to another endpoint only where repeating is safe: what only reads, and what was never sent. */
  async #send(call: Call): Promise<unknown> {
    const candidates = this.#endpoints.candidates();
    const unconnected: { url: string; failure: Error }[] = [];
    let retries = 0;
    for (let turn = 0; ; turn++) {
      const endpoint = candidates[turn % candidates.length];
      if (!endpoint) throw new ProxmoxFault('noAnswer', `Could not ${call.what}: the cluster has no endpoints.`);
      const result = await this.#attempt(endpoint, call);
      if (result.end === 'unconnected') {
        unconnected.push({ url: endpoint.url, failure: result.failure });
        if (turn + 1 < candidates.length) continue;
        throw unconnectedFault(unconnected, call.what);
      }
      if (call.method !== 'GET' || retries >= retriesAfter(result, call, candidates.length)) {
        if (result.end === 'answered') return dataOf(result.answer, endpoint, call);
        throw unansweredFault(result, endpoint.url, call);
      }
      await sleep(this.#clock, FIRST_RETRY_MS * 3 ** retries, call.signal);
      retries += 1;
    }
  }

  async #attempt(endpoint: Endpoint, call: Call): Promise<Exchange> {
    const { method, template, node, body, what } = call;
    const { tokenId, tokenSecret, guard, onRequest, answerLimitBytes = ANSWER_LIMIT_BYTES } = this.#options;
    this.#breaker.admit(node, what);
    const startMs = this.#clock.monotonicMs();
    if (method !== 'GET') guard?.();
    const result = await exchange(
      {
        url: new URL(call.path, endpoint.url),
        method,
        dispatcher: this.#agent,
        authorization: `PVEAPIToken=${tokenId}=${tokenSecret}`,
        body,
        timeoutMs: method === 'GET' ? this.#timeouts.read : this.#timeouts.change,
        answerLimitBytes,
      },
      call.signal,
    );
    const status = result.end === 'answered' ? result.answer.status : 0;
    onRequest?.({ method, template, status, ms: this.#clock.monotonicMs() - startMs });
    this.#learnFrom(result, endpoint, node);
    return result;
  }

  /** Silence on a question about a node is that node's; on any other question it is the endpoint's. */
  #learnFrom(result: Exchange, endpoint: Endpoint, node: string | undefined): void {
    const { onEndpoint } = this.#options;
    if (result.end === 'answered') {
      if (this.#endpoints.answered(endpoint)) onEndpoint?.(endpoint.url, undefined);
      if (isHopFailure(result.answer)) this.#breaker.failed(node);
      else this.#breaker.answered(node);
    } else if (result.end === 'silent' && node !== undefined) {
      this.#breaker.failed(node);
    } else if (result.end !== 'broken') {
      const failure = result.end === 'unconnected' ? result.failure.message : 'it does not answer';
      if (this.#endpoints.failed(endpoint)) onEndpoint?.(endpoint.url, failure);
    }
  }
}

function methodOf(verb: string): Call['method'] {
  const method = verb.toUpperCase();
  if (method === 'GET' || method === 'POST' || method === 'PUT' || method === 'DELETE') return method;
  throw new TypeError(`Proxmox has no method ${verb}.`);
}

function bodyOf(params: Params, file: FilePart | undefined): Call['body'] {
  return file ? uploadBody(params, file, `containr-${randomBytes(16).toString('hex')}`) : jsonBody(params);
}

/** How often a read is repeated after this. What took long is not, unless somebody else may answer. */
function retriesAfter(result: Exchange, { node }: Call, endpoints: number): number {
  if (result.end === 'broken') return 2;
  if (result.end === 'answered') return isHopFailure(result.answer) ? 1 : 0;
  return node === undefined && endpoints > 1 ? 1 : 0;
}

/** The endpoint could not reach the node that the call is for. */
function isHopFailure({ status }: Answer): boolean {
  return status >= 595 && status <= 599;
}

function dataOf(answer: Answer, endpoint: Endpoint, call: Call): unknown {
  if (answer.status >= 300) throw faultOf(answer, call.what);
  if (!answer.envelope) throw unreadableFault(endpoint.url, call.what);
  return answer.envelope.data;
}
