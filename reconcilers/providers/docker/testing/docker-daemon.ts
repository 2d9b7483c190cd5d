import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Docker engine of the test's own, with a private socket and data folder. */
export interface TestDaemon extends AsyncDisposable {
  endpoint: string;
}

/** Why no engine can be started here, or undefined when one can. */
export function whyNoDaemon(): string | undefined {
  if (process.platform !== 'linux') return 'Docker engines run on Linux';
  if (process.getuid?.() !== 0) return 'a Docker engine needs root';
  if (!existsSync('/usr/sbin/dockerd') && !existsSync('/usr/bin/dockerd'))
    return 'dockerd is not installed (docker.io)';
  return undefined;
}

export async function startDaemon(): Promise<TestDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'containr-dockerd-'));
  const socket = join(folder, 'docker.sock');
  const log: string[] = [];
  const daemon = spawn(
    'dockerd',
    [
      `--host=unix://${socket}`,
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${join(folder, 'pid')}`,
      '--bridge=none',
      '--iptables=false',
      '--ip-forward=false',
      '--ip-masq=false',
    ],
    { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  daemon.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString('utf8')));
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()));

  async function stop(): Promise<void> {
    daemon.kill('SIGTERM');
    await ended;
    await unmountBelow(folder);
    await rm(folder, { recursive: true, force: true });
  }

  for (let tries = 0; tries < 300; tries += 1) {
    if (await answers(socket)) return { endpoint: `unix://${socket}`, [Symbol.asyncDispose]: stop };
    if (daemon.exitCode !== null) break;
    await sleep(100);
  }
  await stop();
  throw new Error(`dockerd did not start: ${log.join('').slice(-2_000)}`);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket, () => resolve(true));
    connection.on('error', () => resolve(false));
    connection.on('connect', () => connection.end());
  });
}

/** A daemon that was stopped hard leaves mounts, and what is mounted cannot be removed. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((path) => path.startsWith(folder)).toReversed()) {
    await new Promise((resolve) => spawn('umount', ['--lazy', mount], { stdio: 'ignore' }).once('close', resolve));
  }
}
