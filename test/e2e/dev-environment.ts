import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const root = join(import.meta.dirname, '..', '..');
const containr = join(root, 'bin', 'containr');

const Ready = z.object({
  url: z.string(),
  token: z.string(),
  proxmoxUrl: z.string(),
  dataDir: z.string(),
  engine: z.enum(['lxc', 'simulated']),
  pid: z.int(),
});
const SandboxReady = z.object({
  url: z.string(),
  tokenId: z.string(),
  tokenSecret: z.string(),
  bridge: z.string(),
  nodes: z.array(z.string()),
});

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Why real containers cannot run here, or undefined when they can. */
export function obstacleToContainers(): string | undefined {
  if (process.platform !== 'linux') return 'LXC containers need Linux';
  if (process.getuid?.() !== 0) return 'LXC containers need root';
  const missing = ['/usr/bin/lxc-start', '/usr/bin/busybox', '/usr/bin/git'].filter((file) => !existsSync(file));
  return missing.length === 0 ? undefined : `${missing.join(', ')} is not installed`;
}

/** A `containr dev` of its own in a temporary folder, driven through the command like a person drives it. */
export class DevEnvironment {
  readonly folder = mkdtempSync(join(tmpdir(), 'containr-e2e-'));
  readonly repository = join(this.folder, 'sample');
  #process: ChildProcess | undefined;
  #ready: z.output<typeof Ready> | undefined;

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get ready(): z.output<typeof Ready> {
    if (!this.#ready) throw new Error('containr dev is not running.');
    return this.#ready;
  }

  async start(options: { engine: 'lxc' | 'simulated'; nodes?: number }): Promise<void> {
    const readyFile = join(this.folder, 'ready.json');
    rmSync(readyFile, { force: true });
    const parameters = [
      'dev',
      '--port',
      '0',
      '--data-dir',
      this.dataDir,
      '--engine',
      options.engine,
      '--nodes',
      String(options.nodes ?? 1),
    ];
    const child = spawn(containr, [...parameters, '--ready-file', readyFile, '--allow-repositories', this.folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const deadline = Date.now() + 180_000;
    while (!existsSync(readyFile)) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`containr dev did not become ready:\n${output}\n${this.logs()}`);
      await pause(50);
    }
    this.#ready = Ready.parse(JSON.parse(readFileSync(readyFile, 'utf8')));
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    this.#ready = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ends the controller as `kill -9` does; `containr dev` starts it again. */
  killController(): void {
    const pid = this.controllerPid();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  controllerPid(): number | undefined {
    const file = join(this.dataDir, 'controller', 'controller.pid');
    if (!existsSync(file)) return undefined;
    return Number(readFileSync(file, 'utf8').split(' ')[0]);
  }

  /** The end of what the programs logged, for messages of failing tests. */
  logs(): string {
    const folder = join(this.dataDir, 'logs');
    if (!existsSync(folder)) return '';
    return readdirSync(folder)
      .map((name) => `--- ${name}\n${readFileSync(join(folder, name), 'utf8').slice(-4_000)}`)
      .join('\n');
  }

  /** The command as a person types it. */
  command(...parameters: string[]): CommandResult {
    const env = { ...process.env, CONTAINR_URL: this.ready.url, CONTAINR_TOKEN: this.ready.token };
    const { status, stdout, stderr } = spawnSync(containr, parameters, { encoding: 'utf8', env, timeout: 240_000 });
    return { code: status ?? -1, stdout, stderr };
  }

  /** The same, where anything but success ends the test. */
  must(...parameters: string[]): string {
    const { code, stdout, stderr } = this.command(...parameters);
    if (code !== 0)
      throw new Error(`containr ${parameters.join(' ')} ended with ${code}:\n${stdout}${stderr}\n${this.logs()}`);
    return stdout.trim();
  }

  field(target: string, path: string, namespace = 'shop'): string {
    return this.must('get', target, '-n', namespace, '-o', `jsonpath=${path}`);
  }

  write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  /** The sample application of the quickstart as a repository with one commit; answers the commit. */
  makeRepository(): string {
    mkdirSync(this.repository, { recursive: true });
    cpSync(join(root, 'manifests', 'quickstart', 'sample'), this.repository, { recursive: true });
    cpSync('/usr/bin/busybox', join(this.repository, 'busybox'));
    this.#git('init', '-q', '-b', 'main');
    return this.commit('The first page');
  }

  commit(message: string): string {
    this.#git('add', '-A');
    this.#git('commit', '-q', '-m', message);
    return this.#git('rev-parse', 'HEAD');
  }

  /** What the service answers where it says that it is reached. */
  async page(): Promise<string> {
    const url = new URL(this.field('service/web', '{.status.url}'));
    const { request } = await import('undici');
    // Browsers and curl know that names below localhost are this machine; not every resolver does.
    const at = url.hostname.endsWith('.localhost') ? `http://127.0.0.1:${url.port}${url.pathname}` : url.href;
    const { statusCode, body } = await request(at, { headers: { host: url.host }, signal: AbortSignal.timeout(5_000) });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${url.href} answered ${statusCode}: ${text}`);
    return text;
  }

  /** Asks the sandbox's own Proxmox API, as an admin behind Containr's back does. */
  async proxmox<T>(schema: z.ZodType<T>, method: string, path: string, form?: Record<string, string>): Promise<T> {
    const sandbox = SandboxReady.parse(JSON.parse(readFileSync(join(this.dataDir, 'sandbox.json'), 'utf8')));
    const { Agent, fetch: ask } = await import('undici');
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    try {
      const answer = await ask(`${sandbox.url}/api2/json${path}`, {
        method,
        dispatcher,
        headers: {
          authorization: `PVEAPIToken=${sandbox.tokenId}=${sandbox.tokenSecret}`,
          ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(form && { body: new URLSearchParams(form).toString() }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${answer.statusText} ${text}`);
      return z.object({ data: schema }).parse(JSON.parse(text)).data;
    } finally {
      await dispatcher.close();
    }
  }

  #git(...parameters: string[]): string {
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
    const { status, stdout, stderr } = spawnSync('git', ['-C', this.repository, ...who, ...parameters], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`git ${parameters.join(' ')}: ${stderr}`);
    return stdout.trim();
  }
}

/** Polls until `isSo`; says what was waited for when it does not come to be. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    await pause(100);
  }
  throw new Error(`Waited ${timeoutMs / 1_000} s until ${what}.`, { cause: last });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
