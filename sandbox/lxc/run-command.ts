import { execFile } from 'node:child_process';

/** How a program ended, and what it said. */
export interface CommandResult {
  /** Exit code; -1 when the program could not be run or was killed. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Limits for a program. */
export interface CommandOptions {
  env?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
}

const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a program of the system and returns how it ended; never throws, for most callers expect refusals. */
export function runCommand(
  file: string,
  args: readonly string[],
  { env = { PATH: systemPath }, timeoutMs = 30_000, signal }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024, ...(signal && { signal }) },
      (error, stdout, stderr) => {
        if (!error) return resolve({ code: 0, stdout, stderr });
        const code = typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr: stderr || error.message });
      },
    );
  });
}
