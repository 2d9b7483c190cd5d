import type { Identity } from '../access/identity.ts';
import { checkPermission } from '../access/permission.ts';
import type { Call, CallContext } from '../api/call.ts';
import { Router, type Route } from '../api/router.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { CallEffect } from '../faults/fault-plan.ts';
import { forbidden, Refusal } from '../refusal.ts';
import { validateParameters, type RawParameters } from '../schema/validate.ts';
import { EngineError } from '../engine/engine.ts';
import { formatRefusal, formatResult, plainAnswer, type Answer, type Formatter } from './answer.ts';

/** An authenticated request. */
export interface ApiRequest {
  method: string;
  /** Decoded, without /api2 and the formatter. */
  path: string;
  formatter: Formatter;
  identity: Identity;
  parameters: RawParameters;
  /** The node that was contacted. */
  entryNode: string;
  /** Where an uploaded file was put. */
  uploaded?: string;
}

/** What the connection is to do: send this, or close without an answer. */
export type Outcome = Answer | 'drop';

/** Carries requests to their calls: rights, the hop to the owning node, parameters, the node's workers. */
export class Dispatcher {
  readonly #cluster: Cluster;
  readonly #router: Router;

  constructor(cluster: Cluster, calls: readonly Call[]) {
    this.#cluster = cluster;
    this.#router = new Router(calls);
  }

  find(method: string, path: string): Route | undefined {
    return this.#router.find(method, path);
  }

  /** Answers one request; never rejects. */
  async dispatch(request: ApiRequest): Promise<Outcome> {
    const route = this.#router.find(request.method, request.path);
    if (!route) {
      const refusal = new Refusal(`Method '${request.method} ${request.path}' not implemented`, 501);
      return formatRefusal(refusal, request.formatter);
    }
    const node = nodeOf(route, request);
    const effect = this.#cluster.faults.takeCall({ method: request.method, path: request.path, node });
    const early = await before(effect);
    if (early) return early;
    const outcome = await this.#inTime(route.call, () => this.#answer(route, request, node));
    if (effect?.do === 'drop') return 'drop';
    return effect?.do === 'proxy-timeout' ? timedOut() : outcome;
  }

  /** Throws Refusal when the caller may not. */
  checkRights({ call, uri }: Route, { identity, parameters }: Pick<ApiRequest, 'identity' | 'parameters'>): void {
    if (call.ticketOnly && identity.token !== undefined) {
      throw forbidden(`URI '${call.path}' not available with API token, need proper ticket.\n`);
    }
    checkPermission(this.#cluster.access, identity, call.permission, (name) => uri[name] ?? textOf(parameters[name]));
  }

  async #answer(route: Route, request: ApiRequest, node: string): Promise<Outcome> {
    const { call } = route;
    try {
      this.checkRights(route, request);
      const away = this.#awayAnswer(call, route, node);
      if (away) return away;
      const context: CallContext = {
        cluster: this.#cluster,
        identity: request.identity,
        args: validateParameters(withUri(request.parameters, route.uri), call.parameters),
        node,
        entryNode: request.entryNode,
        uploaded: request.uploaded,
      };
      const { workers } = this.#cluster.node(this.#cluster.nodes.has(node) ? node : request.entryNode);
      const result = await (call.protected ? workers.run(() => call.handle(context)) : call.handle(context));
      return formatResult(result, request.formatter);
    } catch (error) {
      return formatRefusal(asRefusal(error), request.formatter);
    }
  }

  /** What a call for another node is answered when that node is unknown or away. */
  #awayAnswer(call: Call, { uri }: Route, node: string): Answer | undefined {
    if (!call.proxied || uri['node'] === undefined) return undefined;
    const known = this.#cluster.nodes.get(node);
    if (!known) {
      throw new Refusal(
        `hostname lookup '${node}' failed - failed to get address info for: ${node}: Name or service not known`,
      );
    }
    return known.online ? undefined : plainAnswer(595, 'No route to host');
  }

  /** The work goes on when the proxy gives up waiting for it. */
  async #inTime(call: Call, work: () => Promise<Outcome>): Promise<Outcome> {
    const outcome = work();
    if (!call.protected) return outcome;
    let late: NodeJS.Timeout | undefined;
    const limit = new Promise<Outcome>((resolve) => {
      late = setTimeout(() => resolve(timedOut()), this.#cluster.settings.proxyTimeoutMs);
    });
    try {
      return await Promise.race([outcome, limit]);
    } finally {
      clearTimeout(late);
    }
  }
}

async function before(effect: CallEffect | undefined): Promise<Outcome | undefined> {
  switch (effect?.do) {
    case undefined:
    case 'proxy-timeout':
      return undefined;
    case 'answer':
      return formatRefusal(new Refusal(effect.text, effect.status), 'json');
    case 'delay':
      await new Promise((resolve) => setTimeout(resolve, effect.ms));
      return undefined;
    case 'drop':
      return effect.when === 'before' ? 'drop' : undefined;
    default:
      return effect satisfies never;
  }
}

function nodeOf({ uri }: Route, { entryNode }: ApiRequest): string {
  const named = uri['node'];
  return named === undefined || named === 'localhost' ? entryNode : named;
}

/** A copy of a path's parameter in the query or body must say the same. */
function withUri(parameters: RawParameters, uri: Readonly<Record<string, string>>): RawParameters {
  for (const [name, value] of Object.entries(uri)) {
    const copy = parameters[name];
    if (copy === undefined || textOf(copy) === value) continue;
    throw new Refusal('Parameter verification failed.', 400, {
      [name]: 'duplicate parameter (already defined in URI) with conflicting values!',
    });
  }
  return { ...parameters, ...uri };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof EngineError) return new Refusal(error.message);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`sandbox: a call failed in a way that is no answer of Proxmox: ${text}\n`);
  return new Refusal(`sandbox error: ${error instanceof Error ? error.message : String(error)}`);
}

function timedOut(): Answer {
  return plainAnswer(596, 'Connection timed out');
}
