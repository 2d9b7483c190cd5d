import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, readProcess } from '../lxc/process-status.ts';
import { runCommand } from '../lxc/run-command.ts';

/** A Docker daemon of our own, apart from any other on the machine. */
export interface DockerDaemon {
  /** `unix:///PATH` */
  endpoint: string;
  pid: number;
  /** Ends it and unmounts what it mounted; its images stay in the data folder. */
  close(): Promise<void>;
}

/** Where a daemon lives. */
export interface DockerDaemonOptions {
  /** Kept over restarts; everything the daemon writes lies below it. Made when absent. */
  dataDir: string;
}

/** Whether a daemon can be started, and if not, why: one sentence for a person. */
export type DockerDaemonAvailability = { available: true } | { available: false; reason: string };

interface Place {
  root: string;
  /** For sockets, which must not lie deep. */
  runtime: string;
  socket: string;
  pidFile: string;
  log: string;
}

const programs = ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'];
const startMs = 60_000;
const stopMs = 20_000;
/** The kernel takes 108 bytes for a socket's path, and the daemon's own lie deeper than ours. */
const maxRuntimePath = 60;

/** Whether a daemon can be started on this machine; the reason is one sentence for a person. */
export function dockerDaemonAvailability(): DockerDaemonAvailability {
  const reason = obstacle();
  return reason === undefined ? { available: true } : { available: false, reason };
}

/**
 * Starts a Docker daemon that touches neither the machine's network nor its firewall, or takes over the one that an
 * earlier run left with the same folder. Its builds have no network. Resolves once it answers; throws with the last
 * lines of its log when it does not.
 */
export async function startDockerDaemon({ dataDir }: DockerDaemonOptions): Promise<DockerDaemon> {
  const reason = obstacle();
  if (reason !== undefined) throw new Error(reason);
  const place = placeIn(resolve(dataDir));
  await mkdir(place.root, { recursive: true, mode: 0o700 });
  await mkdir(place.runtime, { recursive: true, mode: 0o700 });

  const running = await runningDaemon(place);
  if (running !== undefined && (await answers(place.socket))) return daemon(running, place);
  // Docker itself prefers overlay2 and refuses to start where it cannot have what it tried.
  const pid = (await launch(place, [])) ?? (await launch(place, ['--storage-driver=vfs']));
  if (pid !== undefined) return daemon(pid, place);
  const log = (await readFile(place.log, 'utf8')).trim().split('\n').slice(-5).join('\n');
  throw new Error(`the Docker daemon does not start; the end of ${place.log}:\n${log}`);
}

function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'A Docker daemon needs Linux, and this machine runs another system.';
  if (process.getuid?.() !== 0) return 'A Docker daemon needs root, and this program runs as another user.';
  if (program() === undefined) return "Debian's package docker.io is not installed (apt-get install docker.io).";
  return undefined;
}

function program(): string | undefined {
  return programs.find((path) => existsSync(path));
}

function placeIn(root: string): Place {
  const short = join(tmpdir(), `docker-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`);
  const runtime = Buffer.byteLength(root) <= maxRuntimePath ? root : short;
  return {
    root,
    runtime,
    socket: join(runtime, 'docker.sock'),
    pidFile: join(root, 'docker.pid'),
    log: join(root, 'docker.log'),
  };
}

/** Starts the program and waits; its pid, or undefined when it ended or never answered. */
async function launch(place: Place, more: readonly string[]): Promise<number | undefined> {
  const { root, runtime, socket, pidFile, log } = place;
  const args = [
    `--host=unix://${socket}`,
    `--data-root=${join(root, 'data')}`,
    `--exec-root=${join(runtime, 'exec')}`,
    `--pidfile=${pidFile}`,
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
    ...more,
  ];
  await rm(pidFile, { force: true });
  const output = openSync(log, 'w', 0o600);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: root };
  const child = spawn(program() ?? 'dockerd', args, { env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.on('error', () => undefined); // Seen below, as a process that never answers.
  child.unref();

  const deadline = performance.now() + startMs;
  while (child.pid !== undefined && readProcess(child.pid) !== undefined && performance.now() < deadline) {
    if (await answers(socket)) return child.pid;
    await sleep(50);
  }
  if (child.pid !== undefined) await stop(child.pid, place);
  return undefined;
}

/** The pid in the file, when it still is a Docker daemon of this folder. */
async function runningDaemon({ pidFile, root }: Place): Promise<number | undefined> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  const isOurs = pid > 0 && commandLine(pid).includes(`--data-root=${join(root, 'data')}`);
  return isOurs && readProcess(pid) !== undefined ? pid : undefined;
}

function daemon(pid: number, place: Place): DockerDaemon {
  return { endpoint: `unix://${place.socket}`, pid, close: () => stop(pid, place) };
}

async function stop(pid: number, { root, runtime }: Place): Promise<void> {
  const startTicks = readProcess(pid)?.startTicks;
  const isUp = (): boolean => startTicks !== undefined && readProcess(pid)?.startTicks === startTicks;
  if (isUp()) process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + stopMs;
  while (isUp()) {
    if (performance.now() > deadline) process.kill(pid, 'SIGKILL');
    await sleep(20);
  }
  await unmountBelow(root);
  await unmountBelow(runtime);
  for (const name of ['exec', 'docker.sock']) await rm(join(runtime, name), { recursive: true, force: true });
  if (runtime !== root) await rm(runtime, { recursive: true, force: true });
}

/** It leaves a network namespace mounted, and more when it was killed; nobody could remove its folder then. */
async function unmountBelow(root: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((path) => path.startsWith(`${root}/`)).toReversed()) {
    await runCommand('umount', ['--lazy', mount]);
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((settle) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
      response.resume();
      settle(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => settle(false));
    ping.end();
  });
}
