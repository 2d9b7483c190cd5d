import type { Server } from 'node:net';
import type { GuestInterface, GuestMachine, GuestNic, GuestUsage } from '../engine/engine.ts';
import { behaviourOf, type Behaviour } from './behaviour.ts';
import { closeServer, listenFor } from './responder.ts';
import { hasProgram, type ProgramKind } from './simulated-program.ts';
import { readEnvironment, readSupervisorConfig } from './supervisor-config.ts';
import { SupervisorProcess, type Listening } from './supervisor-process.ts';
import type { UnpackedImage } from './unpacked-image.ts';

const mebibyte = 1024 ** 2;
const misconfiguredExitMs = 20;

let nextPid = 20_000;

/** One guest that runs in memory only. */
export class SimulatedGuest {
  readonly #machine: GuestMachine;
  readonly #image: UnpackedImage | undefined;
  readonly #kind: ProgramKind;
  readonly #exited: () => void;
  readonly #startedAt = Date.now();
  readonly #pid = nextPid++;
  readonly #gone = Promise.withResolvers<void>();
  #nics: readonly GuestNic[];
  #memoryMiB: number;
  #requests = 0;
  #supervisor: SupervisorProcess | undefined;
  #servers: Server[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `exited` is called when the guest ends on its own. */
  constructor(machine: GuestMachine, image: UnpackedImage | undefined, kind: ProgramKind, exited: () => void) {
    this.#machine = machine;
    this.#image = image;
    this.#kind = kind;
    this.#exited = exited;
    this.#nics = machine.nics;
    this.#memoryMiB = machine.memoryMiB;
  }

  /** False for a process 1 that no signal but SIGKILL ends. */
  get heedsHalt(): boolean {
    return this.#kind !== 'deaf-to-signals' || /^(SIG)?KILL$|^9$/.test(this.#machine.haltSignal);
  }

  async start(): Promise<void> {
    const labels = new Map(Object.entries(this.#image?.labels ?? {}));
    const env = readEnvironment(this.#machine.env);
    if (this.#kind !== 'supervisor') return this.#startPlain(behaviourOf(env, labels));
    const config = readSupervisorConfig(env.get('CONTAINR_CONFIG'), this.#image?.supervisorKey);
    if (!config) {
      this.#timer = setTimeout(() => this.#exited(), misconfiguredExitMs);
      return;
    }
    const ports = new Set(this.#ports());
    if (config.readyPort !== undefined) ports.add(config.readyPort);
    const listening: Listening = { address: this.#address(), ports: [...ports] };
    const image = { labels, has: (program: string) => hasProgram(program, this.#machine.rootfs, this.#image) };
    this.#supervisor = new SupervisorProcess(this.#machine, config, listening, image);
    await this.#supervisor.start();
  }

  /** Ends as after the halt signal. */
  async halt(): Promise<void> {
    await this.#supervisor?.stop();
    await this.kill();
  }

  async kill(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#supervisor?.kill();
    await this.#closeServers();
    this.#gone.resolve();
  }

  /** Resolves when it is gone, at the latest after this time. */
  async untilGone(timeoutMs: number): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (late = setTimeout(resolve, timeoutMs)));
    await Promise.race([this.#gone.promise, timeout]);
    clearTimeout(late);
  }

  setMemory(memoryMiB: number): void {
    this.#memoryMiB = memoryMiB;
  }

  /** A plain program follows its address; the supervisor's port is where it was until the next start. */
  async setNics(nics: readonly GuestNic[]): Promise<void> {
    const before = this.#address();
    this.#nics = nics;
    if (this.#supervisor || before === this.#address()) return;
    await this.#closeServers();
    await this.start();
  }

  usage(): GuestUsage {
    return {
      uptimeSeconds: (Date.now() - this.#startedAt) / 1000,
      memoryBytes: Math.min(this.#memoryMiB, 8) * mebibyte,
      cpu: 0,
      netIn: 90 + this.#requests * 500,
      netOut: 180 + this.#requests * 700,
      pid: this.#pid,
    };
  }

  interfaces(): GuestInterface[] {
    const isUp = this.#nics.length > 0;
    return [
      { name: 'lo', mac: '00:00:00:00:00:00', ...(isUp && { inet: '127.0.0.1/8', inet6: '::1/128' }) },
      ...this.#nics.map(({ name, mac, ip }) => ({
        name,
        mac,
        ...(ip?.includes('/') && { inet: ip }),
        inet6: `${linkLocal(mac)}/64`,
      })),
    ];
  }

  async #startPlain(behaviour: Behaviour): Promise<void> {
    if (behaviour.health === 'crash') {
      this.#timer = setTimeout(() => this.#exited(), behaviour.delayMs);
      return;
    }
    const address = this.#address();
    if (address === undefined || behaviour.health === 'deaf') return;
    const { hostname, vmid } = this.#machine;
    const program = { hostname, vmid, behaviour, served: () => void (this.#requests += 1) };
    for (const port of this.#ports()) {
      const server = await listenFor(program, address, port);
      if (server) this.#servers.push(server);
    }
  }

  /** Only addresses of 127.64.0.0/10 are ours to listen on. */
  #address(): string | undefined {
    const addresses = this.#nics.map(({ ip }) => ip?.split('/')[0] ?? '');
    return addresses.find((address) => {
      const [first, second = 0] = address.split('.').map(Number);
      return first === 127 && second >= 64 && second < 128;
    });
  }

  #ports(): number[] {
    const exposed = [...this.#machine.exposedPorts, ...(this.#image?.exposedPorts ?? [])];
    return [...new Set(exposed.filter((port) => !port.endsWith('/udp')).map((port) => Number.parseInt(port, 10)))];
  }

  async #closeServers(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    await Promise.all(servers.map((server) => closeServer(server)));
  }
}

/** The address that an interface gives itself: its MAC with one bit turned and `fffe` in the middle. */
function linkLocal(mac: string): string {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  const [first = 0, ...rest] = bytes;
  const id = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const words = [0, 2, 4, 6].map((index) => (((id[index] ?? 0) << 8) | (id[index + 1] ?? 0)).toString(16));
  return `fe80::${words.join(':')}`;
}
