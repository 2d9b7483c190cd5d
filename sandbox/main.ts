import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { dockerDaemonAvailability, startDockerDaemon } from './docker/docker-daemon.ts';
import { startDockerBox } from './docker/docker-box.ts';
import type { GuestEngine } from './engine/engine.ts';
import { takeFolder } from './folder-lock.ts';
import { lxcAvailability } from './lxc/availability.ts';
import { formatNetwork } from './lxc/ipv4.ts';
import { createLxcEngine } from './lxc/lxc-engine.ts';
import { startSandbox } from './sandbox.ts';
import { createSimulatedEngine } from './simulated/simulated-engine.ts';

interface Flags {
  dataDir: string;
  nodes: number;
  engine?: 'lxc' | 'simulated';
  docker?: ChosenDocker['kind'];
  port: number;
  readyFile?: string;
  exitWithStdin?: boolean;
}

/** What runs guests, and the network that their addresses are given out from. */
interface ChosenEngine {
  engine: GuestEngine;
  reason: string;
  cidr: string;
  gateway?: string;
  pool: { from: string; to: string };
}

interface ChosenDocker {
  endpoint: string;
  kind: 'running' | 'daemon' | 'box';
  reason: string;
  close(): Promise<void>;
}

const TOKEN = { user: 'containr@pve', name: 'main' };
const DOCKER_SOCKET = '/var/run/docker.sock';

