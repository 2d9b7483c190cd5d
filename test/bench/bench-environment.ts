import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Agent, request } from 'undici';
import { nodeFlags } from '../../cli/programs.ts';

const root = join(import.meta.dirname, '..', '..');
const SandboxReady = z.object({
  url: z.string(),
  fingerprint: z.string(),
  tokenId: z.string(),
  tokenSecret: z.string(),
  nodes: z.array(z.string()),
  storage: z.string(),
  bridge: z.string(),
  cidr: z.string(),
  pool: z.object({ from: z.string(), to: z.string() }),
  docker: z.object({ endpoint: z.string() }),
});

export const ObjectShape = z.object({
  kind: z.string().optional(),
  metadata: z.object({ name: z.string(), resourceVersion: z.string().optional() }).loose(),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() }).loose()).optional() })
    .loose()
    .optional(),
});
export type ObjectShape = z.output<typeof ObjectShape>;
export const ListShape = z.object({
  metadata: z.object({ resourceVersion: z.string() }).loose(),
  items: z.array(ObjectShape),
});

const GROUP = '/apis/containr.dev/v1alpha1';

/** Sandbox and controller as the processes they are in real life, with simulated guests and no time for tasks. */
export class BenchEnvironment {
  readonly #folder = mkdtempSync(join(tmpdir(), 'containr-bench-'));
  readonly #agent = new Agent({ connections: 64, pipelining: 1 });
  #sandbox: ChildProcess | undefined;
  #controller: ChildProcess | undefined;
  #port = 0;

  get controllerPid(): number {
    return this.#controller?.pid ?? 0;
  }

  async start(nodes: number): Promise<void> {
    const readyFile = join(this.#folder, 'sandbox.json');
    this.#sandbox = run(
      'sandbox/main.ts',
      [
        '--data-dir',
        join(this.#folder, 'sandbox'),
        '--nodes',
        String(nodes),
        '--engine',
        'simulated',
        '--docker',
        'box',
        '--ready-file',
        readyFile,
        '--exit-with-stdin',
      ],
      {},
    );
    await until('the sandbox serves', () => existsSync(readyFile));
    const sandbox = SandboxReady.parse(JSON.parse(readFileSync(readyFile, 'utf8')));
    this.#port = await freePort();
    await this.startController();
    await this.apply(
      {
        apiVersion: 'containr.dev/v1alpha1',
        kind: 'Secret',
        metadata: { name: 'pve-token', namespace: 'containr-system' },
        spec: { data: { tokenId: sandbox.tokenId, secret: sandbox.tokenSecret } },
      },
      'secrets',
    );
    await this.apply(
      {
        apiVersion: 'containr.dev/v1alpha1',
        kind: 'ProxmoxCluster',
        metadata: { name: 'bench' },
        spec: {
          endpoints: [sandbox.url],
          tokenSecretRef: { name: 'pve-token' },
          tls: { fingerprint: sandbox.fingerprint },
          regions: [{ name: 'default', nodes: sandbox.nodes }],
          storages: { rootfs: sandbox.storage, templates: sandbox.storage },
          network: { addressing: 'static', bridge: sandbox.bridge, cidr: sandbox.cidr, pool: sandbox.pool },
          vmidRange: { from: 1_000, to: 9_999 },
          concurrency: { perNode: 4 },
        },
      },
      'proxmoxclusters',
    );
    await this.apply(
      {
        apiVersion: 'containr.dev/v1alpha1',
        kind: 'Builder',
        metadata: { name: 'default' },
        spec: { endpoint: sandbox.docker.endpoint, concurrency: 32 },
      },
      'builders',
    );
    await this.apply({ apiVersion: 'containr.dev/v1alpha1', kind: 'Project', metadata: { name: 'bench' } }, 'projects');
    for (const path of ['proxmoxclusters/bench', 'builders/default']) {
      await until(`${path} is ready`, async () => isReady(ObjectShape.parse(await this.get(`${GROUP}/${path}`))));
    }
  }

  async startController(): Promise<void> {
    this.#controller = run('controller/main.ts', [], {
      CONTAINR_DATA_DIR: join(this.#folder, 'controller'),
      CONTAINR_PORT: String(this.#port),
      CONTAINR_EXIT_WITH_STDIN: '1',
      CONTAINR_LOG_LEVEL: 'warn',
      CONTAINR_ALLOW_LOCAL_REPOSITORIES: this.#folder,
    });
    await until(
      'the controller serves',
      async () => (await request(`http://127.0.0.1:${this.#port}/readyz`)).statusCode === 200,
    );
  }

  async stopController(): Promise<void> {
    await end(this.#controller);
  }

  async dispose(): Promise<void> {
    await end(this.#controller);
    await end(this.#sandbox);
    await this.#agent.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get folder(): string {
    return this.#folder;
  }

  async get(path: string): Promise<unknown> {
    return this.#call('GET', path);
  }

  async list(plural: string): Promise<z.output<typeof ListShape>> {
    return ListShape.parse(await this.get(`${GROUP}/namespaces/bench/${plural}`));
  }

  async create(plural: string, object: unknown): Promise<ObjectShape> {
    return ObjectShape.parse(
      await this.#call('POST', `${GROUP}/namespaces/bench/${plural}`, 'application/json', object),
    );
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return this.#call('POST', path, 'application/json', body);
  }

  async patch(plural: string, name: string, change: unknown): Promise<ObjectShape> {
    return ObjectShape.parse(
      await this.#call('PATCH', `${GROUP}/namespaces/bench/${plural}/${name}`, 'application/merge-patch+json', change),
    );
  }

  async apply(
    object: { metadata: { name: string; namespace?: string } } & Record<string, unknown>,
    plural: string,
  ): Promise<void> {
    const scope = object.metadata.namespace === undefined ? '' : `/namespaces/${object.metadata.namespace}`;
    await this.#call(
      'PATCH',
      `${GROUP}${scope}/${plural}/${object.metadata.name}?fieldManager=bench&force=true`,
      'application/apply-patch+yaml',
      object,
    );
  }

  async metrics(): Promise<string> {
    const { body } = await request(`http://127.0.0.1:${this.#port}/metrics`, { dispatcher: this.#agent });
    return body.text();
  }

  /** Sum of a counter over the label sets that `wanted` matches. */
  async counter(name: string, wanted = /./): Promise<number> {
    const lines = (await this.metrics()).split('\n').filter((line) => line.startsWith(name) && wanted.test(line));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async #call(method: 'GET' | 'POST' | 'PATCH', path: string, type?: string, body?: unknown): Promise<unknown> {
    const token = readFileSync(join(this.#folder, 'controller', 'admin-token'), 'utf8').trim();
    const answer = await request(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${token}`, ...(type !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }
}

export function isReady({ status }: ObjectShape): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

/** Resident memory of a process in MiB, now and at its highest. */
export function memoryOf(pid: number): { now: number; highest: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) / 1024;
  return { now: read('VmRSS'), highest: read('VmHWM') };
}

/** Processor time that a process has used. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}

/** The value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 300_000,
  everyMs = 50,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`Waited ${timeoutMs / 1_000} s until ${what}.`, { cause: last });
}

function run(program: string, parameters: string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, join(root, program), ...parameters], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
