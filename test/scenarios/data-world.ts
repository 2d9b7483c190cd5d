import { createHash } from 'node:crypto';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { Reconciler, ResourceReader } from '../../controller/reconciler.ts';
import { backupReconciler } from '../../reconcilers/backup/reconciler.ts';
import { engines } from '../../reconcilers/database/engines/engines.ts';
import { databaseReconciler } from '../../reconcilers/database/reconciler.ts';
import type { DatabaseAnswer, DatabaseClient, DatabaseRefusal } from '../../reconcilers/providers/database/client.ts';
import type { GuestLinkState } from '../../reconcilers/providers/guest/guest-links.ts';
import type { FakeBackup } from '../../reconcilers/providers/proxmox/fake-backups.ts';
import type { FakeStorage, FakeVolume } from '../../reconcilers/providers/proxmox/fake-storage.ts';
import { parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import { restoreReconciler } from '../../reconcilers/restore/reconciler.ts';
import { BACKUP_COMMANDS } from '../../reconcilers/shared/backup-commands.ts';
import { dataText, readData, type EngineData } from './engine-data.ts';
import { fakeAge } from './fake-age.ts';
import { SpineWorld, type SpineParts } from './spine-world.ts';

const USER = { manager: 'containr-cli', user: 'test' };
const SHOP = 'shop';
const IMAGES = ['postgres:17', 'postgres:17.6', 'redis:8'];

/**
 * The spine with databases, backups and restores: every loop is the real one. Servers live on the disks of the fake Proxmox, so
 * that what a database answers is what its volume has, and a restored copy has what was on the disk when it was copied.
 */
export class DataWorld extends SpineWorld {
  /** How commands in guests end, by name, where they do not end well. */
  readonly broken = new Map<string, { output: string; code?: number }>();
  #dice = 0;

  async begin(cluster: Record<string, unknown> = {}): Promise<void> {
    for (const image of IMAGES) await this.docker.publish(image);
    await this.prepare({ cluster: { storages: STORAGES, ...cluster } });
  }

  /** A database that answers. */
  async born(name = 'main', spec: Record<string, unknown> = {}): Promise<void> {
    await this.create(Database, name, { engine: 'postgresql', version: '17', ...spec }, SHOP);
    await this.world.runUntilQuiet();
  }

  async backUp(name: string, spec: Record<string, unknown> = {}, source = 'main'): Promise<void> {
    await this.create(Backup, name, { source: { kind: 'Database', name: source }, ...spec }, SHOP);
  }

  async restore(name: string, backup: string, target = 'main', spec: Record<string, unknown> = {}): Promise<void> {
    await this.create(Restore, name, { backup, target: { kind: 'Database', name: target }, ...spec }, SHOP);
  }

  async get<R extends Resource>(kind: Kind<R>, name: string): Promise<R> {
    const object = await this.store.get(kind, { namespace: SHOP, name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    return object;
  }

  async has<R extends Resource>(kind: Kind<R>, name: string): Promise<boolean> {
    return (await this.store.get(kind, { namespace: SHOP, name })) !== undefined;
  }

  async names<R extends Resource>(kind: Kind<R>): Promise<string[]> {
    return (await this.all(kind)).map(({ metadata }) => metadata.name).toSorted();
  }

  async remove<R extends Resource>(kind: Kind<R>, name: string): Promise<void> {
    await this.store.delete(kind, { namespace: SHOP, name }, USER);
  }

  /** Phase and condition of a backup, restore or database. */
  async said(kind: typeof Backup | typeof Restore | typeof Database, name: string, type = 'Ready'): Promise<string> {
    const { status } = await this.get<Backup | Restore | Database>(kind, name);
    const condition = status.conditions.find((one) => one.type === type);
    return `${status.phase} ${condition?.status} ${condition?.reason}: ${condition?.message}`;
  }

  /** The storage that backups go to. */
  get backups(): FakeStorage {
    const storage = this.proxmox.storages.get('local');
    if (!storage) throw new Error('There is no storage for backups.');
    return storage;
  }

  get archives(): FakeBackup[] {
    return [...this.backups.backups.values()];
  }

  /** Every disk on the storages but root disks. */
  disks(): FakeVolume[] {
    return [...this.proxmox.storages.values()].flatMap((storage) => [...storage.volumes()]);
  }

  /** The disk behind a Volume, wherever it is. */
  async diskOf(volume: string): Promise<FakeVolume | undefined> {
    const { status } = await this.get(Volume, volume);
    return this.proxmox.volume(status.volid ?? '');
  }

  /** What a program that is connected to a database writes. True when it was acknowledged: then it is on the disk. */
  async write(row: string, database = 'main'): Promise<boolean> {
    const object = await this.store.get(Database, { namespace: SHOP, name: database });
    const host = object?.status.endpoint?.split(':')[0];
    const disk = this.#serving(host ?? '');
    const data = disk && readData(disk.content);
    if (!disk || !data) return false;
    disk.content = dataText({ ...data, rows: [...data.rows, row] });
    return true;
  }

  /** What is in a database, as its disk has it. */
  async rows(database = 'main'): Promise<readonly string[]> {
    const { status } = await this.get(Database, database);
    const disk = await this.diskOf(status.volume ?? '');
    return readData(disk?.content ?? '')?.rows ?? [];
  }

  protected override secretValues(
    namespace: string,
    name: string,
    read: ResourceReader,
  ): Readonly<Record<string, string>> | undefined {
    return read.get(Secret, { namespace, name })?.spec.data ?? super.secretValues(namespace, name, read);
  }

  /** A server that is not held begins at once: on an empty disk it sets itself up. One that cannot read its disk ends. */
  protected override firstWords(uid: string, read: ResourceReader): Partial<GuestLinkState> {
    const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
    if (guest?.spec.hold) return { connected: true, process: 'held' };
    const isServer = guest?.spec.commands.some(({ name }) => name === BACKUP_COMMANDS.dump);
    return guest && isServer ? this.#startServer(guest, read) : super.firstWords(uid, read);
  }

  protected override moreLoops({ tools, clusters, links }: SpineParts): readonly Reconciler<Resource>[] {
    const { read, reach, resourcesFor, clock, signal } = tools;
    const release = links.release.bind(links);
    links.release = async (uid, abort) => {
      const done = await release(uid, abort);
      const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
      if (done && guest) clock.after(50, () => signal.aborted || links.tell(uid, this.#startServer(guest, read)));
      return done;
    };
    const run = links.run.bind(links);
    links.run = async (uid, request, abort) => {
      const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
      const isNew = !this.runs.begun.some((one) => one.guestUid === uid && one.id === request.id);
      if (guest && isNew && links.state(uid)?.connected) this.#carryOut(guest, request.command);
      return run(uid, request, abort);
    };
    const readOut = links.read.bind(links);
    links.read = async (uid, request, abort) => {
      const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
      if (guest) this.#carryOut(guest, request.command);
      return readOut(uid, request, abort);
    };
    const write = links.write.bind(links);
    links.write = async (uid, request, source, abort) => {
      const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
      if (guest) this.#carryOut(guest, request.command);
      const done = await write(uid, request, source, abort);
      const input = this.runs.begun.find(({ guestUid, id }) => guestUid === uid && id === request.id)?.input;
      const disk = guest && this.#diskIn(guest);
      if (disk && input) disk.content = input.toString();
      return done;
    };
    const readSecret = (namespace: string, name: string) => {
      const values = this.secretValues(namespace, name, read);
      return values
        ? { ok: true as const, values }
        : { ok: false as const, reason: 'SecretNotFound' as const, message: `There is no Secret ${name}.` };
    };
    const client: DatabaseClient = { ask: async ({ host, password }) => this.#answer(host, password) };
    const seal = (_: object, value: string): string => value;
    const shared = { links: reach(links), database: reach(client), engines, readSecret, seal };
    return [
      databaseReconciler({
        resources: resourcesFor(Database),
        clusters,
        client: reach(client),
        readSecret,
        seal,
        randomBytes: (size) =>
          createHash('sha256')
            .update(`${(this.#dice += 1)}`)
            .digest()
            .subarray(0, size),
        usage: async () => undefined,
        lastLines: async () => [],
      }),
      backupReconciler({
        ...shared,
        resources: resourcesFor(Backup),
        clusters,
        openBucket: this.bucket.open,
        age: fakeAge,
        installation: 'a1b2c3d4',
      }),
      restoreReconciler({ ...shared, resources: resourcesFor(Restore) }),
    ];
  }

  /** The disk of the server that is reached at an address. */
  #serving(host: string): FakeVolume | undefined {
    const guest = [...this.proxmox.guests.values()].find((one) => one.addresses().includes(host));
    const [mount] = Object.values(guest?.config.mounts ?? {});
    return mount === undefined ? undefined : this.proxmox.volume(parseMount(mount).volume);
  }

  #answer(host: string, password: string): DatabaseAnswer | DatabaseRefusal {
    const data = readData(this.#serving(host)?.content ?? '');
    if (!data) return { ok: false, denied: false, why: 'nothing listens there' };
    if (data.password !== password) return { ok: false, denied: true, why: 'wrong password' };
    return { ok: true, version: '17.6', connections: 1, dataBytes: 2 ** 20 };
  }

  #startServer(guest: Guest, read: ResourceReader): Partial<GuestLinkState> {
    const disk = this.#diskIn(guest);
    const secret = guest.spec.env.map(({ valueFrom }) => valueFrom?.secretRef).find((ref) => ref?.key === 'password');
    const password = this.secretValues(SHOP, secret?.name ?? '', read)?.['password'];
    if (disk?.content === '' && password !== undefined) disk.content = dataText({ password, rows: [] });
    return readData(disk?.content ?? '')
      ? { connected: true, process: 'listening', listening: true }
      : { connected: true, process: 'backoff', lastExit: { code: 1, at: this.clock.now() } };
  }

  #diskIn({ status }: Guest): FakeVolume | undefined {
    const [mount] = Object.values(this.proxmox.guests.get(status.vmid ?? 0)?.config.mounts ?? {});
    return mount === undefined ? undefined : this.proxmox.volume(parseMount(mount).volume);
  }

  /** What a command comes to in a guest at this moment. */
  #carryOut(guest: Guest, command: string): void {
    const disk = this.#diskIn(guest);
    const content = disk?.content ?? '';
    const data = readData(content);
    const wrong = this.broken.get(command);
    const output = wrong ?? { output: disk && data ? this.#output(disk, data, command) : digestOf(content) };
    if (guest.spec.commands.some(({ name }) => name === command)) this.runs.answer(guest.metadata.uid, command, output);
  }

  #output(disk: FakeVolume, data: EngineData, command: string): string {
    switch (command) {
      case BACKUP_COMMANDS.dump: {
        const dump = JSON.stringify(data.rows);
        disk.content = dataText({ ...data, dump });
        return dump;
      }
      case BACKUP_COMMANDS.readDump:
        return data.dump ?? '';
      case BACKUP_COMMANDS.archive:
        return disk.content;
      case BACKUP_COMMANDS.digest:
        return digestOf(disk.content);
      default:
        return '';
    }
  }
}

const STORAGES = { rootfs: 'local-lvm', templates: 'local', backups: 'local' };

function digestOf(content: string): string {
  const files = content === '' ? 0 : 1;
  return `${createHash('sha256').update(content).digest('hex')} ${files} ${content.length}\n`;
}
