import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A process and not another that got its number later. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to its start; undefined where the system does not tell. */
  startedAt: string | undefined;
}

/** Answers undefined for a process that has ended, also when nobody has taken note of its end. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  if (!exists(pid)) return undefined;
  if (process.platform !== 'linux') return { pid, startedAt: undefined };
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The second field is a name in parentheses that may itself hold spaces and parentheses.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : { pid, startedAt: rest[18] };
}

/** Whether that very process still runs. */
export async function isRunning({ pid, startedAt }: ProcessIdentity): Promise<boolean> {
  const now = await identify(pid);
  return now !== undefined && now.startedAt === startedAt;
}

/** Whether the process is a PostgreSQL that works in `folder`. */
export async function isPostgresIn(pid: number, folder: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    return stdout.includes('postgres') && stdout.includes(`-D ${folder}`);
  }
  const [cwd, exe] = await Promise.all(['cwd', 'exe'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')));
  return cwd === folder && basename(exe ?? '').startsWith('postgres');
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
