import { spawn } from 'node:child_process';
import { GitFault } from './fault.ts';

export interface GitRun {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  signal: AbortSignal;
  /** Takes the output as it comes, instead of keeping it. Throwing ends Git. */
  onOutput?: (chunk: Buffer) => void;
  /** Asked several times a second; throwing ends Git. */
  watch?: () => Promise<void>;
}

export interface GitResult {
  code: number;
  stdout: string;
  /** The last of it. */
  stderr: string;
}

const keptOutput = 1024 * 1024;
const keptErrors = 16 * 1024;
const watchEveryMs = 200;

/**
 * Runs Git, without a shell, in a process group of its own; everything Git started ends with it. Throws what the signal,
 * `watch` or `onOutput` threw.
 */
export async function runGit(binary: string, run: GitRun): Promise<GitResult> {
  run.signal.throwIfAborted();
  const child = spawn(binary, [...run.args], {
    cwd: run.cwd,
    env: run.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.withResolvers<number>();
  let stopped: { reason: unknown } | undefined;

  function stop(reason: unknown): void {
    stopped ??= { reason };
    if (child.pid !== undefined) killGroup(child.pid);
  }

  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      if (run.onOutput) run.onOutput(chunk);
      else if (stdout.length < keptOutput) stdout += chunk.toString('utf8');
    } catch (error) {
      stop(error);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-keptErrors);
  });
  child.on('error', (cause) => {
    ended.reject(new GitFault('unavailable', `The server cannot run ${binary}. Install Git on it.`, { cause }));
  });
  child.on('close', (code) => ended.resolve(code ?? -1));

  const onAbort = () => stop(run.signal.reason);
  run.signal.addEventListener('abort', onAbort, { once: true });
  const watching = setInterval(() => void run.watch?.().catch(stop), watchEveryMs);
  try {
    const code = await ended.promise;
    await run.watch?.().catch(stop);
    if (stopped) throw stopped.reason;
    return { code, stdout, stderr };
  } finally {
    clearInterval(watching);
    run.signal.removeEventListener('abort', onAbort);
  }
}

/** The group may have ended a moment ago. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
