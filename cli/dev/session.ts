import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { plainLine, type Say } from '../text.ts';
import { caddyAnswers, caddyProgram, caddyRoles, connectCaddy, prepareCaddy, type DevCaddy } from './caddy.ts';
import { ChildLog } from './child-log.ts';
import { DevChild, type ChildOptions } from './child.ts';
import { connectSandbox } from './connect-sandbox.ts';
import { SandboxReady } from './manifests.ts';
import {
  adminTokenFile,
  certificateFiles,
  controllerProgram,
  sandboxProgram,
  sandboxReadyFile,
  type DevOptions,
  type DevProgram,
} from './programs.ts';
import { engineText, summary } from './summary.ts';

const START_MS = 180_000;
const LONGEST_PAUSE_MS = 30_000;
/** Who ran this long and then ends did not end because of how it was started. */
const STEADY_MS = 60_000;

/** Sandbox, controller and, where Caddy is installed, two of it beside each other. What ends by itself before all is ready ends the start; later it is restarted. */
export class DevSession {
  readonly #options: DevOptions;
  readonly #say: Say;
  readonly #children = new Map<DevProgram, DevChild>();
  readonly #logs = new Map<DevProgram, ChildLog>();
  readonly #stopping = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  #sandboxPort: number | undefined;
  #caddy: DevCaddy | undefined;
  #isStarted = false;

  constructor(options: DevOptions, say: Say) {
    this.#options = options;
    this.#say = say;
    // It is looked at while starting only.
    this.#failed.promise.catch(() => undefined);
  }

