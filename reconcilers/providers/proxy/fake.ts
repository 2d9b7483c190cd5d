import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AdminAnswer, AdminApi, AdminRequest } from './admin-api.ts';
import { ProxyFault } from './fault.ts';

type Json = z.infer<ReturnType<typeof z.json>>;
type Document = Record<string, Json>;

/** A Caddy in memory: a configuration document behind the admin API. */
export interface FakeCaddy extends AdminApi {
  /** The configuration as it stands; undefined for none. */
  readonly config: Json | undefined;
  /** Changes that were taken, each of which is a reload of a real Caddy. */
  readonly reloads: number;
  /** Calls that were made, as `METHOD path`. */
  readonly calls: readonly string[];
  /** Does not answer until told otherwise. */
  setReachable(reachable: boolean): void;
  /** Somebody else changes the configuration, or the whole Caddy starts anew with another one. */
  load(config: Json | undefined): void;
  /** The addresses that a request for this host would be passed to; undefined when no route of ours knows the host. */
  upstreamsOf(host: string): readonly string[] | undefined;
  /** Finds every configuration wrong in which a route has this host. */
  refuseHost(host: string): void;
  /** Calls back before each change is judged, so that a test can come in between. */
  onChange(listener: () => void): void;
}

interface FakeCaddyOptions {
  config?: Json | undefined;
  /** Whether it is of a version in which WebSockets outlive a reload. */
  keepsStreams?: boolean;
}

