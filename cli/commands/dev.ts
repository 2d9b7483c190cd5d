import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../client.ts';
import { DevChild } from '../dev/child.ts';
import { folderHolder, takeFolder } from '../dev/folder-lock.ts';
import { devManifests, type SandboxReady } from '../dev/manifests.ts';
import { CliError, exitCodes } from '../exit.ts';
import { kindNamed } from '../kind-names.ts';
import { nodeFlags } from '../programs.ts';
import { waitFor } from '../wait-for.ts';

export interface DevFlags {
  port: string;
  dataDir: string;
  engine?: 'lxc' | 'simulated';
  nodes: string;
  readyFile?: string;
  allowRepositories?: string[];
  detach?: boolean;
}

const START_MS = 180_000;
const LONGEST_PAUSE_MS = 30_000;

/** Runs sandbox and controller beside each other until interrupted; answers the exit code. */
export async function dev(flags: DevFlags, say: (line: string) => void): Promise<number> {
  const dataDir = resolve(flags.dataDir);
  if (flags.detach) return detach(flags, dataDir, say);
  const nodes = Number(flags.nodes);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 100)
    throw new CliError('usage', `--nodes ${flags.nodes}: must be a whole number from 1 to 100.`);
  const port = await choosePort(flags.port);
  const release = takeFolder(dataDir);
  const session = new DevSession({ ...flags, dataDir, port, nodes }, say);
  const interrupted = new Promise<'interrupted'>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done('interrupted'));
  });
  try {
    const started = await Promise.race([session.start(), interrupted]);
    if (started !== 'interrupted') await interrupted;
    say('Stopping ...');
    return exitCodes.ok;
  } finally {
    await session.stop();
    release();
  }
}

/** Ends the dev that has this folder, and waits until it has ended. */
export async function stopDev(folder: string, say: (line: string) => void): Promise<void> {
  const dataDir = resolve(folder);
  const holder = folderHolder(dataDir);
  if (holder === undefined) throw new CliError('notFound', `No "containr dev" runs with the folder ${dataDir}.`);
  process.kill(holder, 'SIGTERM');
  while (folderHolder(dataDir) !== undefined) await pause(100);
  say(`Stopped (process ${holder}).`);
}

interface SessionOptions extends Omit<DevFlags, 'port' | 'nodes'> {
  port: number;
  nodes: number;
}

class DevSession {
  readonly #options: SessionOptions;
  readonly #say: (line: string) => void;
  readonly #children = new Map<string, DevChild>();
  #stopping = false;

  constructor(options: SessionOptions, say: (line: string) => void) {
    this.#options = options;
    this.#say = say;
  }

  async start(): Promise<'started'> {
    const { dataDir, port, readyFile } = this.#options;
    const sandboxFile = join(dataDir, 'sandbox.json');
    rmSync(sandboxFile, { force: true });
    this.#say('Starting the Proxmox sandbox ...');
    this.#run('sandbox');
    const sandbox = await this.#sandboxReady(sandboxFile);
    this.#say(
      `✓ Proxmox sandbox: ${engineText(sandbox)}, ${sandbox.nodes.length === 1 ? `node ${sandbox.nodes[0]}` : `${sandbox.nodes.length} nodes`}`,
    );
    this.#say(`✓ builder: ${sandbox.docker.reason}`);
    this.#run('controller');
    const url = `http://127.0.0.1:${port}`;
    await this.#until(`the controller at ${url}`, async () => (await fetch(`${url}/readyz`)).ok);
    const token = readFileSync(join(dataDir, 'controller', 'admin-token'), 'utf8').trim();
    this.#say(`✓ controller: ${url}`);
    await connectSandbox(new ApiClient({ url, token }), sandbox);
    this.#say('✓ connected: the controller uses the sandbox as its Proxmox cluster');
    const ready = { url, token, proxmoxUrl: sandbox.url, dataDir, engine: sandbox.engine, pid: process.pid };
    if (readyFile !== undefined) writeWhole(resolve(readyFile), JSON.stringify(ready));
    for (const line of summary(url, dataDir, sandbox)) this.#say(line);
    return 'started';
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    // First who uses the sandbox, then the sandbox.
    await this.#children.get('controller')?.stop();
    await this.#children.get('sandbox')?.stop();
  }

  /** Starts a child, and again with growing pauses when it ends by itself. */
  #run(name: 'sandbox' | 'controller', attempt = 0): void {
    const startedAt = Date.now();
    const child = new DevChild({
      name,
      ...this.#command(name),
      onEnd: (how) => {
        if (this.#stopping) return;
        const next = Date.now() - startedAt > 60_000 ? 0 : attempt + 1;
        const pauseMs = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** next);
        process.stderr.write(
          `The ${name} ${how}; it is started again in ${pauseMs / 1_000} s. Its log: ${this.#logFile(name)}\n`,
        );
        setTimeout(() => {
          if (!this.#stopping) this.#run(name, next);
        }, pauseMs);
      },
    });
    this.#children.set(name, child);
  }

  #command(name: 'sandbox' | 'controller'): {
    program: 'controller/main' | 'sandbox/main';
    parameters: string[];
    env: Record<string, string>;
    logFile: string;
  } {
    const { dataDir, nodes, engine, port } = this.#options;
    mkdirSync(join(dataDir, 'logs'), { recursive: true });
    if (name === 'sandbox') {
      const parameters = [
        '--data-dir',
        join(dataDir, 'sandbox'),
        '--nodes',
        String(nodes),
        '--ready-file',
        join(dataDir, 'sandbox.json'),
        '--exit-with-stdin',
      ];
      return {
        program: 'sandbox/main',
        parameters: [...parameters, ...(engine === undefined ? [] : ['--engine', engine])],
        env: {},
        logFile: this.#logFile(name),
      };
    }
    const controllerDir = join(dataDir, 'controller');
    return {
      program: 'controller/main',
      parameters: [],
      logFile: this.#logFile(name),
      env: {
        CONTAINR_DATA_DIR: controllerDir,
        CONTAINR_HOST: '127.0.0.1',
        CONTAINR_PORT: String(port),
        CONTAINR_ALLOW_LOCAL_REPOSITORIES: (this.#options.allowRepositories ?? [process.cwd(), dataDir])
          .map((folder) => resolve(folder))
          .join(':'),
        CONTAINR_ADMIN_TOKEN_FILE: join(controllerDir, 'admin-token'),
        CONTAINR_EXIT_WITH_STDIN: '1',
      },
    };
  }

  #logFile(name: string): string {
    return join(this.#options.dataDir, 'logs', `${name}.log`);
  }

  async #sandboxReady(file: string): Promise<SandboxReady> {
    await this.#until('the sandbox', async () => existsSync(file));
    const ready: SandboxReady = JSON.parse(readFileSync(file, 'utf8'));
    return ready;
  }

  async #until(what: string, isReady: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline && !this.#stopping) {
      if (await isReady().catch(() => false)) return;
      await pause(50);
    }
    const ended = [...this.#children.values()].filter(({ hasEnded }) => hasEnded).map(({ name }) => name);
    const hint =
      ended.length > 0 ? ` The ${ended.join(' and the ')} ended; see ${join(this.#options.dataDir, 'logs')}.` : '';
    throw new CliError('timeout', `Waited ${START_MS / 1_000} s for ${what}.${hint}`);
  }
}