/** What the token needs, and no more: the same role that the documentation has people make. */
const ROLE = [
  'VM.Allocate',
  'VM.Audit',
  'VM.Config.CPU',
  'VM.Config.Disk',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.Backup',
  'VM.PowerMgmt',
  'Datastore.Allocate',
  'Datastore.AllocateSpace',
  'Datastore.AllocateTemplate',
  'Datastore.Audit',
  'SDN.Use',
  'SDN.Audit',
  'Sys.Audit',
  'Sys.AccessNetwork',
];

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function run(flags: Flags): Promise<void> {
  const dataDir = resolve(flags.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const stop = stopSignal(flags.exitWithStdin ?? false);
  const release = await takeFolder(dataDir, (pid) =>
    tell(`Waiting for the sandbox before this one to end (process ${pid}) ...`),
  );
  const nodes = Array.from({ length: flags.nodes }, (_, index) => `pve${index + 1}`);
  const chosen = await chooseEngine(dataDir, flags.engine);
  const docker = await chooseDocker(dataDir, flags.docker);
  // A process that was killed in the middle of a task is no node that crashed: what the task left is undone.
  const sandbox = await startSandbox({
    dataDir: join(dataDir, 'pve'),
    nodes,
    engine: chosen.engine,
    port: flags.port,
    interruptedTasks: 'undo',
  });
  try {
    sandbox.setRole('Containr', ROLE);
    sandbox.setAcl('/', TOKEN.user, 'Containr');
    const tokenSecret = await sandbox.addToken(TOKEN.user, TOKEN.name, { privsep: false });
    const ready = {
      url: sandbox.url,
      fingerprint: sandbox.fingerprint,
      tokenId: `${TOKEN.user}!${TOKEN.name}`,
      tokenSecret,
      engine: chosen.engine.name,
      engineReason: chosen.reason,
      nodes,
      storage: 'local',
      bridge: 'vmbr0',
      cidr: chosen.cidr,
      ...(chosen.gateway !== undefined && { gateway: chosen.gateway }),
      pool: chosen.pool,
      docker: { endpoint: docker.endpoint, kind: docker.kind, reason: docker.reason },
      pid: process.pid,
    };
    tell(`The Proxmox sandbox serves ${nodes.join(', ')} at ${sandbox.url}; guests: ${chosen.engine.name}.`);
    if (flags.readyFile !== undefined) await writeWhole(resolve(flags.readyFile), JSON.stringify(ready));
    await aborted(stop);
    tell('Stopping the sandbox ...');
  } finally {
    await sandbox.close({ stopGuests: true });
    await docker.close();
    release();
  }
}

async function chooseEngine(dataDir: string, wanted: Flags['engine']): Promise<ChosenEngine> {
  const available =
    wanted === 'simulated' ? { available: false as const, reason: 'it was asked for.' } : await lxcAvailability();
  if (available.available) {
    const engine = await createLxcEngine({ stateDir: join(dataDir, 'lxc'), log: tell });
    const { gateway, subnet, staticAddresses } = engine.network;
    return {
      engine,
      reason: 'this machine can run LXC containers.',
      cidr: formatNetwork(subnet),
      gateway,
      pool: staticAddresses,
    };
  }
  if (wanted === 'lxc') throw new Error(`Real containers were asked for and cannot run here: ${available.reason}`);
  // Every data folder has loopback addresses of its own, so that two sandboxes do not meet.
  const second = 64 + ((createHash('sha256').update(dataDir).digest()[0] ?? 0) % 64);
  return {
    engine: createSimulatedEngine({ stateDir: join(dataDir, 'simulated') }),
    reason: available.reason,
    cidr: `127.${second}.0.0/16`,
    pool: { from: `127.${second}.0.10`, to: `127.${second}.63.250` },
  };
}

/** A Docker engine that runs already, else one of our own, else one in a box that can only copy files. */
async function chooseDocker(dataDir: string, wanted: Flags['docker']): Promise<ChosenDocker> {
  const may = (kind: ChosenDocker['kind']): boolean => wanted === undefined || wanted === kind;
  if (may('running') && (await dockerAnswers(DOCKER_SOCKET))) {
    const reason = `the Docker engine that runs on this machine`;
    return { endpoint: `unix://${DOCKER_SOCKET}`, kind: 'running', reason, close: async () => undefined };
  }
  const daemon = dockerDaemonAvailability();
  if (may('daemon') && daemon.available) {
    try {
      const started = await startDockerDaemon({ dataDir: join(dataDir, 'docker') });
      return {
        endpoint: started.endpoint,
        kind: 'daemon',
        reason: 'a Docker daemon of our own',
        close: () => started.close(),
      };
    } catch (error) {
      tell(`A Docker daemon could not be started: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const box = await startDockerBox({ dataDir: join(dataDir, 'docker-box') });
  const why =
    wanted === 'box'
      ? 'it was asked for'
      : daemon.available
        ? 'no Docker daemon could be started'
        : daemon.reason.replace(/\.$/, '');
  return {
    endpoint: box.endpoint,
    kind: 'box',
    reason: `a builder that only copies files, since ${why}`,
    close: () => box.close(),
  };
}

function dockerAnswers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return Promise.resolve(false);
  return new Promise((done) => {
    const asking = request({ socketPath, path: '/_ping', timeout: 2_000 }, (answer) => {
      answer.resume();
      done(answer.statusCode === 200);
    });
    asking.once('error', () => done(false)).once('timeout', () => asking.destroy());
    asking.end();
  });
}

function stopSignal(withStdin: boolean): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  if (withStdin) {
    process.stdin.on('end', () => stop.abort()).on('error', () => stop.abort());
    process.stdin.resume();
  }
  return stop.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) =>
    signal.aborted ? done() : signal.addEventListener('abort', () => done(), { once: true }),
  );
}

async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('must be a whole number.');
  return value;
}

const program = new Command('sandbox')
  .description('A Proxmox VE cluster in a box: its API over containers of this machine, and a Docker engine beside it.')
  .requiredOption('--data-dir <folder>', 'everything that it keeps')
  .addOption(new Option('--nodes <count>', 'how many nodes').default(1).argParser(wholeNumber))
  .addOption(
    new Option('--engine <name>', 'what runs guests; real containers where they can run').choices(['lxc', 'simulated']),
  )
  .addOption(
    new Option('--docker <kind>', 'what builds images; the best there is').choices(['running', 'daemon', 'box']),
  )
  .addOption(new Option('--port <number>', 'where the API listens; 0 for a free one').default(0).argParser(wholeNumber))
  .option('--ready-file <file>', 'written once it serves')
  .option('--exit-with-stdin', 'end when standard input closes')
  .action(run);

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  tell(`sandbox: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