const Server = z.strictObject({
  '@id': z.string().optional(),
  listen: z.array(z.string()).optional(),
  routes: z
    .array(
      z.looseObject({
        match: z.array(z.looseObject({ host: z.array(z.string()).optional() })).optional(),
        handle: z.array(z.looseObject({ handler: z.string() })),
      }),
    )
    .optional(),
  errors: z.unknown().optional(),
  protocols: z.array(z.string()).optional(),
  automatic_https: z.unknown().optional(),
  tls_connection_policies: z.unknown().optional(),
});
const Config = z.looseObject({
  apps: z
    .looseObject({
      http: z.looseObject({ servers: z.record(z.string(), Server).nullish() }).nullish(),
      tls: z
        .looseObject({
          automation: z
            .looseObject({ policies: z.array(z.looseObject({ subjects: z.array(z.string()).optional() })).nullish() })
            .nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

const handlers = new Set(['reverse_proxy', 'static_response', 'headers', 'subroute', 'file_server']);

/** Keeps to what a real one does as far as the conformance suite knows: paths, tags, refusals. */
export function createFakeCaddy({ config, keepsStreams = false }: FakeCaddyOptions = {}): FakeCaddy {
  let current: Json | undefined = config;
  let reachable = true;
  let reloads = 0;
  const calls: string[] = [];
  const listeners: (() => void)[] = [];
  const refusedHosts: string[] = [];

  function get(path: string): AdminAnswer {
    const parts = partsOf(path);
    const parent = parts.length === 0 ? current : valueAt(current, parts.slice(0, -1));
    if (parts.length > 0 && !isDocument(parent)) return refuse(400, `invalid traversal path at: ${path.slice(1)}`);
    const text = `${JSON.stringify(valueAt(current, parts) ?? null)}\n`;
    return { status: 200, text, etag: etagOf(path, text) };
  }

  function change({ method, path, body, ifMatch }: AdminRequest): AdminAnswer {
    for (const listener of listeners) listener();
    if (ifMatch !== undefined && get(path).etag !== ifMatch)
      return refuse(412, 'If-Match header did not match current config hash');
    const parts = partsOf(path);
    const last = parts.at(-1);
    if (last === undefined) return refuse(400, 'the fake changes no whole configurations');
    const draft: Json = structuredClone(current ?? {});
    let parent: Json | undefined = draft;
    for (const part of parts.slice(0, -1)) {
      if (!isDocument(parent)) return refuse(500, `invalid traversal path at: ${path.slice(1)}`);
      if (parent[part] === undefined && method === 'PUT') parent[part] = {};
      parent = parent[part];
    }
    if (!isDocument(parent) || (current === undefined && method !== 'PUT'))
      return refuse(500, `invalid traversal path at: ${path.slice(1)}`);
    if (method === 'PUT' && parent[last] !== undefined) return refuse(500, `[${path}] key already exists: ${last}`);
    if (method === 'DELETE') delete parent[last];
    else {
      const value = z.json().safeParse(jsonOf(body ?? ''));
      if (!value.success) return refuse(500, 'decoding request body: invalid character');
      parent[last] = value.data;
    }
    const refusedHost = refusedHosts.find((host) => upstreamsIn(draft, host) !== undefined);
    const why = refusedHost === undefined ? whyNot(draft) : `the host ${refusedHost} is refused`;
    if (why !== undefined) return refuse(500, `loading new config: ${why}`);
    current = draft;
    reloads += 1;
    return { status: 200, text: '', etag: undefined };
  }

  return {
    get config() {
      return current;
    },
    get reloads() {
      return reloads;
    },
    calls,
    setReachable: (value) => (reachable = value),
    load: (value) => (current = value),
    upstreamsOf: (host) => upstreamsIn(current, host),
    refuseHost: (host) => void refusedHosts.push(host),
    onChange: (listener) => void listeners.push(listener),
    async call(request, signal) {
      signal.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
      calls.push(`${request.method} ${request.path}`);
      if (!reachable) throw new ProxyFault('unreachable', "Caddy's admin API does not answer. Check that Caddy runs.");
      if (request.path === '/adapt')
        return keepsStreams ? { status: 200, text: '{}', etag: undefined } : refuse(400, 'unrecognized subdirective');
      return request.method === 'GET' ? get(request.path) : change(request);
    },
    close: () => Promise.resolve(),
  };
}

/** What a real one finds wrong with it when it loads it. */
function whyNot(config: Json): string | undefined {
  const parsed = Config.safeParse(config);
  if (!parsed.success) return `decoding module config: ${parsed.error.issues[0]?.message ?? 'invalid'}`;
  const taken = new Map<string, string>();
  const subjects = new Set<string>();
  for (const [name, { listen = [], routes = [] }] of Object.entries(parsed.data.apps?.http?.servers ?? {})) {
    for (const address of listen) {
      const other = taken.get(address);
      if (other !== undefined)
        return `server ${name}: listener address repeated: ${address} (already claimed by server '${other}')`;
      taken.set(address, name);
    }
    for (const { handler } of routes.flatMap(({ handle }) => handle))
      if (!handlers.has(handler)) return `unknown module: http.handlers.${handler}`;
  }
  for (const host of (parsed.data.apps?.tls?.automation?.policies ?? []).flatMap((policy) => policy.subjects ?? [])) {
    if (subjects.has(host)) return `hostname appears in more than one automation policy: ${host}`;
    subjects.add(host);
  }
  return undefined;
}

function upstreamsIn(config: Json | undefined, host: string): readonly string[] | undefined {
  const servers = Config.safeParse(config ?? {}).data?.apps?.http?.servers ?? {};
  for (const { routes = [] } of Object.values(servers))
    for (const { match = [], handle } of routes) {
      const hosts = match.flatMap((matcher) => matcher.host ?? []);
      if (!hosts.includes(host) && !hosts.includes(host.replace(/^[^.]+/, '*'))) continue;
      const dials = [...JSON.stringify(handle).matchAll(/"dial":"([^"]+)"/g)].map(([, dial = '']) => dial);
      return [...new Set(dials)];
    }
  return undefined;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part, index) => part !== '' && index > 1);
}

function valueAt(config: Json | undefined, parts: readonly string[]): Json | undefined {
  let value = config;
  for (const part of parts) value = isDocument(value) ? value[part] : undefined;
  return value;
}

function isDocument(value: Json | undefined): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function etagOf(path: string, text: string): string {
  return `"${path} ${createHash('sha256').update(text).digest('hex').slice(0, 8)}"`;
}

function refuse(status: number, error: string): AdminAnswer {
  return { status, text: `${JSON.stringify({ error })}\n`, etag: undefined };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
