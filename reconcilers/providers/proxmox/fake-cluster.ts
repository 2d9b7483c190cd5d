import type { Clock } from '../../../controller/clock.ts';
import type { CreateGuest, ListedGuest, ListedNode, ListedStorage, Permissions, Upid } from './client.ts';
import { FakeGuest, createdConfig, type StoredConfig } from './fake-guest.ts';
import { FakeStorage, type FakeStorageOptions, type FakeVolume } from './fake-storage.ts';
import { FakeTasks, type TaskPlan, type TaskWork } from './fake-tasks.ts';
import { refuse, refuseErrors } from './fake-refuse.ts';
import { freeVolumes, keepUnused } from './fake-volumes.ts';
import { parseNet } from './net.ts';
import { requiredPrivileges } from './permissions.ts';

/** Milliseconds that tasks take; near what a small machine needs. */
const usualTaskMs = {
  vzcreate: 600,
  vzstart: 1600,
  vzstop: 400,
  vzshutdown: 800,
  vzdestroy: 300,
  vzrestore: 900,
  imgcopy: 300,
  download: 500,
  imgdel: 100,
  resize: 200,
  move_volume: 200,
  vzdump: 2_000,
};
export type TaskType = keyof typeof usualTaskMs;

const usualStorages: readonly FakeStorageOptions[] = [
  { storage: 'local', content: ['vztmpl', 'backup', 'iso'] },
  { storage: 'local-lvm', content: ['rootdir', 'images'] },
];

type TaskSteps = Pick<TaskWork, 'begin' | 'effect' | 'undo' | 'locks'> & { ms?: number };

const GIB = 2 ** 30;

export interface FakeClusterOptions {
  clock: Clock;
  nodes?: readonly string[];
  bridges?: readonly string[];
  storages?: readonly FakeStorageOptions[];
  /** Milliseconds by task type. */
  taskMs?: Partial<typeof usualTaskMs>;
}

/** The world behind the fake: nodes, guests, storages and tasks, and what tests do to them. */
export class FakeCluster {
  readonly guests = new Map<number, FakeGuest>();
  readonly storages: ReadonlyMap<string, FakeStorage>;
  readonly nodes: ReadonlyMap<string, { online: boolean }>;
  readonly bridgeNames: readonly string[];
  readonly tasks: FakeTasks;
  readonly taskMs: typeof usualTaskMs;
  /** Undefined for a single node. */
  quorate: boolean | undefined;
  /** No endpoint answers. */
  unreachable = false;
  /** What images bring: put over what the create call said. */
  image: { entrypoint: string | undefined; env: readonly string[] } = {
    entrypoint: '/bin/app',
    env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
  };
  /** What download-url finds, by URL. */
  readonly served = new Map<string, { sizeBytes: number; sha256: string }>();
  tokenPermissions: Permissions = allThatIsNeeded();
  readonly #clock: Clock;

  constructor({ clock, nodes = ['pve1'], bridges = ['vmbr0'], storages, taskMs }: FakeClusterOptions) {
    this.#clock = clock;
    this.nodes = new Map(nodes.map((node) => [node, { online: true }]));
    this.quorate = nodes.length > 1 ? true : undefined;
    this.bridgeNames = bridges;
    this.storages = new Map((storages ?? usualStorages).map((options) => [options.storage, new FakeStorage(options)]));
    this.taskMs = { ...usualTaskMs, ...taskMs };
    this.tasks = new FakeTasks(clock);
  }

  /** Decides how the next tasks of a type go. */
  planTask(type: TaskType, plan: TaskPlan): void {
    this.tasks.plan(type, plan);
  }

  /** A guest that somebody else made. */
  addStranger(
    vmid: number,
    about: { node?: string; type?: 'lxc' | 'qemu'; running?: boolean } & Partial<StoredConfig> = {},
  ): FakeGuest {
    const { node = this.firstNode(), type = 'lxc', running = false, ...config } = about;
    const guest = new FakeGuest(vmid, node, type, this.nowMs());
    guest.config = { ...guest.config, hostname: 'stranger', rootfs: `local-lvm:vm-${vmid}-disk-0,size=4G`, ...config };
    this.guests.set(vmid, guest);
    if (running) this.run(guest);
    return guest;
  }

