import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Secret } from '../../crds/secret.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { backupReconciler } from '../../reconcilers/backup/reconciler.ts';
import { engines } from '../../reconcilers/database/engines/engines.ts';
import { databaseReconciler } from '../../reconcilers/database/reconciler.ts';
import { createFakeDatabaseClient } from '../../reconcilers/providers/database/fake.ts';
import { createFakeGuestRuns, fakeRead, fakeRun } from '../../reconcilers/providers/guest/fake-runs.ts';
import type { GuestLinks } from '../../reconcilers/providers/guest/guest-links.ts';
import { FakeBucket } from '../../reconcilers/providers/object-storage/fake.ts';
import { createClusterObserver } from '../../reconcilers/providers/proxmox/cluster-observer.ts';
import { createClusterPool } from '../../reconcilers/providers/proxmox/cluster-pool.ts';
import type { FakeBackup } from '../../reconcilers/providers/proxmox/fake-backups.ts';
import type { FakeStorage } from '../../reconcilers/providers/proxmox/fake-storage.ts';
import { FakeProxmox } from '../../reconcilers/providers/proxmox/fake.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World } from '../harness/world.ts';
import { shortGuestLoop, shortVolumeLoop, type Engines } from './backup-loops.ts';
import { imageLoop } from './database-loops.ts';
import { fakeAge } from './fake-age.ts';

const USER = { manager: 'test' };
const SHOP = 'shop';
export const DIGEST = 'd'.repeat(64);

/** The loops of databases and backups over a fake Proxmox, with short loops for images, guests and volumes. */
export class BackupWorld {
  readonly clock = new FakeClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly proxmox = new FakeProxmox({ clock: this.clock });
  readonly runs = createFakeGuestRuns();
  /** What guests that are looked at from now on print. */
  readonly engines: Engines = {
    digest: `${DIGEST} 12 3456\n`,
    dump: { output: 'all of it' },
    dumpRead: 'all of it',
    archive: { output: 'a tar of it' },
    quiesce: { output: '' },
  };
  /** What takes copies. */
  readonly bucket = new FakeBucket();
  /** Why a restored copy does not answer. */
  refusal: string | undefined;
  readonly world: World;

  constructor({ crash }: { crash?: CrashPoint | undefined } = {}) {
    this.world = new World({
      store: this.store,
      clock: this.clock,
      crash,
      alsoRead: [Secret, ProxmoxCluster],
      build: ({ reach, read, resourcesFor, clock, signal }) => {
        const proxmox = reach(this.proxmox, { uncounted: ['close'] });
        const clusters = createClusterPool((_, onChange) => {
          const observer = createClusterObserver({ client: proxmox, intervalMs: 60_000, clock, onChange });
          signal.addEventListener('abort', () => observer.stop(), { once: true });
          return { client: proxmox, observer };
        });
        const access = { endpoints: ['x'], tokenId: 'a', tokenSecret: 'b', tls: {}, perNode: 2 };
        clusters.ensure('home', access);
        const links: Pick<GuestLinks, 'run' | 'read'> = {
          run: async (uid, request) => fakeRun(this.runs.ask(uid, request).answer),
          read: async (uid, request) => {
            const { answer, isNew } = this.runs.ask(uid, request);
            return fakeRead(answer, isNew);
          },
        };
        const answers = { version: '17.6', connections: 1, dataBytes: 1 };
        const client = createFakeDatabaseClient(() =>
          this.refusal === undefined ? answers : { denied: false, why: this.refusal },
        );
        const readSecret = (namespace: string, name: string) => {
          const secret = read.get(Secret, { namespace, name });
          return secret
            ? { ok: true as const, values: secret.spec.data }
            : { ok: false as const, reason: 'SecretNotFound' as const, message: `There is no Secret ${name}.` };
        };
        return [
          databaseReconciler({
            resources: resourcesFor(Database),
            clusters: { get: () => undefined },
            client,
            readSecret,
            seal: (_, value) => value,
            randomBytes: (size) => Buffer.alloc(size, 7),
            usage: async () => undefined,
            lastLines: async () => [],
          }),
          backupReconciler({
            resources: resourcesFor(Backup),
            clusters,
            links: reach(links),
            database: reach(client),
            engines,
            readSecret,
            seal: (_, value) => value,
            openBucket: this.bucket.open,
            age: fakeAge,
            installation: 'a1b2c3d4',
          }),
          imageLoop(() => false),
          shortGuestLoop(this.proxmox, this.runs, this.engines, read),
          shortVolumeLoop(this.proxmox, read),
        ];
      },
    });
  }

  get storage(): FakeStorage {
    const storage = this.proxmox.storages.get('local');
    if (!storage) throw new Error('There is no storage.');
    return storage;
  }

  get archives(): FakeBackup[] {
    return [...this.storage.backups.values()];
  }

  /** A cluster, and databases that answer. */
  async begin(names = ['main'], backup: Record<string, unknown> = {}): Promise<void> {
    await this.create(
      ProxmoxCluster,
      'home',
      {
        endpoints: ['https://pve1.example:8006'],
        tokenSecretRef: { name: 'token' },
        regions: [{ name: 'default', nodes: ['pve1'] }],
        storages: { rootfs: 'local-lvm', templates: 'local', backups: 'local' },
        network: { addressing: 'dhcp', bridge: 'vmbr0' },
        vmidRange: { from: 100, to: 199 },
      },
      false,
    );
    for (const name of names) await this.create(Database, name, { engine: 'postgresql', version: '17', backup });
    await this.world.runUntilQuiet();
  }

  async backUp(name: string, spec: Record<string, unknown> = {}, source = 'main'): Promise<void> {
    await this.create(Backup, name, { source: { kind: 'Database', name: source }, ...spec });
  }

  async create<R extends Resource>(kind: Kind<R>, name: string, spec: unknown, isNamespaced = true): Promise<R> {
    const metadata = { name, ...(isNamespaced && { namespace: SHOP }) };
    const manifest = kind.parseManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata, spec });
    return this.store.create(kind, manifest, USER);
  }

  async edit(name: string, change: Partial<Backup['spec']>): Promise<void> {
    const object = await this.get(Backup, name);
    await this.store.update(Backup, { ...object, spec: { ...object.spec, ...change } }, USER);
  }

  async get<R extends Resource>(kind: Kind<R>, name: string): Promise<R> {
    const object = await this.store.get(kind, { namespace: SHOP, name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    return object;
  }

  async all<R extends Resource>(kind: Kind<R>): Promise<R[]> {
    return (await this.store.list(kind)).items;
  }

  async remove<R extends Resource>(kind: Kind<R>, name: string): Promise<void> {
    await this.store.delete(kind, { namespace: SHOP, name }, USER);
  }

  /** What a condition of a backup or database says. */
  async said<R extends Resource>(kind: Kind<R>, name: string, type = 'Ready'): Promise<string> {
    const { status } = await this.get(kind, name);
    const condition = status.conditions.find((one) => one.type === type);
    return condition ? `${condition.status} ${condition.reason}: ${condition.message}` : 'nothing';
  }
}
