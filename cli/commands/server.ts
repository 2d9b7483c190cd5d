import { spawn } from 'node:child_process';
import { nodeFlags, programPath } from '../programs.ts';

/** Runs the controller as a process of its own, hands on signals, and ends as it ends. */
export function server(flags: { host?: string; port?: string; dataDir?: string }): Promise<number> {
  const env = {
    ...process.env,
    ...(flags.host !== undefined && { CONTAINR_HOST: flags.host }),
    ...(flags.port !== undefined && { CONTAINR_PORT: flags.port }),
    ...(flags.dataDir !== undefined && { CONTAINR_DATA_DIR: flags.dataDir }),
  };
  const child = spawn(process.execPath, [...nodeFlags, programPath('controller/main')], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 0 : 1))));
}
