import { nodeFlags, programPath } from '../programs.ts';

export interface ServerFlags {
  host?: string;
  port?: number;
  dataDir?: string;
  store?: string;
  kubeconfig?: string;
}

/**
 * Becomes the controller, or what works on its data folder: the same process, so that signals, exit code and a kill meet that
 * itself and nothing in between. Does not return.
 */
export function runServer(program: 'controller/main' | 'controller/rotate-keys', flags: ServerFlags): never {
  const env = serverEnvironment(flags);
  if (!process.execve) throw new Error('This system cannot replace a process. Containr runs on Linux and macOS.');
  return process.execve(process.execPath, [process.execPath, ...nodeFlags, programPath(program)], env);
}

/** What the flags mean to the programs, which read their environment. */
export function serverEnvironment({ host, port, dataDir, store, kubeconfig }: ServerFlags): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...(host !== undefined && { CONTAINR_HOST: host }),
    ...(port !== undefined && { CONTAINR_PORT: String(port) }),
    ...(dataDir !== undefined && { CONTAINR_DATA_DIR: dataDir }),
    ...(store !== undefined && { CONTAINR_STORE: store }),
    ...(kubeconfig !== undefined && { CONTAINR_KUBECONFIG: kubeconfig }),
  };
}
