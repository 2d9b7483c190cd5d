/** A Proxmox task, by its own id: `UPID:node:pid:pstart:starttime:type:id:user:`. */
export type Upid = string;

/** Path -> privilege -> whether it also counts below the path. */
export type Permissions = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** One row of `GET /cluster/resources` for a guest. Status and usage may be 10 s old; lock, tags and node are current. */
export interface ListedGuest {
  vmid: number;
  node: string;
  type: 'lxc' | 'qemu';
  /** `unknown` for a fresh guest and for one whose node does not answer. */
  status: 'running' | 'stopped' | 'unknown';
  name: string | undefined;
  lock: string | undefined;
  tags: readonly string[];
  maxMemoryBytes: number | undefined;
  maxCpu: number | undefined;
  memoryBytes: number | undefined;
  cpu: number | undefined;
  uptimeSeconds: number | undefined;
  /** Bytes that came in and went out since it was started. */
  netInBytes: number | undefined;
  netOutBytes: number | undefined;
}

export interface ListedNode {
  node: string;
  online: boolean;
  cpu: number;
  maxCpu: number;
  memoryBytes: number;
  maxMemoryBytes: number;
}

export interface ListedStorage {
  storage: string;
  node: string;
  available: boolean;
  shared: boolean;
  content: readonly string[];
  usedBytes: number;
  totalBytes: number;
}

/** The whole cluster in one call. */
export interface ClusterResources {
  guests: ListedGuest[];
  nodes: ListedNode[];
  storages: ListedStorage[];
}

export interface ClusterStatus {
  /** Undefined for a single node without a cluster, which never lacks a quorum. */
  quorate: boolean | undefined;
  nodes: { node: string; online: boolean }[];
}

/** A guest's config as it will be at its next start (pending values merged in). */
export interface GuestConfig {
  digest: string;
  hostname: string | undefined;
  description: string | undefined;
  tags: readonly string[];
  lock: string | undefined;
  memoryMiB: number;
  swapMiB: number;
  cores: number | undefined;
  cpuLimit: number | undefined;
  entrypoint: string | undefined;
  /** NAME=value entries. */
  env: readonly string[];
  onboot: boolean;
  protection: boolean;
  nets: Readonly<Record<string, string>>;
  rootfs: string | undefined;
  /** `mpN` as Proxmox has it; `parseMount` reads it. */
  mounts: Readonly<Record<string, string>>;
  /** `unusedN` -> volid: what the guest has and does not use. Destroyed with it. */
  unused: Readonly<Record<string, string>>;
}

export interface CreateGuest {
  vmid: number;
  /** Volid of the archive. */
  archive: string;
  hostname: string;
  storage: string;
  rootfsGiB: number;
  memoryMiB: number;
  swapMiB: number;
  cores: number;
  cpuLimit: number;
  architecture: 'amd64' | 'arm64';
  /** `net0` as Proxmox writes it; none for a guest without network. */
  net0?: string;
  /** Whether it starts with its node; it does unless told otherwise. */
  onboot?: boolean;
  tags: readonly string[];
  description: string;
  nameservers?: readonly string[];
  searchDomain?: string | undefined;
}

/** The disks of a guest in a backup, by its config. */
export interface BackedUpDisks {
  rootBytes: number;
  /** `included`: its files are in the backup too. */
  mounts: { path: string; bytes: number; included: boolean }[];
}

/** A guest that only holds what was in a backup: it never starts, and nothing of the old guest's config counts in it. */
export interface RestoreGuest {
  vmid: number;
  /** Volid of the backup. */
  backup: string;
  hostname: string;
  storage: string;
  rootfsGiB: number;
  /** `mpN` -> `mountText` of a new volume; the files below its path go there. Other volumes of the backup are not made. */
  mounts: Readonly<Record<string, string>>;
  tags: readonly string[];
  description: string;
}

