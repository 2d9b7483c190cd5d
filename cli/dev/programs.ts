import { join, resolve } from 'node:path';
import { nodeFlags, programPath } from '../programs.ts';
import type { CaddyRole } from './caddy.ts';
import type { ChildOptions } from './child.ts';

/** What `containr dev` runs with, read and checked. */
export interface DevOptions {
  dataDir: string;
  port: number;
  engine?: 'lxc' | 'simulated' | undefined;
  nodes: number;
  https?: boolean | undefined;
  readyFile?: string | undefined;
  allowRepositories?: readonly string[] | undefined;
}

/** The programs. */
export type DevProgram = 'sandbox' | 'controller' | CaddyRole;

type StartOptions = Pick<ChildOptions, 'command' | 'env'>;

/** Where the sandbox says that it is ready. */
export function sandboxReadyFile(dataDir: string): string {
  return join(dataDir, 'sandbox.json');
}

/** Where the controller keeps the token of its first administrator. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, 'controller', 'admin-token');
}

/** The certificate that the sandbox makes for itself, also good for localhost, and its key. The API takes it too where HTTPS is asked for. */
export function certificateFiles(dataDir: string): { certFile: string; keyFile: string } {
  const folder = join(dataDir, 'sandbox', 'pve');
  return { certFile: join(folder, 'pve-ssl.pem'), keyFile: join(folder, 'pve-ssl.key') };
}

/** How the sandbox is started. With the port that it had before, whoever knows its address still finds it there. */
export function sandboxProgram({ dataDir, nodes, engine }: DevOptions, port: number | undefined): StartOptions {
  const parameters = [
    ['--data-dir', join(dataDir, 'sandbox')],
    ['--nodes', String(nodes)],
    ['--ready-file', sandboxReadyFile(dataDir)],
    ['--exit-with-stdin'],
    engine === undefined ? [] : ['--engine', engine],
    port === undefined ? [] : ['--port', String(port)],
  ];
  return { command: [process.execPath, ...nodeFlags, programPath('sandbox/main'), ...parameters.flat()], env: {} };
}

/** How the controller is started. */
export function controllerProgram({ dataDir, port, https = false, allowRepositories }: DevOptions): StartOptions {
  const { certFile, keyFile } = certificateFiles(dataDir);
  const repositories = allowRepositories ?? [process.cwd(), dataDir];
  return {
    command: [process.execPath, ...nodeFlags, programPath('controller/main')],
    env: {
      CONTAINR_DATA_DIR: join(dataDir, 'controller'),
      CONTAINR_HOST: '127.0.0.1',
      CONTAINR_PORT: String(port),
      CONTAINR_ALLOW_LOCAL_REPOSITORIES: repositories.map((folder) => resolve(folder)).join(':'),
      CONTAINR_ADMIN_TOKEN_FILE: adminTokenFile(dataDir),
      CONTAINR_EXIT_WITH_STDIN: '1',
      CONTAINR_REGISTRATION: 'open',
      ...(https && { CONTAINR_TLS_CERT_FILE: certFile, CONTAINR_TLS_KEY_FILE: keyFile }),
    },
  };
}
