import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { guardCalls } from '../../controller/guard-calls.ts';
import type { Observing } from '../../controller/observe-only.ts';
import type { Reconciler, ResourceReader } from '../../controller/reconciler.ts';
import { Redactor } from '../../controller/redactor.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { buildReconciler } from '../../reconcilers/build/reconciler.ts';
import { sweepArtifacts, type SweepDeps } from '../../reconcilers/build/sweep.ts';
import { sweepImages, type ImageSweepDeps } from '../../reconcilers/build/sweep-images.ts';
import { builderReconciler } from '../../reconcilers/builder/reconciler.ts';
import { deploymentReconciler } from '../../reconcilers/deployment/reconciler.ts';
import { guestReconciler } from '../../reconcilers/guest/reconciler.ts';
import { jobReconciler } from '../../reconcilers/job/reconciler.ts';
import { projectReconciler } from '../../reconcilers/project/reconciler.ts';
import { createFakeBuildpacks } from '../../reconcilers/providers/buildpack/fake.ts';
import { CHANGES_AN_ENGINE } from '../../reconcilers/providers/docker/client.ts';
import { createBuilderPool } from '../../reconcilers/providers/docker/builder-pool.ts';
import { createFakeDocker } from '../../reconcilers/providers/docker/fake.ts';
import { createFakeGit } from '../../reconcilers/providers/git/fake.ts';
import { createFakeGuestRuns } from '../../reconcilers/providers/guest/fake-runs.ts';
import { CHANGES_A_GUEST } from '../../reconcilers/providers/guest/guest-links.ts';
import { createFakeGuestLinks, createFakeHealthMonitor } from '../../reconcilers/providers/guest/fake.ts';
import type { GuestLinkState } from '../../reconcilers/providers/guest/guest-links.ts';
import { createFakeArtifactStore } from '../../reconcilers/providers/oci/fake-artifact-store.ts';
import { FakeBucket } from '../../reconcilers/providers/object-storage/fake.ts';
import { createClusterObserver } from '../../reconcilers/providers/proxmox/cluster-observer.ts';
import { createClusterPool, type ClusterPool } from '../../reconcilers/providers/proxmox/cluster-pool.ts';
import { FakeProxmox } from '../../reconcilers/providers/proxmox/fake.ts';
import { proxmoxClusterReconciler } from '../../reconcilers/proxmox-cluster/reconciler.ts';
import { secretReconciler } from '../../reconcilers/secret/reconciler.ts';
import { serviceReconciler } from '../../reconcilers/service/reconciler.ts';
import { createArchivePlacements } from '../../reconcilers/shared/archive-placements.ts';
import { Reservations } from '../../reconcilers/shared/reservations.ts';
import { createSignal } from '../../reconcilers/shared/signal.ts';
import { volumeReconciler } from '../../reconcilers/volume/reconciler.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World, type ProcessTools } from '../harness/world.ts';
import { fakeAge } from './fake-age.ts';
import { fakeRepack, TEST_CONFIG_KEY } from './fake-repack.ts';
import { memoryLogs } from './memory-logs.ts';

const USER = { manager: 'containr-cli', user: 'test' };
const INSTALLATION = 'a1b2c3d4';
/** Short, for every moment of it is lived through. */
export const KEEP_UNUSED_MS = 2 * 3_600_000;
export const REPOSITORY = 'https://git.example/shop/web.git';

/** What a scenario hangs its own loops on: the providers of one life of the process. */
export interface SpineParts {
  tools: ProcessTools;
  clusters: ClusterPool;
  links: ReturnType<typeof createFakeGuestLinks>;
}

export interface SpineOptions {
  nodes?: readonly string[];
  crash?: CrashPoint | undefined;
  /** The world that another one left: this one begins over it with an empty store. */
  after?: SpineWorld;
  /** Whether everything is only looked at; not. */
  observing?: Observing;
  /** Instead of memory, by the same clock. */
  store?: ResourceStore;
  clock?: FakeClock;
}

interface PrepareOptions {
  builder?: boolean;
  /** What is different about the cluster; false for none. */
  cluster?: Record<string, unknown> | false;
}