/** What may be changed on a guest; what is absent stays. */
export interface GuestChanges {
  hostname?: string;
  description?: string;
  tags?: readonly string[];
  memoryMiB?: number;
  swapMiB?: number;
  cores?: number;
  cpuLimit?: number;
  entrypoint?: string;
  env?: readonly string[];
  onboot?: boolean;
  net0?: string;
  /** `mpN` -> `mountText`. A new volume is made at once; one that loses its place becomes `unusedN`. */
  mounts?: Readonly<Record<string, string>>;
  /** An `mpN` among these becomes `unusedN`; an `unusedN` is destroyed; a `netN` goes. What is not there is no trouble. */
  remove?: readonly string[];
  /** Refused with a conflict when the config changed since it was read. */
  digest?: string;
}

export type TaskState =
  | { status: 'running' }
  /** `exit` is Proxmox's own text: `OK`, `WARNINGS: 1`, or the error. */
  | { status: 'ended'; ok: boolean; exit: string }
  /** The node does not know the task: too old, or never started. */
  | { status: 'unknown' };

export interface GuestStatus {
  status: 'running' | 'stopped';
  uptimeSeconds: number;
  lock: string | undefined;
}

/** What a power call came to: a task to follow, or nothing to do since it was so already. */
export type PowerAnswer = { upid: Upid } | 'already';

export interface StoredArchive {
  volid: string;
  sizeBytes: number;
}

/** A guest's disk, as its storage lists it. */
export interface StoredVolume {
  volid: string;
  sizeBytes: number;
}

/** What vzdump is asked for. */
export interface BackUpGuest {
  vmid: number;
  storage: string;
  /** `snapshot` goes on running, or pauses where the storage has no snapshots; `stop` shuts down and starts again. */
  mode: 'snapshot' | 'stop';
  /** One line without braces, which Proxmox would fill in; by it the archive is known again. */
  notes: string;
}

/** A backup as its storage lists it. */
export interface StoredBackup {
  volid: string;
  sizeBytes: number;
  /** Seconds since 1970. */
  createdSeconds: number | undefined;
  /** The vmid that was backed up. */
  vmid: number | undefined;
  /** The first line of its notes. */
  notes: string | undefined;
  protected: boolean;
  /** Of a Proxmox Backup Server: `ok`, `failed`, ... */
  verification: string | undefined;
}

/** Where a volume stands: the key of a guest's config, `mpN` or `unusedN`. */
export interface VolumePlace {
  vmid: number;
  key: string;
  /** Refused with a conflict when the config changed since it was read. */
  digest?: string | undefined;
}

/** A local file that goes to a storage. */
export interface ArchiveFile {
  path: string;
  sizeBytes: number;
  /** Hex. */
  sha256: string;
}

/**
 * Proxmox VE as loops see it: one method, one call (or one question that needs two). No retries of what is not safe to
 * repeat, no waiting for tasks, no caching, no decisions. Throws ProxmoxFault, whose `meaning` is read from Proxmox's
 * answer in one place. Mutating calls first ask `guard`, so that a controller that lost its lease changes nothing.
 */
export interface ProxmoxClient {
  version(signal: AbortSignal): Promise<{ version: string; release: string }>;
  /** Of the token itself, with paths that have any. */
  permissions(signal: AbortSignal): Promise<Permissions>;
  clusterStatus(signal: AbortSignal): Promise<ClusterStatus>;
  resources(signal: AbortSignal): Promise<ClusterResources>;
  bridges(node: string, signal: AbortSignal): Promise<string[]>;

