import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  EngineError,
  type GuestEngine,
  type GuestInterface,
  type GuestMachine,
  type GuestNic,
  type GuestUsage,
} from '../engine/engine.ts';
import { SimulatedGuest } from './simulated-guest.ts';
import { programKind } from './simulated-program.ts';
import { unpackPlain } from './unpack-plain.ts';
import { UnpackedImages } from './unpacked-image.ts';

export interface SimulatedEngineOptions {
  /** Folder for what is known of images and of running guests; kept over restarts. */
  stateDir: string;
}

/** Makes an engine that only plays guests. One whose address lies in 127.64.0.0/10 answers there, on this machine. */
export function createSimulatedEngine({ stateDir }: SimulatedEngineOptions): SimulatedEngine {
  return new SimulatedEngine(stateDir);
}

/** The engine behind `createSimulatedEngine`. */
export class SimulatedEngine implements GuestEngine {
  readonly name = 'simulated';
  readonly #runningDir: string;
  readonly #images: UnpackedImages;
  readonly #guests = new Map<number, SimulatedGuest>();
  readonly #listeners: Array<(vmid: number) => void> = [];

  constructor(stateDir: string) {
    this.#runningDir = join(stateDir, 'running');
    mkdirSync(this.#runningDir, { recursive: true });
    this.#images = new UnpackedImages(join(stateDir, 'images'));
  }

  async unpack(archive: { path: string; format: 'oci' | 'plain' }, rootfs: string): Promise<void> {
    if (archive.format === 'oci') await this.#images.unpack(archive.path, rootfs);
    else await unpackPlain(archive.path, rootfs);
  }

  async makeVolume(path: string): Promise<void> {
    mkdirSync(path, { recursive: true });
  }

  async removeVolume(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  async start(machine: GuestMachine): Promise<void> {
    const { vmid } = machine;
    if (this.#guests.has(vmid)) throw new EngineError(`CT ${vmid} already running`);
    const image = this.#images.of(machine.rootfs);
    const kind = programKind(machine, image);
    if (kind === 'missing') throw notFound(vmid);
    if (kind === 'brief') throw endedAtOnce(vmid);
    const guest = new SimulatedGuest(machine, image, kind, () => void this.#ended(vmid));
    this.#guests.set(vmid, guest);
    writeFileSync(join(this.#runningDir, String(vmid)), '');
    await guest.start();
  }

  async stop(vmid: number): Promise<void> {
    await this.#take(vmid)?.kill();
  }

  async shutdown(vmid: number, timeoutMs: number): Promise<boolean> {
    const guest = this.#guests.get(vmid);
    if (guest && !guest.heedsHalt) {
      await guest.untilGone(timeoutMs);
      return !this.#guests.has(vmid);
    }
    await this.#take(vmid)?.halt();
    return true;
  }

  async setLimits(vmid: number, limits: { memoryMiB: number }): Promise<void> {
    this.#guests.get(vmid)?.setMemory(limits.memoryMiB);
  }

  async setNics(vmid: number, nics: GuestNic[]): Promise<void> {
    await this.#guests.get(vmid)?.setNics(nics);
  }

  isRunning(vmid: number): boolean {
    return this.#guests.has(vmid);
  }

  async usage(vmid: number): Promise<GuestUsage | undefined> {
    return this.#guests.get(vmid)?.usage();
  }

  async interfaces(vmid: number): Promise<GuestInterface[]> {
    return this.#guests.get(vmid)?.interfaces() ?? [];
  }

  onExit(listener: (vmid: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Those that ran when the last process ended run again. */
  async recover(machines: GuestMachine[]): Promise<void> {
    const running = new Set(readdirSync(this.#runningDir).map(Number));
    for (const machine of machines) {
      if (!running.has(machine.vmid) || this.#guests.has(machine.vmid)) continue;
      await this.start(machine).catch(() => rmSync(join(this.#runningDir, String(machine.vmid)), { force: true }));
    }
  }

  async close({ stopGuests }: { stopGuests: boolean }): Promise<void> {
    await Promise.all(
      [...this.#guests].map(async ([vmid, guest]) => {
        if (stopGuests) await this.stop(vmid);
        else await guest.kill();
      }),
    );
    this.#guests.clear();
  }

  #take(vmid: number): SimulatedGuest | undefined {
    const guest = this.#guests.get(vmid);
    this.#guests.delete(vmid);
    rmSync(join(this.#runningDir, String(vmid)), { force: true });
    return guest;
  }

  #ended(vmid: number): void {
    void this.#take(vmid)?.kill();
    for (const listener of this.#listeners) listener(vmid);
  }
}

function notFound(vmid: number): EngineError {
  return new EngineError(`startup for container '${vmid}' failed`, [
    'sync_wait: 34 An error occurred in another process (expected sequence number 7)',
    `__lxc_start: 2127 Failed to spawn container "${vmid}"`,
  ]);
}

function endedAtOnce(vmid: number): EngineError {
  const place = `lxc-info: ${vmid}: ../src/lxc`;
  return new EngineError(`unable to get PID for CT ${vmid} (not running?)`, [
    `${place}/af_unix.c: lxc_abstract_unix_recv_fds_iov: 218 Connection reset by peer - Failed to receive response`,
    `${place}/commands.c: lxc_cmd_rsp_recv_fds: 128 Failed to receive file descriptors for command "get_init_pid"`,
  ]);
}
