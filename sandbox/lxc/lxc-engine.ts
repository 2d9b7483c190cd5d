import { chown, mkdir, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  EngineError,
  type GuestEngine,
  type GuestInterface,
  type GuestMachine,
  type GuestUsage,
} from '../engine/engine.ts';
import { AddressPool } from './address-pool.ts';
import { lxcAvailability } from './availability.ts';
import { detectCgroups, type CgroupLayout } from './cgroups.ts';
import { freezeCgroup } from './freeze-guest.ts';
import { assignAddresses } from './guest-addresses.ts';
import { ensureBridge, removeBridge, type GuestBridge } from './guest-bridge.ts';
import { readInterfaces } from './guest-interfaces.ts';
import { limitSettings, writeLimits, type GuestLimits } from './guest-limits.ts';
import { readGuestUsage } from './guest-usage.ts';
import { GuestWatch, type RunningGuest } from './guest-watch.ts';
import { signalNumber } from './halt-signal.ts';
import { ID_BASE } from './id-map.ts';
import { instanceNames, instanceOf, listGuestFolders, type InstanceNames } from './instance-names.ts';
import { readGuestProcesses } from './launch-guest.ts';
import { onlineCpus } from './online-cpus.ts';
import { startGuest } from './start-guest.ts';
import { findGuests, removeInstanceCgroups, sweepGuest } from './sweep.ts';
import { Unpacker } from './unpacker.ts';

/** How an engine is made; only the folder is needed. */
export interface LxcEngineOptions {
  /** Folder for the engine's own small files, kept over restarts. Made when absent. */
  stateDir: string;
  /** 1 to 6 of a-z and 0-9, different for every sandbox on a machine. Default: made from `stateDir`. */
  instance?: string;
  /** Name of the guests' bridge. Default: made from the instance. */
  bridge?: string;
  /** The guests' network, such as `10.20.30.0/24`. Default: the one used before, else a free one. */
  subnet?: string;
  log?: (line: string) => void;
}

const noLog = (): void => undefined;

/**
 * Runs guests as real unprivileged LXC containers, behind a bridge of its own. Guests outlive the process; `recover`
 * finds them again. Throws EngineError when this machine cannot run containers.
 */
export async function createLxcEngine(options: LxcEngineOptions): Promise<LxcEngine> {
  const stateDir = resolve(options.stateDir);
  const { instance = instanceOf(stateDir), log = noLog } = options;
  const availability = await lxcAvailability();
  if (!availability.available) throw new EngineError(availability.reason);

  const names = instanceNames(instance, stateDir, options.bridge);
  await mkdir(stateDir, { recursive: true });
  await mkdir('/run/lxc', { recursive: true });
  const bridge = await ensureBridge({ name: names.bridge, stateDir, subnet: options.subnet });
  log(`Guests live behind the bridge ${bridge.name}, gateway ${bridge.gateway}.`);
  return new LxcEngine({ names, bridge, layout: detectCgroups(), pool: new AddressPool(stateDir, bridge.subnet), log });
}

/** What an engine is put together from. */
export interface LxcEngineParts {
  names: InstanceNames;
  bridge: GuestBridge;
  layout: CgroupLayout;
  pool: AddressPool;
  log: (line: string) => void;
}

/** The engine behind `createLxcEngine`. */
export class LxcEngine implements GuestEngine {
  readonly name = 'lxc';
  /** The guests' network, for whoever hands out their addresses. */
  readonly network: GuestBridge;
  readonly #parts: LxcEngineParts;
  readonly #watch = new GuestWatch((vmid, guest) => this.#tidyUp(vmid, guest));
  /** Guests that are gone while their leftovers are removed. */
  readonly #tidying = new Map<number, Promise<void>>();
  readonly #unpacker = new Unpacker();
  readonly #listeners: Array<(vmid: number) => void> = [];

  constructor(parts: LxcEngineParts) {
    this.#parts = parts;
    this.network = parts.bridge;
  }

  unpack(archive: { path: string; format: 'oci' | 'plain' }, rootfs: string): Promise<void> {
    return this.#unpacker.unpack(archive, rootfs);
  }

