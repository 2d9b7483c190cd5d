import { pino } from 'pino';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Project } from '../../crds/project.ts';
import type { RegistrationPolicy } from '../../controller/access/account-store.ts';
import { MemoryAuditLog } from '../../controller/access/memory-audit-log.ts';
import { systemClock, type Clock } from '../../controller/clock.ts';
import { createAgeKeys, type AgeKeys } from '../../controller/secrets/age-keys.ts';
import { createSecretBox, type SecretBox } from '../../controller/secrets/secret-box.ts';
import type { Keyring } from '../../controller/secrets/keyring.ts';
import type { LogStore } from '../../controller/logs.ts';
import { createMemoryLogStore } from '../../controller/store/memory-log-store.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { createApp } from '../app.ts';
import type { AccountServices } from '../../controller/access/account-services.ts';
import { createVerifier } from '../auth/verifier.ts';
import { createMemoryAccounts } from './memory-accounts.ts';
import type { RestSettings } from '../rest/rest-deps.ts';
import type { Identity } from '../../controller/access/token-store.ts';

/** Who may ask in tests, by the token they show. In the project "shop", dev is a developer, and so on. */
export const people = {
  admin: { user: 'admin', admin: true, scope: 'admin', tokenId: 't1' },
  'admin-write': { user: 'admin', admin: true, scope: 'write', tokenId: 't2' },
  'admin-read': { user: 'admin', admin: true, scope: 'read', tokenId: 't3' },
  owner: { user: 'owner@example.com', admin: false, scope: 'admin', tokenId: 't4' },
  dev: { user: 'dev@example.com', admin: false, scope: 'write', tokenId: 't5' },
  'dev-read': { user: 'dev@example.com', admin: false, scope: 'read', tokenId: 't6' },
  viewer: { user: 'viewer@example.com', admin: false, scope: 'write', tokenId: 't7' },
  stranger: { user: 'stranger@example.com', admin: false, scope: 'admin', tokenId: 't8' },
} as const satisfies Record<string, Identity>;
export type Person = keyof typeof people;

export const API = '/apis/containr.dev/v1alpha1';
export const SHOP = `${API}/namespaces/shop`;

interface RequestOptions {
  as?: Person;
  body?: unknown;
  /** Of the body; JSON without one. */
  type?: string;
  headers?: Record<string, string>;
  /** Where the request comes from; this machine without one. */
  from?: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** The whole app over a memory store, and ways to ask it. */
export interface ApiFixture {
  app: ReturnType<typeof createApp>;
  store: ResourceStore;
  audit: MemoryAuditLog;
  /** Accounts, of which there is none at first: the `people` above have tokens only. */
  access: AccountServices;
  logs: LogStore;
  box: SecretBox;
  ages: AgeKeys;
  logged: object[];
  /** From now on somebody's token is not valid. */
  revoke(person: Person): void;
  closing: AbortController;
  /** The raw answer, for streams. */
  fetch(method: string, path: string, options?: RequestOptions): Promise<Response>;
  /** The answer with its body as JSON. */
  ask(method: string, path: string, options?: RequestOptions): Promise<Answer>;
}

interface FixtureOptions {
  clock?: Clock;
  trustedProxies?: string[];
  rest?: Partial<RestSettings>;
  registration?: RegistrationPolicy;
  store?: ResourceStore;
}

/** An app without any object in it. */
export function createApi({
  clock = systemClock,
  trustedProxies,
  store: given,
  rest,
  registration = 'open',
}: FixtureOptions = {}): ApiFixture {
  const audit = new MemoryAuditLog();
  const store = given ?? createMemoryStore({ clock, audit });
  const logs = createMemoryLogStore({ clock });
  const logged: object[] = [];
  const closing = new AbortController();
  const keyring: Keyring = {
    keys: [{ id: 'aaaaaaaa', key: Buffer.alloc(32, 1) }],
    created: false,
    derive: (purpose) => Buffer.alloc(32, purpose),
  };
  const box = createSecretBox(keyring);
  const ages = createAgeKeys(keyring);
  const access = createMemoryAccounts({ clock, audit, registration });
  const verifier = createVerifier(access);
  const known = new Map<string, Identity>(Object.entries(people));
  const app = createApp({
    store,
    logs,
    audit,
    secrets: box,
    sealingKey: () => ages.publicKey(),
    access,
    tokens: { verify: async (token) => known.get(token) ?? verifier.verify(token) },
    version: '0.1.0',
    clock,
    log: pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    metricsText: async () => 'up 1\n',
    probes: {
      health: async () => ({ ok: true, checks: [] }),
      readiness: async () => ({ ok: false, checks: [{ name: 'store', ok: false, message: 'connection refused' }] }),
    },
    closing: closing.signal,
    rest,
    ...(trustedProxies && { trustedProxies }),
  });

  async function fetch(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const { as = 'admin', body, type = 'application/json', headers = {}, from = '127.0.0.1' } = options;
    const bindings = { incoming: { socket: { remoteAddress: from } } };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const sent = { 'content-type': type, authorization: `Bearer ${as}`, 'user-agent': 'test/1.0', ...headers };
    return app.request(path, { method, headers: sent, ...(body !== undefined && { body: text }) }, bindings);
  }

  return {
    app,
    store,
    audit,
    access,
    logs,
    box,
    ages,
    logged,
    closing,
    fetch,
    revoke: (person) => known.delete(person),
    async ask(method, path, options) {
      const response = await fetch(method, path, options);
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
    },
  };
}

/** An app with the projects "shop", whose members are all of the people but the stranger, and "other", which has none. */
export async function createShop(options?: FixtureOptions): Promise<ApiFixture> {
  const api = createApi(options);
  await make(api, Project, project('shop', { owner: 'owner', dev: 'developer', viewer: 'viewer' }));
  await make(api, Project, project('other', {}));
  return api;
}

/** Puts an object into the store as it is, past the API. */
export function make<R extends Resource>(
  { store }: Pick<ApiFixture, 'store'>,
  kind: Kind<R>,
  manifest: object,
): Promise<R> {
  return store.create(kind, kind.parseManifest(manifest), { manager: 'test' });
}

export function project(name: string, members: Record<string, string>): object {
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Project',
    metadata: { name },
    spec: { members: Object.entries(members).map(([user, role]) => ({ user: `${user}@example.com`, role })) },
  };
}

/** The manifest of a Service in the project "shop". */
export function service(name: string, spec: object = {}, metadata: object = {}): Record<string, unknown> {
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { source: { type: 'image', image: 'nginx:1.29' }, ...spec },
  };
}

/** The manifest of a Secret in the project "shop". */
export function secret(
  name: string,
  data: Record<string, unknown> | undefined,
  metadata: object = {},
): Record<string, unknown> {
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: data === undefined ? {} : { data },
  };
}
