import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileGuestC, findToolchain } from '../compile-init.ts';
import { configValue, type ConfigPair } from './config-value.ts';

/** What the tests of the supervisor run: built anew, never the committed binary. */
export interface Binaries {
  available: boolean;
  init: string;
  /** testing/guest-program.c. */
  program: string;
  folder: string;
}

/** Compiles both programs; says why it could not where the machine has no compiler. */
export async function compileBinaries(): Promise<Binaries> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const toolchain = process.platform === 'linux' ? await findToolchain(arch) : undefined;
  if (!toolchain) {
    console.warn('skipped: the supervisor needs Linux and a C compiler (Debian: apt-get install musl-tools)');
    return { available: false, init: '', program: '', folder: '' };
  }
  const folder = await mkdtemp(join(tmpdir(), 'containr-supervisor-'));
  const binaries = { available: true, init: join(folder, 'init'), program: join(folder, 'program'), folder };
  await compileGuestC(toolchain, 'init.c', binaries.init);
  await compileGuestC(toolchain, 'testing/guest-program.c', binaries.program);
  return binaries;
}

export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A supervisor that runs as an ordinary process of this machine. */
export interface Supervisor {
  process: ChildProcess;
  port: number;
  ended: Promise<End>;
  /** What it wrote on its own stderr until it ended. */
  stderr: Promise<string>;
}

export const secret = 'open sesame';

/** Starts supervisors and, with `end()`, leaves nothing of them behind. */
export class Supervisors {
  readonly #command: readonly string[];
  readonly #started: ChildProcess[] = [];
  readonly #folders: string[] = [];

  /** The supervisor, or what starts it, with its arguments. */
  constructor(...words: string[]) {
    this.#command = words;
  }

  /** `log` undefined: the log lives in memory. The secret and a free port are added to the pairs. */
  async start(pairs: readonly ConfigPair[], log: string | undefined, port?: number): Promise<Supervisor> {
    const chosen = port ?? (await freePort());
    const all: ConfigPair[] = [['secret', secret], ['port', `${chosen}`], ['listen', '127.0.0.1'], ...pairs];
    const env = { CONTAINR_CONFIG: configValue(all), ...(log !== undefined && { CONTAINR_LOG_DIR: log }) };
    return { ...this.startWith(env), port: chosen };
  }

  /** Starts with exactly this environment. */
  startWith(env: Record<string, string>): Omit<Supervisor, 'port'> {
    const [program = '', ...words] = this.#command;
    const child = spawn(program, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#started.push(child);
    const ended = once(child, 'exit').then(() => ({ code: child.exitCode, signal: child.signalCode }));
    return { process: child, ended, stderr: readAll(child.stderr) };
  }

  /** A new empty folder, gone after `end()`. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'containr-log-'));
    this.#folders.push(folder);
    return folder;
  }

  async end(): Promise<void> {
    for (const child of this.#started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    for (const folder of this.#folders.splice(0)) await rm(folder, { recursive: true });
  }
}

/** The bytes the log folder holds, segment by segment in order. */
export async function readSegments(folder: string): Promise<{ name: string; bytes: Buffer }[]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })));
}

/** A line of /proc/PID/status, such as VmRSS in kB. */
export async function processStatus(pid: number | undefined, key: string): Promise<string> {
  const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).split('\n');
  return (
    lines
      .find((line) => line.startsWith(`${key}:`))
      ?.slice(key.length + 1)
      .trim() ?? ''
  );
}

/** A port nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += chunk.toString();
  return all;
}