  /** Changes one guest behind everybody's back: a hand, a migration, a backup's lock. */
  touch(vmid: number, change: (guest: FakeGuest) => void): void {
    const guest = this.guests.get(vmid);
    if (!guest) throw new Error(`There is no guest ${vmid} to touch.`);
    guest.statisticsAt(this.nowMs());
    change(guest);
  }

  /** Process 1 ends: the guest stops, and no task says so. */
  exitGuest(vmid: number): void {
    this.touch(vmid, (guest) => this.halt(guest));
  }

  /** Somebody destroys the guest by hand. */
  removeGuest(vmid: number): void {
    this.touch(vmid, (guest) => this.remove(guest));
  }

  /** The node answers nobody; what runs there goes on. */
  isolateNode(node: string): void {
    this.#setOnline(node, false);
  }

  /** The node loses power: guests stop, tasks end in the middle and leave their locks. */
  crashNode(node: string): void {
    this.tasks.kill((work) => work.node === node, 'hard');
    for (const guest of this.guests.values()) if (guest.node === node) this.halt(guest);
    this.#setOnline(node, false);
  }

  /** The node is back; `booted` starts its guests with `onboot`, as after a crash. */
  bringNodeBack(node: string, { booted = false } = {}): void {
    this.#setOnline(node, true);
    if (!booted) return;
    for (const guest of this.guests.values()) {
      if (guest.node === node && guest.config.onboot && guest.lock === undefined) this.run(guest);
    }
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  timestamp(): Date {
    return this.#clock.now();
  }

  firstNode(): string {
    return [...this.nodes.keys()][0] ?? 'pve1';
  }

  /** The container with this vmid on this node: not a virtual machine, not one elsewhere. */
  containerOn(node: string, vmid: number): FakeGuest | undefined {
    const guest = this.guests.get(vmid);
    return guest?.node === node && guest.type === 'lxc' ? guest : undefined;
  }

  spawn(type: TaskType, node: string, id: string | number, work: TaskSteps): Upid {
    const locks = typeof id === 'number' ? { locks: [id] } : {};
    return this.tasks.spawn({ node, type, id: String(id), ms: this.taskMs[type], ...locks, ...work });
  }

  /** Begins to make a guest, which shows its lock at once; refuses a vmid that is taken. */
  spawnCreate(node: string, wanted: CreateGuest, storage: FakeStorage): Upid {
    const taken = this.guests.get(wanted.vmid);
    if (taken) refuse(500, `${taken.kind} ${wanted.vmid} already exists on node '${taken.node}'`);
    if (!storage.content.includes('rootdir'))
      refuseErrors({ storage: `storage '${wanted.storage}' does not support container directories` });
    const guest = new FakeGuest(wanted.vmid, node, 'lxc', this.nowMs());
    guest.lock = 'create';
    this.guests.set(wanted.vmid, guest);
    return this.spawn('vzcreate', node, wanted.vmid, {
      effect: () => this.make(guest, wanted, storage),
      undo: () => this.remove(guest),
    });
  }

  /** Begins to destroy a guest, unless it is locked, protected or running. */
  spawnDestroy(guest: FakeGuest): Upid {
    const { node, vmid } = guest;
    if (guest.lock !== undefined) refuse(500, `CT is locked (${guest.lock})`);
    if (guest.config.protection) refuse(500, `can't remove CT ${vmid} - protection mode enabled`);
    const running = `unable to destroy CT ${vmid} - container is running`;
    if (guest.running) refuse(500, running);
    return this.spawn('vzdestroy', node, vmid, {
      begin: () => {
        const refusal = this.refusalInTask(node, vmid) ?? (guest.running ? running : undefined);
        if (refusal === undefined) guest.lock = 'destroyed';
        return refusal;
      },
      effect: () => this.remove(guest),
      undo: () => {
        if (guest.lock === 'destroyed') guest.lock = undefined;
      },
    });
  }

  /** Why a task on this guest cannot begin: seen only once it has the file lock. */
  refusalInTask(node: string, vmid: number): string | undefined {
    const guest = this.containerOn(node, vmid);
    if (!guest) return `Configuration file 'nodes/${node}/lxc/${vmid}.conf' does not exist`;
    return guest.lock === undefined ? undefined : `CT is locked (${guest.lock})`;
  }

  /** The end of a create task: a text when it fails. */
  make(guest: FakeGuest, wanted: CreateGuest, storage: FakeStorage): string | undefined {
    const failed = `unable to create CT ${wanted.vmid}`;
    const [place = '', filename = ''] = wanted.archive.split(':vztmpl/');
    if (!this.storages.get(place)?.archive(guest.node, filename)) {
      return `${failed} - volume '${wanted.archive}' does not exist`;
    }
    const bytes = wanted.rootfsGiB * GIB;
    if (!storage.hasRoomFor(bytes))
      return `${failed} - lvcreate 'pve/vm-${wanted.vmid}-disk-0' error: insufficient free space`;
    guest.statisticsAt(this.nowMs());
    storage.usedBytes += bytes;
    guest.disk = { storage: storage.storage, bytes };
    guest.config = {
      ...createdConfig(wanted),
      entrypoint: this.image.entrypoint,
      env: this.image.env,
    };
    guest.lock = undefined;
    return undefined;
  }

  /** The end of a start task: a text when it fails. */
  start(node: string, vmid: number): string | undefined {
    const guest = this.containerOn(node, vmid);
    if (!guest) return this.refusalInTask(node, vmid);
    const bridge = parseNet(guest.config.nets['net0'] ?? '').get('bridge');
    if (bridge !== undefined && !this.bridgeNames.includes(bridge)) return `bridge '${bridge}' does not exist`;
    // The kernel's limit for one string of the environment.
    if (guest.config.env.some((entry) => entry.length >= 131_072)) return `startup for container '${vmid}' failed`;
    this.run(guest);
    return undefined;
  }

  run(guest: FakeGuest): void {
    const now = this.nowMs();
    guest.statisticsAt(now);
    guest.running = true;
    guest.startedAtMs = now;
    guest.startedWith = { entrypoint: guest.config.entrypoint, env: guest.config.env };
  }

  halt(guest: FakeGuest): void {
    guest.statisticsAt(this.nowMs());
    guest.running = false;
    guest.startedWith = undefined;
    for (const volid of guest.leaving.splice(0)) keepUnused(guest, volid);
  }

  /** A volume, wherever it is. */
  volume(volid: string): FakeVolume | undefined {
    return this.storages.get(volid.split(':')[0] ?? '')?.volume(volid);
  }

  /** Only this very guest: the vmid may be another's by now. Its volumes go with it, the unused too. */
  remove(guest: FakeGuest): undefined {
    freeVolumes(this, guest);
    if (this.guests.get(guest.vmid) === guest) this.guests.delete(guest.vmid);
    const storage = guest.disk && this.storages.get(guest.disk.storage);
    if (storage && guest.disk) storage.usedBytes -= guest.disk.bytes;
    guest.disk = undefined;
    return undefined;
  }

  listedGuests(): ListedGuest[] {
    return [...this.guests.values()]
      .filter(({ hidden }) => !hidden)
      .map((guest) => {
        const { vmid, node, type, lock, config } = guest;
        const statistics = guest.statisticsAt(this.nowMs());
        const status = this.nodes.get(node)?.online ? statistics.status : 'unknown';
        return { ...statistics, status, vmid, node, type, lock, tags: config.tags };
      });
  }

  listedNodes(): ListedNode[] {
    return [...this.nodes].map(([node, { online }]) => {
      const guests = [...this.guests.values()].filter((guest) => guest.node === node && guest.running);
      const memoryBytes = guests.reduce((sum, guest) => sum + guest.config.memoryMiB * 2 ** 20, 2 * GIB);
      return { node, online, cpu: 0.05, maxCpu: 8, memoryBytes, maxMemoryBytes: 32 * GIB };
    });
  }

  listedStorages(): ListedStorage[] {
    return [...this.nodes].flatMap(([node, { online }]) =>
      [...this.storages.values()].map(({ storage, shared, content, usedBytes, totalBytes, offline }) => {
        return { storage, node, available: online && !offline, shared, content, usedBytes, totalBytes };
      }),
    );
  }

  #setOnline(node: string, online: boolean): void {
    const found = this.nodes.get(node);
    if (!found) throw new Error(`There is no node ${node}.`);
    found.online = online;
  }
}

/** A token that may do everything Containr asks for, everywhere. */
function allThatIsNeeded(): Permissions {
  const storages = { rootfs: 'any', templates: 'any', backups: 'any' };
  const needs = requiredPrivileges({ storages, bridge: 'any', nodes: ['any'], downloads: true });
  return {
    '/': Object.fromEntries(needs.flatMap(({ privileges }) => privileges.map((privilege) => [privilege, true]))),
  };
}
