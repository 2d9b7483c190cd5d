import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer, type RunningServer } from '../../api/server.ts';
import { createShop, type ApiFixture, type Person } from '../../api/testing/api-fixture.ts';
import type { Condition } from '../../crds/condition.ts';
import { Service } from '../../crds/service.ts';

/** The command as it is installed. */
export const containr = join(import.meta.dirname, '..', '..', 'bin', 'containr');

export interface Ended {
  /** As a shell says it: 130 after Ctrl-C. */
  code: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  as?: Person | string;
  input?: string;
  env?: Record<string, string>;
}

/** The command as a process of its own, so far as it has come. */
export interface Running {
  process: ChildProcess;
  ended: Promise<Ended>;
  /** Waits until its output has this text. */
  says(text: string): Promise<void>;
}

/** The real command against the real API over a memory store with the projects "shop" and "other". */
export class CliFixture {
  readonly api: ApiFixture;
  readonly folder = mkdtempSync(join(tmpdir(), 'containr-cli-'));
  #server: RunningServer;

  private constructor(api: ApiFixture, server: RunningServer) {
    this.api = api;
    this.#server = server;
  }

  static async create(): Promise<CliFixture> {
    const api = await createShop();
    return new CliFixture(api, await serve(api, 0));
  }

  get url(): string {
    return this.#server.url;
  }

  /** Cuts every connection and serves on the same port again, as a server that was killed and came back. */
  async restartServer(awayMs: number): Promise<void> {
    const { port } = this.#server;
    await this.#server.close();
    await pause(awayMs);
    this.#server = await serve(this.api, port);
  }

  async dispose(): Promise<void> {
    this.api.closing.abort();
    await this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  start(parameters: readonly string[], options: RunOptions = {}): Running {
    return startCommand([containr, ...parameters], { ...options, env: this.#env(options), cwd: this.folder });
  }

  /** A script of bash in which `$0` is the command. */
  shell(script: string): Promise<Ended> {
    return startCommand(['bash', '-c', script, containr], { env: this.#env({}), cwd: this.folder }).ended;
  }

  #env({ as = 'admin', env }: RunOptions): NodeJS.ProcessEnv {
    const config = { CONTAINR_URL: this.url, CONTAINR_TOKEN: as, CONTAINR_CONFIG_DIR: join(this.folder, 'config') };
    return { ...process.env, ...config, ...env };
  }

  run(...parameters: string[]): Promise<Ended> {
    return this.start(parameters).ended;
  }

  /** Sets what loops would have reported of a service. */
  async report(
    name: string,
    conditions: readonly Partial<Condition>[],
    status: Partial<Service['status']> = {},
  ): Promise<void> {
    const object = await this.api.store.get(Service, { namespace: 'shop', name });
    if (!object) throw new Error(`There is no service ${name}.`);
    const { generation } = object.metadata;
    const said = conditions.map((condition) => ({
      type: 'Ready',
      status: 'True' as const,
      reason: 'Available' as const,
      message: '',
      observedGeneration: generation,
      lastTransitionTime: '2026-01-31T12:00:00.000Z',
      ...condition,
    }));
    const next = { ...object.status, observedGeneration: generation, ...status, conditions: said };
    await this.api.store.updateStatus(Service, { ...object, status: next }, { manager: 'controller/service' });
  }
}

function serve(api: ApiFixture, port: number): Promise<RunningServer> {
  return startServer({ app: api.app, host: '127.0.0.1', port, graceMs: 0 });
}

/** Runs a program. Its output is kept as it comes. */
export function startCommand(
  [program = '', ...parameters]: readonly string[],
  { env, cwd, input }: { env: NodeJS.ProcessEnv; cwd: string; input?: string },
): Running {
  const child = spawn(program, parameters, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  child.stdin.on('error', () => undefined).end(input ?? '');
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : -1), ...output }));
  });
  return {
    process: child,
    ended,
    async says(text) {
      const deadline = Date.now() + 60_000;
      while (!(output.stdout + output.stderr).includes(text)) {
        if (Date.now() > deadline || child.exitCode !== null)
          throw new Error(`The command never said "${text}", but:\n${output.stdout}${output.stderr}`);
        await pause(20);
      }
    },
  };
}

/** A manifest of a service in the project "shop". */
export function serviceYaml(name: string, more = ''): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec:
  source: {type: image, image: "nginx:1.29"}
${more}`;
}
