import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import type { ApiClient } from '../client.ts';
import { kindNamed } from '../kind-names.ts';
import { waitForAll } from '../wait-for-all.ts';
import { readyGoal } from '../wait-for.ts';
import type { ChildOptions } from './child.ts';
import { choosePort } from './choose-port.ts';

/** Two Caddys of our own, of which browsers see the one and the other leads to guests, so that deploys cut no connection. */
export interface DevCaddy {
  program: string;
  folder: string;
  /** Of the first. */
  ports: { http: number; https: number };
}

/** Which of the two. */
export type CaddyRole = 'caddy' | 'caddy-router';

export const caddyRoles: readonly CaddyRole[] = ['caddy-router', 'caddy'];

const Ports = z.object({ http: z.int(), https: z.int() });
/** Longer paths of sockets the system does not take. */
const MOST_SOCKET_PATH = 100;
const READY_MS = 60_000;

/**
 * Caddy with all that it keeps in `dataDir`, on the ports it had before where they are still free. Undefined, with the
 * reason, where it cannot run: then services are reached at their guests' addresses.
 */
export async function prepareCaddy(dataDir: string): Promise<{ caddy: DevCaddy } | { caddy?: undefined; why: string }> {
  const program = findProgram('caddy');
  if (program === undefined) return { why: 'Caddy is not installed (apt-get install caddy)' };
  const folder = join(dataDir, 'caddy');
  const longest = adminSocket(folder, 'caddy-router');
  if (longest.length > MOST_SOCKET_PATH) return { why: `the path ${longest} is too long for a socket` };
  if (/[{}|]/.test(folder)) return { why: `the path ${folder} has characters that Caddy reads something into` };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'ports.json');
  const before = portsBefore(file);
  const http = await freePort(before?.http);
  const ports = { http, https: await freePort(before?.https, http) };
  writeFileSync(file, JSON.stringify(ports), { mode: 0o600 });
  return { caddy: { program, folder, ports } };
}

/** How one is started: with nothing but its admin API; what it serves it is told by the controller. */
export function caddyProgram({ program, folder }: DevCaddy, role: CaddyRole): Pick<ChildOptions, 'command' | 'env'> {
  const socket = adminSocket(folder, role);
  const config = {
    admin: { listen: `unix/${socket}`, config: { persist: false } },
    // What the controller asks of the admin API, and is refused, is the controller's to report.
    logging: { logs: { default: { level: 'ERROR', exclude: ['admin.api'] } } },
    storage: { module: 'file_system', root: join(folder, 'storage') },
  };
  const file = join(folder, `${role}.json`);
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  rmSync(socket, { force: true });
  return {
    command: ['/bin/sh', '-c', endsWithStdin, program, 'run', '--config', file],
    env: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  };
}

/** Caddy does not notice that whoever started it is gone; the shell around it does, by its standard input. */
const endsWithStdin = `
exec 3<&0
"$0" "$@" </dev/null 3<&- &
caddy=$!
trap 'kill $caddy 2>/dev/null' TERM
( cat <&3 >/dev/null; kill $caddy 2>/dev/null ) &
exec 3<&-
wait $caddy
status=$?
wait $caddy 2>/dev/null
exit $status
`;

/** Whether its admin API answers. */
export function caddyAnswers({ folder }: DevCaddy, role: CaddyRole): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({
      socketPath: adminSocket(folder, role),
      path: '/config/',
      headers: { host: '' },
      setHost: false,
      agent: false,
    });
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

/** Tells the controller of them, as a person would of any Caddy; waits for Ready. */
export async function connectCaddy(client: ApiClient, { folder, ports }: DevCaddy): Promise<void> {
  const proxy = {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Proxy',
    metadata: { name: 'default' },
    spec: {
      type: 'caddy',
      endpoint: `unix://${encodeURI(adminSocket(folder, 'caddy'))}`,
      router: {
        endpoint: `unix://${encodeURI(adminSocket(folder, 'caddy-router'))}`,
        socket: join(folder, 'router.sock'),
      },
      baseDomain: 'localhost',
      bind: '127.0.0.1',
      ports,
      tls: 'off',
    },
  };
  const kind = kindNamed('Proxy');
  await client.apply(kind, proxy, { fieldManager: 'containr-dev', force: true });
  await waitForAll(client, [{ kind, name: 'default', namespace: undefined }], readyGoal, { timeoutMs: READY_MS });
}

function adminSocket(folder: string, role: CaddyRole): string {
  return join(folder, role === 'caddy' ? 'admin.sock' : 'router-admin.sock');
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function portsBefore(file: string): z.output<typeof Ports> | undefined {
  try {
    return Ports.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

async function freePort(wanted: number | undefined, other?: number): Promise<number> {
  const port = await choosePort(wanted ?? 0).catch(() => choosePort(0));
  return port === other ? freePort(undefined, other) : port;
}
