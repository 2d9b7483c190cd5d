import type { Server } from 'node:net';
import { join } from 'node:path';
import type { GuestMachine } from '../engine/engine.ts';
import { behaviourOf, type Behaviour } from './behaviour.ts';
import { GuestFiles } from './guest-files.ts';
import { closeServer, listen, listenFor } from './responder.ts';
import { SupervisorLog } from './supervisor-log.ts';
import { SupervisorPort } from './supervisor-port.ts';
import type { SupervisorConfig } from './supervisor-config.ts';
import { SupervisorRuns } from './supervisor-runs.ts';

type State = 'held' | 'starting' | 'running' | 'listening' | 'backoff' | 'finished' | 'stopping';

const firstBackoffMs = 1000;
const longestBackoffMs = 60_000;
const goodRunMs = 60_000;

/** Where a simulated program listens. */
export interface Listening {
  /** Undefined: the guest has no address on this machine. */
  address: string | undefined;
  ports: readonly number[];
}

/** What the image of a guest says to its supervisor. */
export interface SupervisedImage {
  labels: ReadonlyMap<string, string>;
  has(program: string): boolean;
}

/** Plays process 1 of a guest and the process it looks after: events, log, port, restarts with back-off. */
export class SupervisorProcess {
  readonly #machine: GuestMachine;
  readonly #config: SupervisorConfig;
  readonly #listening: Listening;
  readonly #image: SupervisedImage;
  readonly #behaviour: Behaviour;
  readonly #log: SupervisorLog;
  readonly #port: SupervisorPort | undefined;
  readonly #files: GuestFiles;
  #portServer: Server | undefined;
  #servers: Server[] = [];
  #state: State = 'starting';
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #failures = 0;
  #pid = 1;
  #startedAt = 0;
  #bootedAt = 0;

  constructor(machine: GuestMachine, config: SupervisorConfig, listening: Listening, image: SupervisedImage) {
    this.#machine = machine;
    this.#config = config;
    this.#listening = listening;
    this.#image = image;
    this.#behaviour = behaviourOf(config.env, image.labels);
    this.#log = new SupervisorLog(join(machine.rootfs, '.containr/log'), config.logLimit);
    this.#files = new GuestFiles(machine);
    const { secret } = config;
    if (secret !== undefined && secret !== '') {
      const runs = new SupervisorRuns({
        config,
        files: this.#files,
        recordPath: join(machine.rootfs, '.containr/log/runs'),
        has: (program) => image.has(program),
      });
      this.#port = new SupervisorPort({
        log: this.#log,
        secret,
        runs,
        state: () => this.#state,
        usage: () => this.#usage(),
        release: () => {
          if (this.#state === 'held') void this.#run();
        },
      });
    }
  }

  /** Resolves once process 1 runs and listens. */
  async start(): Promise<void> {
    this.#bootedAt = performance.now();
    this.#log.write('s', 'event=boot version=4');
    const { address } = this.#listening;
    if (address !== undefined && this.#port) {
      const port = this.#port;
      this.#portServer = await listen(address, this.#config.port, (socket) => port.accept(socket));
    }
    if (this.#config.hold) this.#hold();
    else await this.#run();
  }

  /** Ends the process and then process 1, as when the guest is asked to stop. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const wasUp = this.#state === 'running' || this.#state === 'listening';
    this.#state = 'stopping';
    this.#log.write('s', `event=stopping signal=${signalName(this.#config.stopSignal)}`);
    if (wasUp) this.#log.write('s', `event=exit signal=${signalName(this.#config.stopSignal)} ${this.#lifeText()}`);
    await this.kill();
  }

  /** Ends everything at once; the log says nothing about it. */
  async kill(): Promise<void> {
    clearTimeout(this.#timer);
    this.#port?.close();
    await this.#closeServers();
    if (this.#portServer) await closeServer(this.#portServer);
    this.#portServer = undefined;
  }

  /** Reads what the image has, and then 2 times a second, and writes 5 times. */
  #usage(): string {
    const uptimeMs = Math.floor(performance.now() - this.#bootedAt);
    const [reads, writes] = [400 + Math.floor(uptimeMs / 500), 100 + Math.floor(uptimeMs / 200)];
    return `USAGE reads=${reads} writes=${writes} uptime_ms=${uptimeMs}`;
  }

  #hold(): void {
    this.#state = 'held';
    this.#log.write('s', 'event=held');
  }

  async #run(): Promise<void> {
    const { hostname, vmid } = this.#machine;
    this.#attempt += 1;
    const [command = ''] = this.#config.command;
    if (!this.#image.has(command)) {
      this.#log.write('s', `event=exec-failed errno=2 message=cannot run ${command}: No such file or directory`);
      this.#afterProcess(127);
      return;
    }
    this.#pid += 1;
    this.#startedAt = Date.now();
    this.#log.write('s', `event=start pid=${this.#pid} attempt=${this.#attempt}`);
    this.#state = 'running';
    for (const volume of this.#config.volumes) this.#files.settleIn(volume);
    const { address, ports } = this.#listening;
    this.#log.write('o', `${hostname} started${ports.length > 0 ? `, serving on port ${ports.join(', ')}` : ''}`);
    if (this.#behaviour.health === 'crash') {
      this.#timer = setTimeout(() => void this.#exit(1), this.#behaviour.delayMs);
      return;
    }
    if (this.#behaviour.health === 'deaf') return;
    const served = (line: string): void => this.#log.write('o', line);
    const program = { hostname, vmid, behaviour: this.#behaviour, served };
    for (const port of address === undefined ? [] : ports) {
      const server = await listenFor(program, address ?? '', port);
      if (server) this.#servers.push(server);
    }
    const { readyPort } = this.#config;
    if (this.#state !== 'running' || readyPort === undefined || !ports.includes(readyPort)) return;
    this.#state = 'listening';
    this.#log.write('s', `event=listening port=${readyPort}`);
  }

  async #exit(code: number): Promise<void> {
    await this.#closeServers();
    this.#log.write('e', 'the process was told to crash');
    this.#log.write('s', `event=exit code=${code} ${this.#lifeText()}`);
    if (Date.now() - this.#startedAt >= goodRunMs) this.#failures = 0;
    this.#afterProcess(code);
  }

  #afterProcess(code: number): void {
    const { restart } = this.#config;
    if (restart === 'never' || (restart === 'on-failure' && code === 0)) {
      this.#state = 'finished';
      this.#log.write('s', `event=finished code=${code}`);
      return;
    }
    const delay = Math.min(longestBackoffMs, firstBackoffMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#state = 'backoff';
    this.#log.write('s', `event=backoff delay_ms=${delay}`);
    this.#timer = setTimeout(() => void this.#run(), delay);
  }

  #lifeText(): string {
    return `pid=${this.#pid} uptime_ms=${Date.now() - this.#startedAt}`;
  }

  async #closeServers(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    await Promise.all(servers.map((server) => closeServer(server)));
  }
}

function signalName(signal: string): string {
  const byNumber: Readonly<Record<string, string>> = {
    1: 'HUP',
    2: 'INT',
    3: 'QUIT',
    9: 'KILL',
    10: 'USR1',
    12: 'USR2',
    15: 'TERM',
  };
  return `SIG${byNumber[signal] ?? signal.replace(/^SIG/, '')}`;
}
