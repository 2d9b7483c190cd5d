import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { Reconciler } from '../../controller/reconciler.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { guestReconciler } from '../../reconcilers/guest/reconciler.ts';
import { createFakeGuestLinks, createFakeHealthMonitor } from '../../reconcilers/providers/guest/fake.ts';
import type { GuestLinkState } from '../../reconcilers/providers/guest/guest-links.ts';
import type { HealthState } from '../../reconcilers/providers/guest/health-monitor.ts';
import { createFakeArtifactStore } from '../../reconcilers/providers/oci/fake-artifact-store.ts';
import { FakeBucket } from '../../reconcilers/providers/object-storage/fake.ts';
import { createClusterObserver } from '../../reconcilers/providers/proxmox/cluster-observer.ts';
import { createClusterPool } from '../../reconcilers/providers/proxmox/cluster-pool.ts';
import { FakeProxmox } from '../../reconcilers/providers/proxmox/fake.ts';
import { proxmoxClusterReconciler } from '../../reconcilers/proxmox-cluster/reconciler.ts';
import { createArchivePlacements } from '../../reconcilers/shared/archive-placements.ts';
import { Reservations } from '../../reconcilers/shared/reservations.ts';
import { createSignal } from '../../reconcilers/shared/signal.ts';
import { volumeReconciler } from '../../reconcilers/volume/reconciler.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World, type ProcessTools } from '../harness/world.ts';
import { TEST_CONFIG_KEY } from './fake-repack.ts';
import { memoryLogs } from './memory-logs.ts';
import { fakeAge } from './fake-age.ts';

const USER = { manager: 'containr-cli', user: 'test' };
const INSTALLATION = 'a1b2c3d4';
const DIGEST = `sha256:${'a'.repeat(64)}`;

/** Guests and volumes without services: what their loops do over a Proxmox that outlives the process. */
export class GuestWorld {
  readonly clock = new FakeClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly proxmox: FakeProxmox;
  readonly secrets = new Map<string, string>();
  readonly world: World;
  /** What the supervisor of a guest, by its name, says from now on; it outlives the controller. */
  readonly supervisors = new Map<string, Partial<GuestLinkState>>();
  /** What the check of a guest finds. */
  health: HealthState = { healthy: true };
  readonly #workDir = mkdtempSync(join(tmpdir(), 'containr-guests-'));
  readonly #artifacts = createFakeArtifactStore({ clock: this.clock, workDir: this.#workDir });
  readonly #logs = memoryLogs();
  /** Tells this process what a supervisor or a check says now. */
  #tell: (uid: string, name: string) => void = () => undefined;