  /** Starts everything and waits until it is ready. Server error with the end of its log when a program ends instead. */
  async start(): Promise<void> {
    const { dataDir, readyFile } = this.#options;
    mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
    if (readyFile !== undefined) rmSync(resolve(readyFile), { force: true });
    this.#say('Starting the Proxmox sandbox ...');
    const sandbox = await this.#startSandbox();
    const { nodes } = sandbox;
    this.#say(
      `✓ Proxmox sandbox: ${engineText(sandbox)} (${nodes.length === 1 ? 'node' : 'nodes'} ${nodes.join(', ')})`,
    );
    this.#say(`✓ builder: ${sandbox.docker.reason}`);
    await this.#startCaddy();
    const { url } = this;
    if (this.#authority !== undefined)
      setDefaultCACertificates([...getCACertificates(), readFileSync(this.#authority, 'utf8')]);
    this.#run('controller', 0);
    await this.#until(`the controller at ${url}`, async () => (await fetch(`${url}/readyz`)).ok);
    this.#say(`✓ controller: ${url}`);
    await Promise.race([connectSandbox(this.#client(), sandbox), this.#failed.promise]);
    this.#say('✓ connected: the controller uses the sandbox as its Proxmox cluster');
    if (this.#caddy) await Promise.race([connectCaddy(this.#client(), this.#caddy), this.#failed.promise]);
    this.#isStarted = true;
    if (readyFile !== undefined) this.#writeReady(resolve(readyFile), sandbox);
    for (const line of summary(url, dataDir, sandbox, this.#caddy?.ports.http, this.#authority)) this.#say(line);
  }

  get url(): string {
    return `${this.#options.https ? 'https' : 'http'}://127.0.0.1:${this.#options.port}`;
  }

  /** Who says that the API is the right one, as a file; undefined for plain HTTP. */
  get #authority(): string | undefined {
    const { https, dataDir } = this.#options;
    return https ? certificateFiles(dataDir).certFile : undefined;
  }

  /** Ends who uses the sandbox, then the sandbox. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const { readyFile } = this.#options;
    if (readyFile !== undefined) rmSync(resolve(readyFile), { force: true });
    await this.#children.get('controller')?.stop();
    await this.#children.get('caddy')?.stop();
    await this.#children.get('caddy-router')?.stop();
    await this.#children.get('sandbox')?.stop();
    for (const log of this.#logs.values()) log.close();
  }

  async #startSandbox(attempt = 0): Promise<SandboxReady> {
    const file = sandboxReadyFile(this.#options.dataDir);
    rmSync(file, { force: true });
    this.#run('sandbox', attempt);
    await this.#until('the sandbox', async () => existsSync(file));
    const sandbox = SandboxReady.parse(JSON.parse(readFileSync(file, 'utf8')));
    this.#sandboxPort = Number(new URL(sandbox.url).port);
    return sandbox;
  }

  /** Services have host names with it, and the addresses of their guests without. */
  async #startCaddy(): Promise<void> {
    const prepared = await prepareCaddy(this.#options.dataDir);
    const { caddy } = prepared;
    if (!caddy) return this.#say(`- no proxy, since ${prepared.why}`);
    this.#caddy = caddy;
    for (const role of caddyRoles) {
      this.#run(role, 0);
      await this.#until(role, () => caddyAnswers(caddy, role));
    }
    this.#say(`✓ proxy: Caddy on port ${caddy.ports.http}`);
  }

  #programOf(name: DevProgram): Pick<ChildOptions, 'command' | 'env'> {
    if (name === 'sandbox') return sandboxProgram(this.#options, this.#sandboxPort);
    if (name === 'controller' || !this.#caddy) return controllerProgram(this.#options);
    return caddyProgram(this.#caddy, name);
  }

  #run(name: DevProgram, attempt: number): void {
    if (this.#stopping.signal.aborted) return;
    const log = this.#logs.get(name) ?? this.#openLog(name);
    const startedAt = Date.now();
    const options = this.#programOf(name);
    const onEnd = (how: string): void =>
      this.#isStarted
        ? void this.#restart(name, how, Date.now() - startedAt > STEADY_MS ? 0 : attempt + 1)
        : this.#failed.reject(
            new CliError('server', `The ${name} ${how} while starting. Its log: ${log.file}`, log.tail(5)),
          );
    this.#children.set(name, new DevChild({ ...options, logFile: log.file, onEnd }));
  }

  #openLog(name: DevProgram): ChildLog {
    const log = new ChildLog(join(this.#options.dataDir, 'logs', `${name}.log`), (line) => {
      // While it starts it is asked all the time whether it is ready, which it warns that it is not.
      if (this.#isStarted) process.stderr.write(`${name}: ${plainLine(line)}\n`);
    });
    this.#logs.set(name, log);
    return log;
  }

  /** Starts again what ended, after a pause that grows; a new sandbox is made known to the controller. */
  async #restart(name: DevProgram, how: string, attempt: number): Promise<void> {
    const { signal } = this.#stopping;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, 250 * 2 ** attempt);
    process.stderr.write(
      `The ${name} ${how}; it is started again in ${pauseMs / 1_000} s. Its log: ${this.#logs.get(name)?.file}\n`,
    );
    try {
      await pause(pauseMs, undefined, { signal });
      if (name !== 'sandbox') this.#run(name, attempt);
      else await connectSandbox(this.#client(), await this.#startSandbox(attempt));
    } catch (error) {
      if (!signal.aborted)
        process.stderr.write(`The ${name} is not ready: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  #client(): ApiClient {
    return new ApiClient({ url: this.url, token: this.#token() });
  }

  #token(): string {
    return readFileSync(adminTokenFile(this.#options.dataDir), 'utf8').trim();
  }

  #writeReady(file: string, { url: proxmoxUrl, engine }: SandboxReady): void {
    const { dataDir } = this.#options;
    const ready = { url: this.url, token: this.#token(), proxmoxUrl, dataDir, engine, pid: process.pid };
    mkdirSync(join(file, '..'), { recursive: true });
    rmSync(`${file}.new`, { force: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(ready)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(`${file}.new`, file);
  }

  async #until(what: string, isReady: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#stopping;
    const deadline = Date.now() + START_MS;
    while (!(await Promise.race([isReady().catch(() => false), this.#failed.promise]))) {
      if (Date.now() > deadline) {
        const folder = join(this.#options.dataDir, 'logs');
        throw new CliError('timeout', `Waited ${START_MS / 1_000} s for ${what}. The logs: ${folder}`);
      }
      await pause(50, undefined, { signal });
    }
  }
}
