import type { GuestMachine } from '../engine/engine.ts';
import type { GuestProcesses } from './launch-guest.ts';
import { firstChild, isAlive, killHard, readProcess } from './process-status.ts';

/** A guest that runs, as the engine remembers it. */
export interface RunningGuest {
  machine: GuestMachine;
  processes: GuestProcesses;
  /** Set while the engine itself ends the guest, so that its end is no surprise. */
  ending: boolean;
  /** Addresses in use, of its configuration or of the pool. */
  addresses: readonly string[];
  /** The last look at its processor time. */
  cpuSample?: { atMs: number; nanos: number };
}

/** How long a monitor may live without its guest: it tidies up, or starts the guest again that asked for a reboot. */
const monitorPatienceMs = 5_000;

/** Looks after running guests, also those that another process started, and tells when one is gone. */
export class GuestWatch {
  readonly #guests = new Map<number, RunningGuest>();
  readonly #onGone: (vmid: number, guest: RunningGuest) => void;
  readonly #timer: NodeJS.Timeout;
  /** Since when a monitor is without its guest. */
  readonly #aloneSinceMs = new Map<number, number>();

  constructor(onGone: (vmid: number, guest: RunningGuest) => void, intervalMs = 100) {
    this.#onGone = onGone;
    this.#timer = setInterval(() => this.#look(), intervalMs);
    this.#timer.unref();
  }

  add(guest: RunningGuest): void {
    this.#guests.set(guest.machine.vmid, guest);
  }

  get(vmid: number): RunningGuest | undefined {
    return this.#guests.get(vmid);
  }

  all(): RunningGuest[] {
    return [...this.#guests.values()];
  }

  /** Looks at one guest now. True when it is gone, and then it is forgotten and told about. */
  check(vmid: number): boolean {
    const guest = this.#guests.get(vmid);
    if (!guest) return true;
    if (lives(guest.processes.init)) return false;
    if (lives(guest.processes.monitor)) return this.#waitForMonitor(vmid, guest);
    this.#guests.delete(vmid);
    this.#aloneSinceMs.delete(vmid);
    this.#onGone(vmid, guest);
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const vmid of this.#guests.keys()) this.check(vmid);
  }

  #waitForMonitor(vmid: number, guest: RunningGuest): false {
    const { monitor } = guest.processes;
    const pid = firstChild(monitor.pid);
    const found = pid === undefined ? undefined : readProcess(pid);
    if (pid !== undefined && found) {
      guest.processes.init = { pid, ...found };
      this.#aloneSinceMs.delete(vmid);
      return false;
    }
    const now = performance.now();
    const since = this.#aloneSinceMs.get(vmid) ?? now;
    this.#aloneSinceMs.set(vmid, since);
    if (now - since > monitorPatienceMs) killHard(monitor.pid);
    return false;
  }
}

function lives({ pid, startTicks }: GuestProcesses['init']): boolean {
  return isAlive(pid, startTicks);
}
