import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAdmin } from '../admin-api.ts';

const PROGRAM = '/usr/bin/caddy';

/** A Caddy of the test's own, with its admin API on a socket in a folder of its own. */
export interface TestCaddy extends AsyncDisposable {
  endpoint: string;
  httpPort: number;
  httpsPort: number;
  folder: string;
  /** Kills it and starts it anew, as it was started first. */
  restart(): Promise<void>;
}

/** Why no Caddy can be started here, or undefined when one can. */
export function whyNoCaddy(): string | undefined {
  return existsSync(PROGRAM) ? undefined : 'Caddy is not installed (caddy)';
}

/** Starts one with `apps` as what an administrator has in it. */
export async function startCaddy(apps?: unknown): Promise<TestCaddy> {
  const folder = await mkdtemp(join(tmpdir(), 'containr-caddy-'));
  const socket = join(folder, 'admin.sock');
  const config = {
    admin: { listen: `unix/${socket}`, config: { persist: false } },
    storage: { module: 'file_system', root: join(folder, 'storage') },
    ...(apps !== undefined && { apps }),
  };
  await writeFile(join(folder, 'caddy.json'), JSON.stringify(config));
  const env = { PATH: '/usr/bin:/bin', HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  const endpoint = `unix://${socket}`;
  let kill = await run();

  /** Answers how to end it. */
  async function run(): Promise<() => Promise<void>> {
    const child = spawn(PROGRAM, ['run', '--config', join(folder, 'caddy.json')], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const log: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString('utf8')));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const end = async (): Promise<void> => {
      child.kill('SIGKILL');
      await ended;
    };
    for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
      if (await answers(endpoint)) return end;
      await sleep(25);
    }
    await end();
    await rm(folder, { recursive: true, force: true });
    throw new Error(`Caddy did not start: ${log.join('').slice(-2_000)}`);
  }

  return {
    endpoint,
    httpPort: await freePort(),
    httpsPort: await freePort(),
    folder,
    async restart() {
      await kill();
      kill = await run();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(endpoint: string): Promise<boolean> {
  const admin = connectAdmin(endpoint);
  const { signal } = new AbortController();
  const answer = await admin.call({ method: 'GET', path: '/config/' }, signal).catch(() => undefined);
  await admin.close();
  return answer?.status === 200;
}

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}