  constructor({ crash, nodes = ['pve1'] }: { crash?: CrashPoint | undefined; nodes?: readonly string[] } = {}) {
    this.proxmox = new FakeProxmox({ clock: this.clock, nodes });
    this.world = new World({ store: this.store, clock: this.clock, crash, build: (tools) => this.#loops(tools) });
  }

  dispose(): void {
    rmSync(this.#workDir, { recursive: true, force: true });
  }

  async prepare(cluster: Record<string, unknown> = {}): Promise<void> {
    const file = join(this.#workDir, 'archive');
    writeFileSync(file, 'x');
    await this.#artifacts.put(file, DIGEST);
    await this.create(ProxmoxCluster, 'home', {
      endpoints: ['https://pve1.example:8006'],
      tokenSecretRef: { name: 'pve-token' },
      regions: [{ name: 'default', nodes: [...this.proxmox.nodes.keys()] }],
      storages: { rootfs: 'local-lvm', templates: 'local' },
      network: {
        addressing: 'static',
        bridge: 'vmbr0',
        cidr: '10.40.0.0/24',
        pool: { from: '10.40.0.50', to: '10.40.0.99' },
      },
      vmidRange: { from: 20_000, to: 20_099 },
      ...cluster,
    });
  }

  async createGuest(name: string, spec: Record<string, unknown> = {}): Promise<Guest> {
    return this.create(
      Guest,
      name,
      {
        hostname: name,
        artifact: {
          digest: DIGEST,
          sizeBytes: 1,
          imageDigest: DIGEST,
          image: 'shop/web:1',
          architecture: 'amd64',
          process: { command: ['/app'], env: [], workingDir: '', user: '', stopSignal: '' },
        },
        process: { command: ['/app'] },
        ...spec,
      },
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

  async edit<R extends Resource>(kind: Kind<R>, name: string, change: (spec: R['spec']) => R['spec']): Promise<void> {
    const object = await this.get(kind, name);
    await this.store.update(kind, { ...object, spec: change(structuredClone(object.spec)) }, USER);
  }

  async delete(kind: Kind, name: string): Promise<void> {
    await this.store.delete(kind, { namespace: 'shop', name }, USER);
  }

  async get<R extends Resource>(kind: Kind<R>, name: string): Promise<R> {
    const object = await this.store.get(kind, { namespace: 'shop', name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    return object;
  }

  async ready(name: string): Promise<string> {
    const { status } = await this.get(Guest, name);
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    return `${ready?.status} ${ready?.reason}: ${ready?.message}`;
  }

  /** The supervisor of a guest says something new, whether or not anybody listens. */
  async say(name: string, state: Partial<GuestLinkState>): Promise<void> {
    this.supervisors.set(name, state);
    this.#tell((await this.get(Guest, name)).metadata.uid, name);
  }

  #loops(tools: ProcessTools): readonly Reconciler<Resource>[] {
    const { clock, signal, reach, resourcesFor } = tools;
    const proxmox = reach(this.proxmox, { uncounted: ['close'] });
    const clusters = createClusterPool((_, onChange) => {
      const observer = createClusterObserver({ client: proxmox, intervalMs: 2_000, clock, onChange });
      signal.addEventListener('abort', () => observer.stop(), { once: true });
      return { client: proxmox, observer };
    });
    const placed = createSignal<void>();
    const onSettled = (): void => placed.emit();
    const placements = createArchivePlacements({ clock, downloadUrl: () => undefined, onSettled, signal });
    const artifacts = reach(this.#artifacts, { uncounted: ['path'] });
    const reservations = new Reservations();
    const shared = { clusters, reservations, placements, artifacts, installation: INSTALLATION };
    const changed = createSignal<string>();
    const links = createFakeGuestLinks((uid) => signal.aborted || changed.emit(uid));
    const health = createFakeHealthMonitor((uid) => signal.aborted || changed.emit(uid));
    const read = tools.read;
    const nameOf = (uid: string): string | undefined =>
      read.list(Guest).find(({ metadata }) => metadata.uid === uid)?.metadata.name;
    this.#tell = (uid, name) => {
      links.tell(uid, { connected: true, process: 'running', ...this.supervisors.get(name) });
      health.tell(uid, this.health);
    };
    // A supervisor answers a moment after it is asked.
    const ensure = links.ensure.bind(links);
    links.ensure = (uid, endpoint, history) => {
      const isKnown = links.state(uid) !== undefined;
      ensure(uid, endpoint, history);
      if (!isKnown) clock.after(50, () => signal.aborted || this.#tell(uid, nameOf(uid) ?? ''));
    };

    return [
      proxmoxClusterReconciler({
        resources: resourcesFor(ProxmoxCluster),
        clusters,
        installation: INSTALLATION,
        readSecret: () => ({ ok: true, values: { tokenId: 'a@pve!b', secret: 'x' } }),
      }),
      volumeReconciler({
        resources: resourcesFor(Volume),
        ...shared,
        copies: {
          links,
          openBucket: new FakeBucket().open,
          age: fakeAge,
          readSecret: () => ({ ok: true, values: {} }),
        },
      }),
      guestReconciler({
        resources: resourcesFor(Guest),
        ...shared,
        links,
        health,
        logs: reach(this.#logs),
        readSecret: (_, name, key) => {
          const value = this.secrets.get(`${name}/${key}`);
          return value === undefined
            ? { ok: false, reason: 'SecretNotFound', message: `There is no key "${key}" in ${name}.` }
            : { ok: true, value };
        },
        guestKey: 'test-key',
        configKey: TEST_CONFIG_KEY,
        changed,
        placed,
      }),
    ];
  }
}