  async makeVolume(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o755 });
    await chown(path, ID_BASE, ID_BASE);
  }

  async removeVolume(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  async start(machine: GuestMachine): Promise<void> {
    const { vmid } = machine;
    await this.#tidying.get(vmid);
    if (this.isRunning(vmid)) throw new EngineError(`CT ${vmid} already running`);
    const { pool, bridge } = this.#parts;
    const { leases, all } = assignAddresses(machine, pool, bridge, this.#addressesInUse());
    const processes = await startGuest(machine, leases, this.#parts);
    if (processes) this.#watch.add({ machine, addresses: all, ending: false, processes });
    else this.#tidyUp(vmid, { ending: false });
  }

  async stop(vmid: number): Promise<void> {
    const guest = this.#watch.get(vmid);
    if (!guest) return this.#tidying.get(vmid);
    guest.ending = true;
    this.#signal(guest, 'SIGKILL');
    if (await this.#ended(vmid, 30_000)) return;
    throw new EngineError(
      `the processes of CT ${vmid} cannot be killed; look for hanging I/O with: ps -ef | grep -w D`,
    );
  }

  async shutdown(vmid: number, timeoutMs: number): Promise<boolean> {
    const guest = this.#watch.get(vmid);
    if (!guest) return true;
    guest.ending = true;
    this.#signal(guest, signalNumber(guest.machine.haltSignal));
    if (await this.#ended(vmid, timeoutMs)) return true;
    guest.ending = false;
    return false;
  }

  async setLimits(vmid: number, limits: GuestLimits): Promise<void> {
    const { layout, names } = this.#parts;
    if (!this.isRunning(vmid)) return;
    try {
      await writeLimits(limitSettings(layout, vmid, limits, onlineCpus()), `${names.guestCgroup(vmid)}/guest`);
    } catch (cause) {
      throw new EngineError(`the limits of CT ${vmid} could not be changed: ${String(cause)}`, [], { cause });
    }
  }

  async whileFrozen<T>(vmid: number, work: () => Promise<T>): Promise<T> {
    const { layout, names } = this.#parts;
    const cgroup = `${names.guestCgroup(vmid)}/guest`;
    try {
      const frozen = await freezeCgroup(layout, cgroup, true);
      if (!frozen && this.isRunning(vmid)) throw new EngineError(`the processes of CT ${vmid} cannot be suspended`);
      return await work();
    } finally {
      // It may have been killed meanwhile.
      await freezeCgroup(layout, cgroup, false).catch(() => false);
    }
  }

  isRunning(vmid: number): boolean {
    return this.#running(vmid) !== undefined || this.#tidying.has(vmid);
  }

  async usage(vmid: number): Promise<GuestUsage | undefined> {
    const guest = this.#running(vmid);
    return guest && readGuestUsage(guest, this.#parts);
  }

  async interfaces(vmid: number): Promise<GuestInterface[]> {
    const guest = this.#running(vmid);
    return guest ? readInterfaces(guest.processes.init.pid) : [];
  }

  onExit(listener: (vmid: number) => void): void {
    this.#listeners.push(listener);
  }

  async recover(machines: GuestMachine[]): Promise<void> {
    const { names, layout, pool, bridge, log } = this.#parts;
    for (const machine of machines) {
      const { vmid } = machine;
      if (this.isRunning(vmid)) continue;
      const processes = await readGuestProcesses(vmid, names, names.guestFolder(vmid));
      if (!processes) continue;
      const { all } = assignAddresses(machine, pool, bridge, this.#addressesInUse());
      this.#watch.add({ machine, addresses: all, ending: false, processes });
      log(`Guest ${vmid} kept running.`);
    }
    const traces = new Set([...findGuests(layout, names), ...(await listGuestFolders(names))]);
    for (const vmid of traces) {
      if (!this.isRunning(vmid)) await this.#sweep(vmid);
    }
  }

  async close({ stopGuests }: { stopGuests: boolean }): Promise<void> {
    const { names, layout } = this.#parts;
    if (stopGuests) {
      await Promise.all(this.#watch.all().map(({ machine }) => this.stop(machine.vmid)));
      for (const vmid of findGuests(layout, names)) await this.#sweep(vmid);
      removeInstanceCgroups(layout, names);
      await removeBridge(names.bridge);
    }
    this.#watch.close();
    await this.#unpacker.close();
    await Promise.all(this.#tidying.values());
  }

  /** Looks first, so that nobody is told of a guest that ended since the watch last looked. */
  #running(vmid: number): RunningGuest | undefined {
    return this.#watch.check(vmid) ? undefined : this.#watch.get(vmid);
  }

  #addressesInUse(): string[] {
    return this.#watch.all().flatMap(({ addresses }) => addresses);
  }

  #signal({ processes, machine }: RunningGuest, signal: number | NodeJS.Signals): void {
    if (this.#watch.check(machine.vmid)) return;
    try {
      process.kill(processes.init.pid, signal);
    } catch {
      // It ended between the look and the signal; the watch will see that.
    }
  }

  async #ended(vmid: number, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#watch.check(vmid)) {
      if (performance.now() >= deadline) return false;
      await sleep(5);
    }
    await this.#tidying.get(vmid);
    return true;
  }

  #tidyUp(vmid: number, { ending }: Pick<RunningGuest, 'ending'>): void {
    const tidy = async (): Promise<void> => {
      const { log } = this.#parts;
      await this.#sweep(vmid).catch((error: unknown) => log(`Guest ${vmid} left something behind: ${String(error)}`));
      this.#tidying.delete(vmid);
      if (!ending) for (const listener of this.#listeners) listener(vmid);
    };
    this.#tidying.set(vmid, tidy());
  }

  async #sweep(vmid: number): Promise<void> {
    const { names, layout, log } = this.#parts;
    const clean = await sweepGuest(layout, names, vmid);
    if (!clean) log(`Processes of guest ${vmid} cannot be killed; its control groups stay until they end.`);
    await rm(names.guestFolder(vmid).path, { recursive: true, force: true });
  }
}