/** The whole controller over fakes: what outlives a process, and a World that steps its loops. */
export class SpineWorld {
  readonly clock: FakeClock;
  readonly store: ResourceStore;
  /** What takes copies of backups. */
  readonly bucket = new FakeBucket();
  readonly proxmox: FakeProxmox;
  readonly docker: ReturnType<typeof createFakeDocker>;
  readonly git: ReturnType<typeof createFakeGit>;
  readonly buildpacks = createFakeBuildpacks();
  readonly workDir = mkdtempSync(join(tmpdir(), 'containr-scenario-'));
  readonly artifacts: ReturnType<typeof createFakeArtifactStore>;
  readonly logs = memoryLogs();
  /** What guests can run, and have run. */
  readonly runs = createFakeGuestRuns();
  /** Knows the values of every Secret that a scenario tells it. */
  readonly redactor = new Redactor();
  /** How the process of every guest that is started from now on does. */
  processes: 'healthy' | 'unhealthy' | 'crashing' | 'ending' = 'healthy';
  readonly secrets = new Map<string, Readonly<Record<string, string>>>([
    ['pve-token', { tokenId: 'a@pve!b', secret: 'x' }],
  ]);
  readonly world: World;
  readonly #isHeir: boolean;

  constructor(options: SpineOptions = {}) {
    const { after, nodes = ['pve1'] } = options;
    this.#isHeir = after !== undefined;
    this.clock = after?.clock ?? options.clock ?? new FakeClock();
    this.store = options.store ?? createMemoryStore({ clock: this.clock });
    this.proxmox = after?.proxmox ?? new FakeProxmox({ clock: this.clock, nodes });
    this.docker = after?.docker ?? createFakeDocker({ clock: this.clock });
    this.git = after?.git ?? createFakeGit();
    this.artifacts = after?.artifacts ?? createFakeArtifactStore({ clock: this.clock, workDir: this.workDir });
    this.world = new World({
      store: this.store,
      clock: this.clock,
      crash: options.crash,
      ...(options.observing && { observing: options.observing }),
      build: (tools) => this.#loops(tools),
    });
  }

  dispose(): void {
    rmSync(this.workDir, { recursive: true, force: true });
  }

