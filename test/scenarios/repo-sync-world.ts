import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { findCondition, type Condition } from '../../crds/condition.ts';
import type { Kind, Manifest, Resource } from '../../crds/define-kind.ts';
import { Event } from '../../crds/event.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Service } from '../../crds/service.ts';
import { systemClock } from '../../controller/clock.ts';
import { createManager, type Manager } from '../../controller/manager.ts';
import { settled } from '../../controller/outcome.ts';
import type { Reconciler } from '../../controller/reconciler.ts';
import { createSecretBox, type SecretBox } from '../../controller/secrets/secret-box.ts';
import { createSecretValues } from '../../controller/secrets/secret-values.ts';
import { MemoryLeaseStore } from '../../controller/store/lease-store.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { createGitClient } from '../../reconcilers/providers/git/git-client.ts';
import { makeRepository, type TestRepository } from '../../reconcilers/providers/git/testing.ts';
import { syncedKinds } from '../../reconcilers/repo-sync/place.ts';
import { repoSyncReconciler } from '../../reconcilers/repo-sync/reconciler.ts';

/** Real repositories of this machine and the loop over them; objects of other kinds are ready as soon as they are looked at. */
export interface RepoSyncWorld extends AsyncDisposable {
  store: ResourceStore;
  box: SecretBox;
  folder: string;
  repository: TestRepository;
  /** Makes, or changes, the RepoSync `site` of the project `shop`. */
  sync(spec?: Record<string, unknown>, key?: { namespace: string; name: string }): Promise<void>;
  /** Changes its spec past all schemas, and asks for a look. */
  rewrite(spec: Record<string, unknown>): Promise<void>;
  site(): Promise<RepoSync>;
  condition(type: string): Promise<Condition | undefined>;
  /** Asks for a look by hand, and waits until that is answered. */
  look(): Promise<RepoSync>;
  /** Waits until it holds; throws what the RepoSync says when it does not. */
  until(holds: () => Promise<boolean> | boolean): Promise<void>;
  service(name: string, namespace?: string): Promise<Service | undefined>;
  events(reason: string): Promise<string[]>;
}

interface WorldOptions {
  /** Of one fetch. */
  maxBytes?: number;
  /** How long anything may take. */
  patienceMs?: number;
}

const PATIENCE_MS = 20_000;

export async function repoSyncWorld({
  maxBytes = 64 * 2 ** 20,
  patienceMs = PATIENCE_MS,
}: WorldOptions = {}): Promise<RepoSyncWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'containr-sync-'));
  const leases = new MemoryLeaseStore(systemClock);
  const store = createMemoryStore({ clock: systemClock, leases });
  const box = createSecretBox({
    keys: [{ id: 'aaaaaaaa', key: Buffer.alloc(32, 1) }],
    created: false,
    derive: (purpose) => Buffer.alloc(32, purpose),
  });
  const repository = await makeRepository(join(folder, 'repository'));
  const git = createGitClient({
    allowedLocalPaths: [folder],
    maxBytes,
    timeoutMs: 20_000,
    workDir: join(folder, 'git'),
  });
  const manager: Manager = createManager({
    store,
    leaseStore: leases,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    identity: 'a',
    reconcilers: ({ read, writeAs }) => [
      ...syncedKinds.filter(({ kind }) => kind !== RepoSync.kind).map(readyLoop),
      repoSyncReconciler({
        read,
        writeAs,
        git,
        box,
        workDir: join(folder, 'sync'),
        readSecret: createSecretValues({ read, box, redact: () => undefined }).values,
      }),
    ],
  });
  manager.start();
  await store.create(Project, projectManifest('shop'), { manager: 'test' });
  const key = { namespace: 'shop', name: 'site' };

  const site = async (): Promise<RepoSync> => {
    const found = await store.get(RepoSync, key);
    if (!found) throw new Error('There is no RepoSync.');
    return found;
  };

  async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`It never came: ${JSON.stringify((await site()).status, null, 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  let asked = 0;
  return {
    store,
    box,
    folder,
    repository,
    site,
    until,
    condition: async (type) => findCondition((await site()).status.conditions, type),

    async sync(spec = {}, at = key) {
      const whole = RepoSync.specSchema.parse({ url: repository.path, path: '/deploy', interval: '1h', ...spec });
      const existing = await store.get(RepoSync, at);
      if (existing) await store.update(RepoSync, { ...existing, spec: whole }, { manager: 'test' });
      else
        await store.create(
          RepoSync,
          { apiVersion: API_VERSION, kind: 'RepoSync', metadata: at, spec: whole },
          { manager: 'test' },
        );
    },

    async rewrite(spec) {
      const existing = await site();
      const annotations = { 'containr.dev/webhook-requested-at': 'rewrite' };
      const metadata = { ...existing.metadata, annotations, resourceVersion: '' };
      await store.update(RepoSync, { ...existing, metadata, spec: { ...existing.spec, ...spec } }, { manager: 'test' });
    },

    async look() {
      const token = `look-${(asked += 1)}`;
      const existing = await site();
      // What webhooks write is echoed only when the look has ended, what people write with the pass that began it.
      const annotations = { ...existing.metadata.annotations, 'containr.dev/webhook-requested-at': token };
      const metadata = { ...existing.metadata, annotations, resourceVersion: '' };
      await store.update(RepoSync, { ...existing, metadata }, { manager: 'test' });
      await until(async () => (await site()).status.lastHandledWebhook === token);
      return site();
    },

    service: (name, namespace = 'shop') => store.get(Service, { namespace, name }),

    async events(reason) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await store.list(Event)).items
        .filter((event) => JSON.stringify(event.spec).includes(`"${reason}"`))
        .map((event) => JSON.stringify(event.spec));
    },

    async [Symbol.asyncDispose]() {
      await manager.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function readyLoop(kind: Kind): Reconciler<Resource> {
  return { kind, reconcile: async () => settled() };
}

export function projectManifest(name: string): Manifest<Project['spec']> {
  return { apiVersion: API_VERSION, kind: 'Project', metadata: { name }, spec: Project.specSchema.parse({}) };
}

/** A manifest of a Service, as it stands in a repository. */
export function serviceYaml(name: string, more: { image?: string; cpu?: string; namespace?: string } = {}): string {
  const { image = 'nginx:1.29', cpu, namespace } = more;
  return [
    'apiVersion: containr.dev/v1alpha1',
    'kind: Service',
    `metadata: { name: ${name}${namespace === undefined ? '' : `, namespace: ${namespace}`} }`,
    'spec:',
    `  source: { type: image, image: '${image}' }`,
    ...(cpu === undefined ? [] : [`  resources: { cpu: '${cpu}' }`]),
    '',
  ].join('\n');
}