  guestConfig(node: string, vmid: number, signal: AbortSignal): Promise<GuestConfig>;
  guestStatus(node: string, vmid: number, signal: AbortSignal): Promise<GuestStatus>;
  /** Addresses without the loopback, "10.0.0.5"; empty when stopped. */
  guestAddresses(node: string, vmid: number, signal: AbortSignal): Promise<string[]>;
  createGuest(node: string, guest: CreateGuest, signal: AbortSignal): Promise<Upid>;
  /** Makes a guest from a backup, under a vmid that is free; one that exists is never touched. */
  restoreGuest(node: string, guest: RestoreGuest, signal: AbortSignal): Promise<Upid>;
  /** Looks into a backup without restoring it. */
  backedUpDisks(node: string, backup: string, signal: AbortSignal): Promise<BackedUpDisks>;
  configureGuest(node: string, vmid: number, changes: GuestChanges, signal: AbortSignal): Promise<void>;
  startGuest(node: string, vmid: number, signal: AbortSignal): Promise<PowerAnswer>;
  /** Halt signal, then kill after the timeout. */
  shutdownGuest(node: string, vmid: number, timeoutSeconds: number, signal: AbortSignal): Promise<PowerAnswer>;
  stopGuest(node: string, vmid: number, signal: AbortSignal): Promise<PowerAnswer>;
  /** With every volume it has, used or not; refused while it runs or is locked. Meaning `absent` when there is none. */
  destroyGuest(node: string, vmid: number, signal: AbortSignal): Promise<Upid>;

  task(upid: Upid, signal: AbortSignal): Promise<TaskState>;
  /** The last lines of a task's log. */
  taskLog(upid: Upid, lines: number, signal: AbortSignal): Promise<string[]>;
  /**
   * Tasks of a node that are running now, for finding one whose id was lost in a crash. Those that concern two guests, as a
   * move does, are listed for neither: leave the vmid out to see them.
   */
  runningTasks(node: string, vmid: number | undefined, signal: AbortSignal): Promise<{ upid: Upid; type: string }[]>;

  /**
   * Gives a volume to another guest of the same node. It gets another volid there: read it back. Refused while the source
   * runs with it, when it is part of a snapshot, and when the key is taken.
   */
  moveVolume(node: string, from: VolumePlace, to: VolumePlace, signal: AbortSignal): Promise<Upid>;
  /** Grows a volume to whole GiB, also while it is in use; `already` when it has that size. Refused when it is larger. */
  resizeVolume(node: string, at: VolumePlace, sizeGiB: number, signal: AbortSignal): Promise<PowerAnswer>;
  /** The disks on a storage that bear this vmid in their name, in a config or not. */
  volumes(node: string, storage: string, vmid: number, signal: AbortSignal): Promise<StoredVolume[]>;

  archives(node: string, storage: string, signal: AbortSignal): Promise<StoredArchive[]>;
  uploadArchive(node: string, storage: string, filename: string, file: ArchiveFile, signal: AbortSignal): Promise<Upid>;
  /** The node fetches it; the same name with the same checksum is success at once. */
  downloadArchive(
    node: string,
    storage: string,
    filename: string,
    source: { url: string; sha256: string },
    signal: AbortSignal,
  ): Promise<Upid>;
  /**
   * Backs up a guest with all its volumes, compressed; removes no other backup. The task ends with `job errors` whatever went
   * wrong: why is in its log, which `backupRefusal` reads. The guest is locked meanwhile, and one backup runs at a time on
   * each node. Meaning `absent` when the guest is not on the node.
   */
  backUp(node: string, wanted: BackUpGuest, signal: AbortSignal): Promise<Upid>;
  /** The backups on a storage; of one guest, or all that the token may see. */
  backups(node: string, storage: string, vmid: number | undefined, signal: AbortSignal): Promise<StoredBackup[]>;
  /** A task, or undefined when it was quick. Success as well when it is gone; meaning `protected` when it may not go. */
  deleteBackup(node: string, storage: string, volid: string, signal: AbortSignal): Promise<Upid | undefined>;

  /** A task, or undefined when it was quick. */
  deleteArchive(node: string, storage: string, volid: string, signal: AbortSignal): Promise<Upid | undefined>;
  close(): Promise<void>;
}
