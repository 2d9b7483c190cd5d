import { KubeConfig } from '@kubernetes/client-node';
import { createMiddleware } from 'hono/factory';
import { Hono } from 'hono';
import { stringify } from 'yaml';
import type { ApiEnv } from '../../api/context.ts';
import { resourceRoutes } from '../../api/resources/routes.ts';
import { respondError } from '../../api/respond.ts';
import { startServer } from '../../api/server.ts';
import { failure, Refused } from '../../api/status.ts';
import { systemClock, type Clock } from '../../controller/clock.ts';
import { fieldOf } from '../../controller/json.ts';
import { createKubernetesClient, type KubernetesClient } from '../../controller/store/kubernetes/kubernetes-client.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Secret } from '../../crds/secret.ts';
import { selfSignedCertificate } from '../../reconcilers/providers/proxmox/testing/self-signed-certificate.ts';
import { kubernetesLeases } from './kubernetes-leases.ts';

/** Our own resource API in the place of a Kubernetes API server. */
export interface KubernetesApi {
  /** Over a socket, as KubernetesStore talks to any server. */
  client(): KubernetesClient;
  /** For a process of its own. */
  kubeconfig: string;
  /** What the server keeps its objects in; also its garbage collector and its compaction. */
  store: ResourceStore;
  close(): Promise<void>;
}

interface ServeOptions {
  /** By which objects are dated. */
  clock?: Clock;
}

/** Under which Secrets pass the one rule of our API that Kubernetes has not: that their values are never answered. */
const UNVEILED = 'Secret*';

/**
 * Serves `api/resources` over memory without what only Containr demands of its users (admission, roles, hidden values), and
 * with what Kubernetes demands besides: namespaces that exist, replacements that state a version, Leases.
 */
export async function serveKubernetesApi({ clock = systemClock }: ServeOptions = {}): Promise<KubernetesApi> {
  const store = createMemoryStore({ clock, keepChanges: 100_000 });
  await leaveFirstVersion(store);
  const closing = new AbortController();
  const namespaces = new Set<string>();
  const app = new Hono<ApiEnv>();
  app.onError((error, context) => respondError(context, error, (cause) => console.error(cause)));
  app.notFound((context) => context.json(failure('NotFound', `There is nothing at ${context.req.path}.`), 404));
  app.use('/apis/containr.dev/*', kubernetesDemands(namespaces));
  app.route('/', kubernetesLeases(namespaces));
  app.route(
    '/',
    resourceRoutes({
      store: unveiled(store),
      clock: systemClock,
      closing: closing.signal,
      authenticated: createMiddleware<ApiEnv>(async (context, next) => {
        context.set('identity', { user: 'controller', admin: true, scope: 'admin', tokenId: 'service-account' });
        context.set('tokenHolds', async () => true);
        context.set('requestId', 'none');
        context.set('address', '');
        await next();
      }),
      authorizer: {
        check: async () => undefined,
        visibility: async () => ({ all: true, sees: () => true, holds: async () => true }),
      },
      admit: async ({ kind, raw }) => kind.parseManifest(raw),
      readLog: async () => new Response(null, { status: 404 }),
    }),
  );
  const tls = selfSignedCertificate();
  const server = await startServer({
    app: takeLoops(app),
    host: '127.0.0.1',
    port: 0,
    tls,
    onClosing: () => closing.abort(),
    graceMs: 1_000,
  });
  const kubeconfig = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [
      {
        name: 'here',
        cluster: { server: server.url, 'certificate-authority-data': Buffer.from(tls.cert).toString('base64') },
      },
    ],
    users: [{ name: 'controller', user: { token: 'service-account' } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'controller' } }],
  });

  return {
    store,
    kubeconfig,
    client() {
      const config = new KubeConfig();
      config.loadFromString(kubeconfig);
      return createKubernetesClient(config, systemClock);
    },
    async close() {
      await server.close();
      await store.close();
    },
  };
}

/** No version of a real server is 0, which in a watch means any. */
async function leaveFirstVersion(store: ResourceStore): Promise<void> {
  const writer = { manager: 'controller/first' };
  const metadata = { name: 'first', namespace: 'default' };
  await store.create(Secret, { apiVersion: API_VERSION, kind: Secret.kind, metadata, spec: { data: {} } }, writer);
  await store.delete(Secret, metadata, writer);
}

function kubernetesDemands(namespaces: ReadonlySet<string>) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const { method, path } = context.req;
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
    if (method === 'POST' && namespace !== undefined && !namespaces.has(namespace)) {
      throw new Refused('NotFound', `namespaces "${namespace}" not found`, { name: namespace, kind: 'namespaces' });
    }
    if (method === 'PUT') {
      const body: unknown = await context.req.raw.clone().json();
      const version = fieldOf(fieldOf(body, 'metadata'), 'resourceVersion');
      if (version === undefined || version === '') {
        throw new Refused('Invalid', 'metadata.resourceVersion: Invalid value: 0: must be specified for an update');
      }
    }
    await next();
  });
}

/** A store whose Secrets the API does not take for Secrets. */
function unveiled(store: ResourceStore): ResourceStore {
  const show = <R extends Resource>(object: R): R =>
    object.kind === Secret.kind ? { ...object, kind: UNVEILED } : object;
  return {
    ...store,
    get: async (kind, key) => {
      const object = await store.get(kind, key);
      return object && show(object);
    },
    async list(kind, options) {
      const page = await store.list(kind, options);
      return { ...page, items: page.items.map(show) };
    },
    async *watch(kind, options) {
      for await (const event of store.watch(kind, options)) {
        yield event.type === 'BOOKMARK' ? event : { ...event, object: show(event.object) };
      }
    },
    create: async (...args) => show(await store.create(...args)),
    update: async (...args) => show(await store.update(...args)),
    updateStatus: async (...args) => show(await store.updateStatus(...args)),
    async delete(...args) {
      const left = await store.delete(...args);
      return left && show(left);
    },
  };
}

/** Our API takes the managers of loops from nobody, and Kubernetes takes any. */
function takeLoops(app: Hono<ApiEnv>): Hono<ApiEnv> {
  const outer = new Hono<ApiEnv>();
  outer.all('*', (context) => {
    const url = new URL(context.req.url);
    const manager = url.searchParams.get('fieldManager');
    if (!manager?.includes('/')) return app.fetch(context.req.raw, context.env);
    url.searchParams.set('fieldManager', manager.replace('/', '.'));
    return app.fetch(new Request(url, context.req.raw), context.env);
  });
  return outer;
}
