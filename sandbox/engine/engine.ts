/** What an image archive says about its process, after Proxmox's own mapping (OCI image config, read once by the API). */
export interface ImageConfig {
  entrypoint: string[];
  env: string[];
  user: string;
  workingDir: string;
  stopSignal: string;
  /** "8080/tcp" and the like. The simulated engine answers on these. */
  exposedPorts: string[];
}

/** One network interface as the guest's config has it (`netN`), parsed. */
export interface GuestNic {
  name: string;
  bridge: string;
  mac: string;
  /** CIDR of a static address, `dhcp`, `manual`, or absent. */
  ip?: string;
  gateway?: string;
}

/** A volume of the guest that the storage layer has made; the engine only mounts it. */
export interface GuestMount {
  key: string;
  /** Folder on this machine that holds the volume's files. */
  path: string;
  mountPath: string;
  readOnly: boolean;
}

/** All an engine has to know to run a guest. Rebuilt from the guest's config at every start. */
export interface GuestMachine {
  node: string;
  vmid: number;
  hostname: string;
  /** Folder on this machine with the root file system; owned by the storage layer. */
  rootfs: string;
  /** Split by liblxc's rules from `entrypoint`; `['/sbin/init']` when the config has none. */
  entrypoint: string[];
  env: string[];
  /** From `lxc.init.*` and `lxc.signal.halt`, where the image brought them. */
  uid: number;
  gid: number;
  cwd: string;
  haltSignal: string;
  memoryMiB: number;
  swapMiB: number;
  /** 0: no limit. */
  cpuLimit: number;
  cores: number;
  /** `ostype: unmanaged`: the engine writes nothing into the root file system. */
  unmanaged: boolean;
  nics: GuestNic[];
  mounts: GuestMount[];
  exposedPorts: string[];
}

export interface GuestUsage {
  uptimeSeconds: number;
  memoryBytes: number;
  /** Share of one core in use since the last look, 0..n. */
  cpu: number;
  netIn: number;
  netOut: number;
  pid: number;
}

export interface GuestInterface {
  name: string;
  mac: string;
  /** "10.0.0.5/24" */
  inet?: string;
  /** "fe80::be24:11ff:fe00:1/64", where the engine knows it. */
  inet6?: string;
}

/**
 * Runs guests. `lxc` runs real unprivileged containers on this machine, `simulated` keeps them in memory.
 * Every method throws EngineError with the text that the task shall end with.
 */
export interface GuestEngine {
  readonly name: 'lxc' | 'simulated';
  /** Unpacks the archive's root file system into an empty `rootfs`. Layers are given in order, whiteouts are applied. */
  unpack(archive: { path: string; format: 'oci' | 'plain' }, rootfs: string): Promise<void>;
  /** Makes an empty volume folder owned by the container's root. */
  makeVolume(path: string): Promise<void>;
  removeVolume(path: string): Promise<void>;
  /** Resolves once the entrypoint was executed. */
  start(machine: GuestMachine): Promise<void>;
  /** Kills at once. */
  stop(vmid: number): Promise<void>;
  /** Sends the halt signal and waits; false when the guest still runs after the timeout. */
  shutdown(vmid: number, timeoutMs: number): Promise<boolean>;
  /** Applies new limits to a running guest. */
  setLimits(
    vmid: number,
    limits: { memoryMiB: number; swapMiB: number; cpuLimit: number; cores: number },
  ): Promise<void>;
  /** Changes a running guest's network to these interfaces. An engine without it has network changes of running guests refused. */
  setNics?(vmid: number, nics: GuestNic[]): Promise<void>;
  /** Runs `work` while no process of the guest does anything. An engine without it changes no files by itself meanwhile. */
  whileFrozen?<T>(vmid: number, work: () => Promise<T>): Promise<T>;
  isRunning(vmid: number): boolean;
  usage(vmid: number): Promise<GuestUsage | undefined>;
  interfaces(vmid: number): Promise<GuestInterface[]>;
  /** Called when a guest stops on its own: its process 1 ended. */
  onExit(listener: (vmid: number) => void): void;
  /** Finds guests that kept running while the API was away (same data folder, new process). */
  recover(machines: GuestMachine[]): Promise<void>;
  /** Ends what it started and removes what it made outside the data folder (bridge, cgroups, addresses). */
  close(options: { stopGuests: boolean }): Promise<void>;
}

/** A refusal of an engine; `log` are the lines that go into the task log before the error. */
export class EngineError extends Error {
  readonly log: readonly string[];

  constructor(message: string, log: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.log = log;
  }
}