/** The same that a person would apply for a real cluster, through the same API. */
async function connectSandbox(client: ApiClient, sandbox: SandboxReady): Promise<void> {
  for (const object of devManifests(sandbox)) {
    await client.apply(kindNamed(object.kind), object, { fieldManager: 'containr-dev', force: true });
  }
  for (const [kind, name] of [
    ['ProxmoxCluster', 'dev'],
    ['Builder', 'default'],
  ] as const) {
    await waitFor(
      client,
      { kind: kindNamed(kind), name, namespace: undefined },
      { type: 'condition', name: 'Ready', status: 'True' },
      60_000,
    );
  }
}

function engineText({ engine, engineReason }: SandboxReady): string {
  return engine === 'lxc'
    ? 'real LXC containers'
    : `simulated guests, since ${engineReason} Nothing runs inside a simulated guest but a small responder on its ports.`;
}

function summary(url: string, dataDir: string, sandbox: SandboxReady): string[] {
  return [
    '',
    `Containr is ready at ${url}`,
    `The Proxmox API of the sandbox: ${sandbox.url}`,
    '',
    'To use it from another terminal:',
    `  export CONTAINR_URL=${url} CONTAINR_TOKEN=$(cat ${join(dataDir, 'controller', 'admin-token')})`,
    '  containr get all -A',
    '',
  ];
}

/** A port that is free now; 0 asks for any. */
async function choosePort(text: string): Promise<number> {
  const wanted = Number(text);
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535)
    throw new CliError('usage', `--port ${text}: must be a whole number from 0 to 65535.`);
  const server = createServer();
  try {
    return await new Promise<number>((done, fail) => {
      server.once('error', fail);
      server.listen(wanted, '127.0.0.1', () => {
        const address = server.address();
        done(typeof address === 'object' && address !== null ? address.port : wanted);
      });
    });
  } catch (cause) {
    throw new CliError(
      'conflict',
      `Port ${wanted} is in use by another program. Choose another with --port, or --port 0 for any.`,
      [],
      { cause },
    );
  } finally {
    await new Promise((done) => server.close(done));
  }
}

/** Starts the same command in the background and waits until it is ready. */
async function detach(flags: DevFlags, dataDir: string, say: (line: string) => void): Promise<number> {
  const holder = folderHolder(dataDir);
  if (holder !== undefined)
    throw new CliError(
      'conflict',
      `The folder ${dataDir} is in use by another "containr dev" (process ${holder}). Stop it, or use --data-dir.`,
    );
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
  const readyFile = flags.readyFile ?? join(dataDir, 'ready.json');
  rmSync(readyFile, { force: true });
  const logFile = join(dataDir, 'logs', 'dev.log');
  const output = openSync(logFile, 'a', 0o600);
  const parameters = [
    ['--port', flags.port],
    ['--data-dir', dataDir],
    ['--nodes', flags.nodes],
    ['--ready-file', readyFile],
    ...(flags.engine === undefined ? [] : [['--engine', flags.engine]]),
    ...(flags.allowRepositories === undefined ? [] : [['--allow-repositories', ...flags.allowRepositories]]),
  ].flat();
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url));
  const child = spawn(process.execPath, [...nodeFlags, main, 'dev', ...parameters], {
    detached: true,
    stdio: ['ignore', output, output],
  });
  const ended = new Promise<'ended'>((done) => child.once('exit', () => done('ended')));
  const deadline = Date.now() + START_MS;
  while (!existsSync(readyFile)) {
    if (Date.now() > deadline || (await Promise.race([ended, pause(100)])) === 'ended') {
      throw new CliError(
        'server',
        `It did not become ready. Its output: ${logFile}`,
        readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-5),
      );
    }
  }
  child.unref();
  say(readFileSync(logFile, 'utf8').trimEnd());
  say(`It runs in the background (process ${child.pid}). To stop it: containr dev stop --data-dir ${dataDir}`);
  return exitCodes.ok;
}

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolveAfter) => setTimeout(resolveAfter, ms));
}
