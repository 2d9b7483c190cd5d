import { mkdirSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { isPrivilege, type Privilege } from './access/privileges.ts';
import { calls } from './api/calls.ts';
import { ClusterAdmin } from './cluster/cluster-admin.ts';
import type { ClusterSettings } from './cluster/cluster-settings.ts';
import { Cluster } from './cluster/cluster.ts';
import type { GuestEngine, GuestMachine } from './engine/engine.ts';
import type { FaultPlan } from './faults/fault-plan.ts';
import { machineOf } from './guests/guest-machine.ts';
import { ApiServer } from './http/api-server.ts';
import { loadCertificate } from './http/certificate.ts';
import { Dispatcher } from './http/dispatcher.ts';
import { StorageDefinition } from './storage/storage-definition.ts';

export interface SandboxOptions {
  /** Everything that it keeps: guests, storages, tasks, users. A new sandbox on the same folder goes on where the last one stopped. */
  dataDir: string;
  /** Names of the nodes, at least one. */
  nodes: readonly string[];
  engine: GuestEngine;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: a free one. */
  port?: number;
  /** How many endpoints listen; the n-th is the API of the n-th node. Further ones take free ports. Default 1. */
  endpoints?: number;
  /** Name of the bridge that every node has. Default vmbr0. */
  bridge?: string;
  /** Per node, as shown; default: those of this machine. */
  cores?: number;
  memoryMiB?: number;
  /** Extra milliseconds for each kind of task (`vzcreate`), or for one node's (`pve1/vzcreate`). */
  taskTimes?: Readonly<Record<string, number>>;
  /** How long a call or task waits for a guest's config lock. Default 10 s. */
  lockWaitMs?: number;
  /** How long a refused login waits for its answer. Default 3 s. */
  authDelayMs?: number;
  /** How often the statistics of /cluster/resources are renewed; 0: only by `tick()`. Default 10 s. */
  statsTickMs?: number;
  /** Privileged workers of each node. Default 3. */
  workersPerNode?: number;
  /** After this long a call to a privileged worker is answered with 596 while its work goes on. Default 30 s. */
  proxyTimeoutMs?: number;
  /** Between asking a task to end and killing it. Default 5 s. */
  taskStopWaitMs?: number;
  /** What becomes of the locks that tasks left when the sandbox died: as on a node that crashed they stay, or they are undone. Default leave. */
  interruptedTasks?: 'leave' | 'undo';
  /** Unix time in milliseconds. */
  now?: () => number;
}

export interface Sandbox {
  /** `https://127.0.0.1:PORT` of the first endpoint. */
  readonly url: string;
  /** One for each endpoint. */
  readonly urls: readonly string[];
  /** SHA-256 of the certificate: upper-case hex pairs with colons. */
  readonly fingerprint: string;
  /** PEM. */
  readonly certificate: string;
  readonly faults: FaultPlan;
  /** What root could do on the nodes by hand. */
  readonly admin: ClusterAdmin;
  readonly engine: GuestEngine;
  /** Makes a user who can log in where a password is given. */
  addUser(user: string, password?: string): void;
  /** Makes a token, its user too where it is new. A known token gets a new secret. Resolves with the secret. */
  addToken(user: string, tokenName: string, options?: { privsep?: boolean }): Promise<string>;
  removeToken(user: string, tokenName: string): void;
  setRole(role: string, privileges: readonly string[]): void;
  /** Gives a user or token (`ops@pve!main`) a role on a path. */
  setAcl(path: string, subject: string, role: string, options?: { propagate?: boolean }): void;
  removeAcl(subject: string, path?: string): void;
  addPool(pool: string): void;
  /** Adds a storage, or changes one. `shownPath` is what Proxmox's texts show. */
  addStorage(storage: StorageOptions): void;
  storages(): StorageDefinition[];
  /** Renews the statistics of /cluster/resources now. */
  tick(): Promise<void>;
  /** Resolves when no task runs. */
  settle(): Promise<void>;
  close(options?: { stopGuests?: boolean }): Promise<void>;
}

/** A storage with defaults: a directory with all contents, on every node. */
export type StorageOptions = Pick<StorageDefinition, 'name'> & Partial<StorageDefinition>;

/** Starts a Proxmox VE cluster in a box: the API over TLS, over an engine that runs the guests. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { dataDir, nodes, engine, host = '127.0.0.1' } = options;
  if (nodes.length === 0) throw new Error('a sandbox needs the name of at least one node');
  mkdirSync(dataDir, { recursive: true });
  const cluster = new Cluster(settingsOf(options), engine);
  const admin = new ClusterAdmin(cluster);
  const certificate = loadCertificate(dataDir, [host, 'localhost', ...nodes]);
  cluster.fingerprint = certificate.fingerprint;
  await engine.recover(recoverable(cluster));
  if (options.interruptedTasks === 'undo') await admin.undoInterrupted();
  engine.onExit((vmid) => void admin.guestExited(vmid));
  await cluster.stats.renew();

  const dispatcher = new Dispatcher(cluster, calls);
  const servers: ApiServer[] = [];
  const urls: string[] = [];
  for (let index = 0; index < (options.endpoints ?? 1); index++) {
    const node = nodes[index % nodes.length] ?? '';
    const server = new ApiServer(cluster, dispatcher, node, certificate);
    const port = await server.listen(host, index === 0 ? (options.port ?? 0) : 0);
    servers.push(server);
    urls.push(`https://${host}:${port}`);
  }
  cluster.stats.start();
  return {
    ...accessOf(cluster),
    url: urls[0] ?? '',
    urls,
    fingerprint: certificate.fingerprint,
    certificate: certificate.certificate,
    faults: cluster.faults,
    admin,
    engine,
    addStorage: (storage) => cluster.storages.put(completeStorage(storage)),
    storages: () => cluster.storages.definitions(),
    tick: () => cluster.stats.renew(),
    settle: () => cluster.tasks.settle(),
    close: async ({ stopGuests = true } = {}) => {
      cluster.stats.stop();
      await Promise.all(servers.map((server) => server.close()));
      await cluster.tasks.close();
      await engine.close({ stopGuests });
    },
  };
}

type AccessPart = Pick<
  Sandbox,
  'addUser' | 'addToken' | 'removeToken' | 'setRole' | 'setAcl' | 'removeAcl' | 'addPool'
>;

function accessOf({ access }: Cluster): AccessPart {
  return {
    addUser: (user, password) => access.addUser(user, password),
    addToken: async (user, tokenName, { privsep = true } = {}) => access.addToken(user, tokenName, privsep),
    removeToken: (user, tokenName) => access.removeToken(user, tokenName),
    setRole: (role, privileges) => access.setRole(role, privileges.map(readPrivilege)),
    setAcl: (path, subject, role, { propagate = true } = {}) => access.setAcl({ path, subject, role, propagate }),
    removeAcl: (subject, path) => access.removeAcl(subject, path),
    addPool: (pool) => access.putPool(pool, { comment: '', guests: [], storages: [] }),
  };
}

function settingsOf(options: SandboxOptions): ClusterSettings {
  return {
    dataDir: options.dataDir,
    nodes: options.nodes,
    bridge: options.bridge ?? 'vmbr0',
    cores: options.cores ?? cpus().length,
    memoryMiB: options.memoryMiB ?? Math.floor(totalmem() / 1024 ** 2),
    taskTimes: options.taskTimes ?? {},
    lockWaitMs: options.lockWaitMs ?? 10_000,
    authDelayMs: options.authDelayMs ?? 3000,
    statsTickMs: options.statsTickMs ?? 10_000,
    workersPerNode: options.workersPerNode ?? 3,
    proxyTimeoutMs: options.proxyTimeoutMs ?? 30_000,
    taskStopWaitMs: options.taskStopWaitMs ?? 5000,
    now: options.now ?? Date.now,
  };
}

/** Guests that may have kept running; those half made have no root volume yet. */
function recoverable({ guests, storages, settings }: Cluster): GuestMachine[] {
  return [...guests.all()]
    .filter(({ config }) => config.options.has('rootfs'))
    .map((guest) => machineOf(guest, storages, settings.cores));
}

function completeStorage(storage: StorageOptions): StorageDefinition {
  const content = ['vztmpl', 'backup', 'iso', 'rootdir', 'images', 'snippets', 'import'];
  return StorageDefinition.parse({ content, shownPath: `/mnt/${storage.name}`, ...storage });
}

function readPrivilege(name: string): Privilege {
  if (!isPrivilege(name)) throw new Error(`${name} is no privilege of Proxmox VE`);
  return name;
}