  /** Cluster, builder, project and one commit in the repository. */
  async prepare({ builder = true, cluster = {} }: PrepareOptions = {}): Promise<void> {
    if (!this.#isHeir)
      this.git.commit(REPOSITORY, {
        Dockerfile: 'FROM scratch\nCOPY app /app\nEXPOSE 8080\nCMD ["/app"]\n',
        app: 'one',
      });
    if (cluster) await this.createCluster(cluster);
    if (builder) await this.createBuilder();
    await this.create(Project, 'shop', {});
  }

  async createBuilder(name = 'default'): Promise<void> {
    await this.create(Builder, name, { endpoint: 'unix:///var/run/docker.sock' });
  }

  async createCluster(spec: Record<string, unknown> = {}): Promise<void> {
    await this.create(ProxmoxCluster, 'home', {
      endpoints: ['https://pve1.example:8006'],
      tokenSecretRef: { name: 'pve-token' },
      tls: { insecureSkipVerify: true },
      regions: [{ name: 'default', nodes: [...this.proxmox.nodes.keys()] }],
      storages: { rootfs: 'local-lvm', templates: 'local' },
      network: {
        addressing: 'static',
        bridge: 'vmbr0',
        cidr: '10.40.0.0/24',
        gateway: '10.40.0.1',
        pool: { from: '10.40.0.50', to: '10.40.0.99' },
      },
      vmidRange: { from: 20_000, to: 20_099 },
      ...spec,
    });
  }

  async createService(name = 'web', spec: Record<string, unknown> = {}): Promise<void> {
    await this.create(
      Service,
      name,
      { source: { type: 'git', repository: REPOSITORY, branch: 'main' }, ...spec },
      'shop',
    );
  }

  async create<R extends Resource>(kind: Kind<R>, name: string, spec: unknown, namespace?: string): Promise<R> {
    const metadata = { name, ...(namespace !== undefined && { namespace }) };
    return this.store.create(
      kind,
      kind.parseManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata, spec }),
      USER,
    );
  }

  /** Changes the spec as a user would. */
  async edit<R extends Resource>(
    kind: Kind<R>,
    name: string,
    change: (spec: R['spec']) => R['spec'],
    namespace = 'shop',
  ): Promise<void> {
    const object = await this.store.get(kind, { namespace, name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    await this.store.update(kind, { ...object, spec: change(structuredClone(object.spec)) }, USER);
  }

  async service(name = 'web'): Promise<Service> {
    const service = await this.store.get(Service, { namespace: 'shop', name });
    if (!service) throw new Error(`There is no Service ${name}.`);
    return service;
  }

  async all<R extends Resource>(kind: Kind<R>): Promise<R[]> {
    return (await this.store.list(kind)).items;
  }

  async deleteService(name = 'web'): Promise<void> {
    await this.store.delete(Service, { namespace: 'shop', name }, USER);
  }

  readyOf(object: Resource): string {
    const ready = object.status.conditions.find(({ type }) => type === 'Ready');
    return `${ready?.status} ${ready?.reason}`;
  }

  /** What people read first when a service is not ready. */
  async readyMessage(name = 'web'): Promise<string> {
    const { status } = await this.service(name);
    return status.conditions.find(({ type }) => type === 'Ready')?.message ?? '';
  }

  /** Guests that run on the fake, in the order of their vmids. */
  runningVmids(): number[] {
    return [...this.proxmox.guests.values()]
      .filter(({ running }) => running)
      .map(({ vmid }) => vmid)
      .sort((a, b) => a - b);
  }

  /** Loops besides, over the same providers. */
  protected moreLoops(parts: SpineParts): readonly Reconciler<Resource>[];
  protected moreLoops(): readonly Reconciler<Resource>[] {
    return [];
  }

  /** The values of a Secret of a project; undefined when there is none. */
  protected secretValues(_: string, name: string, __: ResourceReader): Readonly<Record<string, string>> | undefined {
    return this.secrets.get(name);
  }

  /** What a supervisor says first when it is asked. */
  protected firstWords(uid: string, read: ResourceReader): Partial<GuestLinkState>;
  protected firstWords(): Partial<GuestLinkState> {
    return this.#process();
  }

  #loops(tools: ProcessTools): readonly Reconciler<Resource>[] {
    const { clock, signal, reach, resourcesFor } = tools;
    this.proxmox.guard = tools.guard;
    const proxmox = reach(this.proxmox, { uncounted: ['close'] });
    const changed = createSignal<string>();
    const placed = createSignal<void>();
    // The process ends without a word: its polling stops, and the fakes, which outlive it, are not closed.
    const clusters = createClusterPool((_, onChange) => {
      const observer = createClusterObserver({ client: proxmox, intervalMs: 2_000, clock, onChange });
      signal.addEventListener('abort', () => observer.stop(), { once: true });
      return { client: proxmox, observer };
    });
    const docker = guardCalls(this.docker, CHANGES_AN_ENGINE, tools.guard);
    const builders = createBuilderPool(() => reach(docker, { uncounted: ['close'] }));
    const placements = createArchivePlacements({
      clock,
      downloadUrl: () => undefined,
      onSettled: () => placed.emit(),
      signal,
    });
    const sweep = {
      read: tools.read,
      artifacts: reach(this.artifacts, { uncounted: ['path'] }),
      clusters,
      placements,
      builders,
      installation: INSTALLATION,
      keepUnusedMs: KEEP_UNUSED_MS,
    };
    this.#sweepNowAndThen(sweep, tools);
    const links = guardCalls(this.#links(tools, changed.emit), CHANGES_A_GUEST, tools.guard);
    const health = this.#health(tools, changed.emit);
    const logs = reach(this.logs);
    const read = (
      name: string,
    ): { ok: true; values: Readonly<Record<string, string>> } | { ok: false; message: string } => {
      const values = this.secrets.get(name);
      return values ? { ok: true, values } : { ok: false, message: `The Secret ${name} does not exist.` };
    };

    const reservations = new Reservations();
    return [
      projectReconciler(resourcesFor(Project)),
      secretReconciler({ check: () => ({ ok: true }), open: async () => ({}), outdated: () => [] }),
      proxmoxClusterReconciler({
        resources: resourcesFor(ProxmoxCluster),
        clusters,
        installation: INSTALLATION,
        readSecret: read,
      }),
      builderReconciler({ resources: resourcesFor(Builder), builders, readSecret: read }),
      serviceReconciler({
        resources: resourcesFor(Service),
        git: this.git,
        clock,
        readSecret: (_, name) => ({ ok: true, values: { ...this.secrets.get(name) } }),
      }),
      buildReconciler({
        resources: resourcesFor(Build),
        builders,
        clusters,
        placements,
        artifacts: reach(this.artifacts, { uncounted: ['path'] }),
        git: reach(this.git, { uncounted: ['commit', 'point', 'deleteBranch', 'protect', 'fail'] }),
        buildpacks: reach(this.buildpacks, { uncounted: ['install'] }),
        installation: INSTALLATION,
        redact: (text) => this.redactor.text(text),
        repackImage: fakeRepack,
        configKey: TEST_CONFIG_KEY,
        readInit: async () => ({ bytes: Buffer.from('init'), sha256: 'init' }),
        readSecret: (_, name) => read(name),
        logs,
        clock,
        placed,
      }),
      deploymentReconciler({
        resources: resourcesFor(Deployment),
        lastLines: async () => ['last words'],
        forgetLog: (uid) => logs.remove(`guest/${uid}`),
      }),
      jobReconciler({ resources: resourcesFor(Job), logs }),
      volumeReconciler({
        resources: resourcesFor(Volume),
        clusters,
        reservations,
        placements,
        artifacts: reach(this.artifacts, { uncounted: ['path'] }),
        installation: INSTALLATION,
        copies: {
          links: reach(links),
          openBucket: this.bucket.open,
          age: fakeAge,
          readSecret: (namespace, name) => {
            const values = this.secretValues(namespace, name, tools.read);
            return values
              ? { ok: true, values }
              : { ok: false, reason: 'SecretNotFound', message: `There is no Secret ${name}.` };
          },
        },
      }),
      guestReconciler({
        resources: resourcesFor(Guest),
        clusters,
        reservations,
        placements,
        artifacts: reach(this.artifacts, { uncounted: ['path'] }),
        links,
        health,
        logs,
        readSecret: (namespace, name, key) => {
          const value = this.secretValues(namespace, name, tools.read)?.[key];
          return value === undefined
            ? { ok: false, reason: 'SecretNotFound', message: `There is no key "${key}" in ${name}.` }
            : { ok: true, value };
        },
        installation: INSTALLATION,
        guestKey: 'test-key',
        configKey: TEST_CONFIG_KEY,
        changed,
        placed,
      }),
      ...this.moreLoops({ tools, clusters, links }),
    ];
  }

  #process(): Partial<GuestLinkState> {
    if (this.processes === 'ending')
      return { connected: true, process: 'finished', lastExit: { code: 0, at: this.clock.now() } };
    if (this.processes !== 'crashing') return { connected: true, process: 'listening', listening: true };
    return { connected: true, process: 'backoff', lastExit: { code: 1, at: this.clock.now() } };
  }

  #sweepNowAndThen(deps: SweepDeps & ImageSweepDeps, { clock, signal }: Pick<ProcessTools, 'clock' | 'signal'>): void {
    clock.after(10 * 60_000, () => {
      if (signal.aborted) return;
      // A storage that does not answer is asked again the next time.
      sweepArtifacts(deps, clock, signal)
        .then(() => sweepImages(deps, clock, signal))
        .catch(() => undefined);
      this.#sweepNowAndThen(deps, { clock, signal });
    });
  }

  /** Supervisors that answer a moment after they are asked. */
  #links({ clock, signal, read }: ProcessTools, emit: (uid: string) => void): SpineParts['links'] {
    const links = createFakeGuestLinks(emit, this.runs);
    const ensure = links.ensure.bind(links);
    links.ensure = (uid, endpoint, history) => {
      const known = links.state(uid) !== undefined;
      ensure(uid, endpoint, history);
      if (!known) clock.after(50, () => signal.aborted || links.tell(uid, this.firstWords(uid, read)));
    };
    return links;
  }

  #health({ clock, signal }: ProcessTools, emit: (uid: string) => void): ReturnType<typeof createFakeHealthMonitor> {
    const health = createFakeHealthMonitor(emit);
    const ensure = health.ensure.bind(health);
    health.ensure = (uid, check, since) => {
      const known = health.state(uid) !== undefined;
      ensure(uid, check, since);
      if (known) return;
      clock.after(100, () => {
        if (signal.aborted) return;
        health.tell(uid, this.processes === 'healthy' ? { healthy: true } : { healthy: false, why: 'status 503' });
      });
    };
    return health;
  }
}
