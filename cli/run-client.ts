import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants as system, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ClientStart } from './database-client.ts';

/** The first of these programs that is in a folder of the search path; undefined without one. */
export function findProgram(names: readonly string[], path: string): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** Runs a client with this terminal until it ends; answers its exit code, as a shell says it. What was written for it goes. */
export async function runClient(program: string, { parameters, env, file }: ClientStart): Promise<number> {
  const folder = file && mkdtempSync(join(tmpdir(), 'containr-'));
  try {
    const path = join(folder ?? '', 'options');
    if (file) writeFileSync(path, file.content, { mode: 0o600 });
    return await run(program, file ? [file.parameter(path), ...parameters] : parameters, env);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, parameters: readonly string[], env: ClientStart['env']): Promise<number> {
  // The client has no business with the server of Containr.
  const { CONTAINR_TOKEN: _, ...inherited } = process.env;
  const child = spawn(program, parameters, { stdio: 'inherit', env: { ...inherited, ...env } });
  // Ctrl-C reaches the client by itself, and ends a query there, not the shell.
  const ignore = (): void => undefined;
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', ignore).on('SIGTERM', passOn).on('SIGHUP', passOn);
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? system.signals[signal] : 0)));
  }).finally(() => process.off('SIGINT', ignore).off('SIGTERM', passOn).off('SIGHUP', passOn));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
