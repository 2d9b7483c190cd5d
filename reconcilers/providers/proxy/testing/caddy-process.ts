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
  const child = spawn(PROGRAM, ['run', '--config', join(folder, 'caddy.json')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString('utf8')));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));

  async function stop(): Promise<void> {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }

  const endpoint = `unix://${socket}`;
  const admin = connectAdmin(endpoint);
  const { signal } = new AbortController();
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    const answer = existsSync(socket)
      ? await admin.call({ method: 'GET', path: '/config/' }, signal).catch(() => undefined)
      : undefined;
    if (answer?.status === 200) {
      await admin.close();
      const [httpPort, httpsPort] = [await freePort(), await freePort()];
      return { endpoint, httpPort, httpsPort, folder, [Symbol.asyncDispose]: stop };
    }
    await sleep(25);
  }
  await admin.close();
  await stop();
  throw new Error(`Caddy did not start: ${log.join('').slice(-2_000)}`);
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
