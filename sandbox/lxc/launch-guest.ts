import { readFile, rm } from 'node:fs/promises';
import { EngineError } from '../engine/engine.ts';
import type { StagedFolder } from './guest-config.ts';
import type { GuestFolder, InstanceNames } from './instance-names.ts';
import { commandLine, firstChild, readProcess } from './process-status.ts';
import { runCommand } from './run-command.ts';

/** The two processes of a running guest, each with its start time, so that a pid given away again is not mistaken. */
export interface GuestProcesses {
  monitor: ProcessId;
  init: ProcessId;
}

/** One process for ever: a pid alone is given away again. */
export interface ProcessId {
  pid: number;
  startTicks: number;
}

/** Where Debian's lxc package puts it. */
export const lxcStart = '/usr/bin/lxc-start';

/** What is to be started. */
export interface Launch {
  vmid: number;
  names: InstanceNames;
  files: GuestFolder;
  folders: readonly StagedFolder[];
  entrypoint: readonly string[];
}

/**
 * LXC insists that container root can walk to every folder it mounts, but a data folder often lies below one that only
 * root may enter. So the folders are mounted at a place everybody may enter, in a mount namespace that only LXC's
 * monitor has: it is gone, mounts and all, when the monitor ends. LXC's lock files end up there too.
 *
 * Arguments: LXC's folder, pairs of source and place, `--`, the command.
 */
const script = `
mount -t tmpfs -o mode=755,size=1m tmpfs /run/lxc
mkdir -p "$1" /run/lxc/guest
shift
while [ "$1" != -- ]; do
  mkdir "$2"
  mount --bind "$1" "$2"
  shift 2
done
shift
exec env -i PATH=/usr/sbin:/sbin "$@"
`;

/**
 * Starts LXC for a guest whose configuration is written, and resolves once the entrypoint was executed; undefined when it
 * has ended already. LXC's monitor belongs to nobody afterwards, so the guest outlives us.
 */
export async function launchGuest({
  vmid,
  names,
  files,
  folders,
  entrypoint,
}: Launch): Promise<GuestProcesses | undefined> {
  await rm(files.log, { force: true });
  const container = names.container(vmid);
  // Without newuidmap in PATH LXC writes the id map itself, and no entry in /etc/subuid is needed.
  const lxc = [lxcStart, '-P', names.lxcPath, '-n', container, '-f', files.config, '-p', files.pid];
  const command = [...lxc, '-o', files.log, '-l', 'ERROR', '-d', '--', ...entrypoint];
  const pairs = folders.flatMap(({ source, staged }) => [source, staged]);
  const args = [
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-ec',
    script,
    'start',
    names.lxcPath,
    ...pairs,
    '--',
    ...command,
  ];

  const { code, stderr } = await runCommand('unshare', args, { timeoutMs: 120_000 });
  if (code !== 0) throw await startupFailure(vmid, container, files, stderr);
  return readGuestProcesses(vmid, names, files);
}

/** The processes of a guest that runs, found by the file its monitor wrote; undefined when it does not run. */
export async function readGuestProcesses(
  vmid: number,
  names: InstanceNames,
  files: GuestFolder,
): Promise<GuestProcesses | undefined> {
  const monitorPid = Number(await readFile(files.pid, 'utf8').catch(() => ''));
  const isOurs = monitorPid > 0 && commandLine(monitorPid).split(' ').includes(names.container(vmid));
  const monitor = isOurs ? readProcess(monitorPid) : undefined;
  const initPid = monitor ? firstChild(monitorPid) : undefined;
  const init = initPid === undefined ? undefined : readProcess(initPid);
  if (!monitor || initPid === undefined || !init) return undefined;
  return { monitor: { pid: monitorPid, ...monitor }, init: { pid: initPid, ...init } };
}

async function startupFailure(
  vmid: number,
  container: string,
  files: GuestFolder,
  stderr: string,
): Promise<EngineError> {
  const log = (await readFile(files.log, 'utf8').catch(() => ''))
    .split('\n')
    .flatMap((line) => logLine(line, container, vmid));
  return new EngineError(`startup for container '${vmid}' failed`, log.length > 0 ? log : stderr.trim().split('\n'));
}

/**
 * LXC writes `lxc-start NAME TIME LEVEL CATEGORY - FILE:FUNCTION:LINE - TEXT`; the task log shows `FUNCTION: LINE TEXT`.
 * Lines of the start tool itself only advise to look into the log.
 */
function logLine(line: string, container: string, vmid: number): string[] {
  const match = /^lxc-start \S+ \S+ +\S+ +(\S+) - [^:]*:([^:]*):(\d+) - (.*)$/.exec(line);
  if (!match || match[1] === 'lxc_start') return [];
  return [`${match[2]}: ${match[3]} ${match[4]}`.replaceAll(container, String(vmid))];
}
