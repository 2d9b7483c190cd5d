import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../errors.ts';
import type { DataFolder } from './data-folder.ts';
import type { Binaries } from './postgres-binaries.ts';
import { identify, isPostgresIn, isRunning, type ProcessIdentity } from './process-identity.ts';

const START_MS = 60_000;
const FAST_STOP_MS = 20_000;
const HARD_STOP_MS = 5_000;
const LINES_KEPT = 20;

/** A server that was started here. */
export interface Postmaster {
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it and waits for that; nothing happens when it has ended. */
  stop(): Promise<void>;
  /** Only asks it to end, for when there is no time to wait. */
  interrupt(): void;
}

/** Starts PostgreSQL and waits until it takes connections. Unavailable, with what it said, when it does not. */
export async function startPostmaster(
  binaries: Binaries,
  folder: DataFolder,
  { settings, log }: { settings: Readonly<Record<string, string>>; log: Pick<Logger, 'warn'> },
): Promise<Postmaster> {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(binaries.postgres, ['-D', folder.argument, ...flags], {
    ...folder.spawnOptions,
    // A session of its own: Ctrl-C in a terminal reaches us only, and we end PostgreSQL when nobody needs it any more.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = keepLastLines(child, log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const { pid } = child;
  for (const deadline = performance.now() + START_MS; performance.now() < deadline; await pause(20)) {
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) break;
    if (await isReady(folder, pid)) return control(child, ended);
  }
  child.kill('SIGQUIT');
  throw new Fault(
    'Unavailable',
    `PostgreSQL did not start in ${folder.path}. It said: ${said.join(' | ') || 'nothing'}`,
  );
}

/** Ends a PostgreSQL that an earlier process of ours left running in the folder, and removes what would keep a new one out. */
export async function stopOrphan(folder: DataFolder, log: Pick<Logger, 'info'>): Promise<void> {
  const [first = ''] = await readPidFile(folder);
  const orphan = await identify(Number(first));
  if (orphan && (await isPostgresIn(orphan.pid, folder.path))) {
    log.info(
      `PostgreSQL still runs in ${folder.path} (process ${orphan.pid}), left by a controller that was killed. Stopping it.`,
    );
    await stopProcess(orphan);
  }
  // The number in them may be somebody else's by now, or of a dead process that nobody has taken note of, and PostgreSQL
  // would take either for a running server.
  for (const name of await readdir(folder.path)) {
    if (name === 'postmaster.pid' || name.startsWith('.s.PGSQL.')) await rm(join(folder.path, name), { force: true });
  }
}

function control(child: ChildProcess, ended: Promise<void>): Postmaster {
  return {
    ended,
    async stop() {
      const server = child.exitCode === null && child.pid !== undefined ? await identify(child.pid) : undefined;
      if (server) await stopProcess(server);
      await ended;
    },
    interrupt: () => child.kill('SIGINT'),
  };
}

/** Ends the server: sessions are cut, what is committed is kept. Ends it harder when that takes too long. */
async function stopProcess(server: ProcessIdentity): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', HARD_STOP_MS],
    ['SIGKILL', HARD_STOP_MS],
  ] as const) {
    if (!(await isRunning(server)) || !send(signal, server.pid)) return;
    for (const deadline = performance.now() + patienceMs; performance.now() < deadline; await pause(10)) {
      if (!(await isRunning(server))) return;
    }
  }
  throw new Fault('Unavailable', `PostgreSQL (process ${server.pid}) does not end. End it by hand, then start again.`);
}

/** False when there is no such process any more. */
function send(signal: NodeJS.Signals, pid: number): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

async function isReady(folder: DataFolder, pid: number): Promise<boolean> {
  const lines = await readPidFile(folder);
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

async function readPidFile({ path }: DataFolder): Promise<string[]> {
  const text = await readFile(join(path, 'postmaster.pid'), 'utf8').catch(() => '');
  return text === '' ? [] : text.split('\n');
}

function keepLastLines(child: ChildProcess, log: Pick<Logger, 'warn'>): readonly string[] {
  const lines: string[] = [];
  if (!child.stderr) return lines;
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    log.warn(`PostgreSQL: ${line}`);
  });
  return lines;
}
