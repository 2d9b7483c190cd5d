import { spawn } from 'node:child_process';
import { createLogLines } from '../docker/log-lines.ts';

export interface ProgramRun {
  args: readonly string[];
  /** All that the program sees; nothing of this process's own environment. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Each line of both outputs, without control characters. */
  onLine?: (line: string) => void;
}

/** How a run ended. `absent`: there is no such program on the PATH. `late`: it was ended for taking too long. */
export type ProgramEnd =
  | { end: 'exited'; code: number; stdout: string; lastLines: readonly string[] }
  | { end: 'absent' }
  | { end: 'late' };

const keptOutput = 4 * 1024 * 1024;
const keptLines = 20;

/**
 * Runs a program with exactly these arguments: no shell sees them. It has a process group of its own, so that all it started
 * ends with it. Of its standard output the first 4 MiB are kept. Throws what the signal was aborted with.
 */
export async function runProgram(program: string, run: ProgramRun): Promise<ProgramEnd> {
  run.signal.throwIfAborted();
  const child = spawn(program, [...run.args], {
    cwd: run.cwd,
    env: run.env,
    detached: true,
    shell: false,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.withResolvers<number | 'absent'>();
  child.on('error', (error) => ended.resolve(isAbsent(error) ? 'absent' : -1));
  child.on('close', (code) => ended.resolve(code ?? -1));

  let lastLines: string[] = [];
  const take = (line: string): void => {
    lastLines = [...lastLines, line].slice(-keptLines);
    run.onLine?.(line);
  };
  const outputs = { stdout: createLogLines(take), stderr: createLogLines(take) };
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout.length < keptOutput) stdout += text;
    outputs.stdout.add(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => outputs.stderr.add(text));

  let isLate = false;
  const stop = (): void => killGroup(child.pid);
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, run.timeoutMs);
  run.signal.addEventListener('abort', stop, { once: true });
  try {
    const code = await ended.promise;
    outputs.stdout.end();
    outputs.stderr.end();
    run.signal.throwIfAborted();
    if (code === 'absent') return { end: 'absent' };
    return isLate ? { end: 'late' } : { end: 'exited', code, stdout: stdout.slice(0, keptOutput), lastLines };
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener('abort', stop);
  }
}

/** The group may have ended a moment ago. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'EACCES');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
