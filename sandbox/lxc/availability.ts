import { existsSync, readFileSync } from 'node:fs';
import { detectCgroups } from './cgroups.ts';
import { ID_BASE, ID_COUNT } from './id-map.ts';
import { lxcStart } from './launch-guest.ts';
import { runCommand } from './run-command.ts';

/** Whether something can be done on this machine, and if not, why: one sentence for a person. */
export type Availability = { available: true } | { available: false; reason: string };

/** Whether real containers can run on this machine. The reason is one sentence for a person. Changes nothing. */
export async function lxcAvailability(): Promise<Availability> {
  const reason = staticObstacle() ?? (await privilegeObstacle());
  return reason === undefined ? { available: true } : { available: false, reason };
}

function staticObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'Containers need Linux, and this machine runs another system.';
  if (process.getuid?.() !== 0) return 'Containers need root, and this program runs as another user.';
  if (!existsSync(lxcStart)) return "Debian's package lxc is not installed (apt-get install lxc).";
  const missing = ['ip', 'unshare', 'nsenter', 'mount'].find((program) => !isInstalled(program));
  if (missing) return `The program '${missing}' is missing (apt-get install iproute2 util-linux mount).`;
  if (!mapsIds())
    return `The ids ${ID_BASE} to ${ID_BASE + ID_COUNT - 1} of containers do not exist for this program; it probably runs in a container itself.`;
  if (!allowsUserNamespaces()) return 'This kernel does not allow user namespaces, which unprivileged containers need.';
  if (!detectCgroups().controllers.has('memory')) return 'No memory control group is mounted below /sys/fs/cgroup.';
  return undefined;
}

/** Only trying shows whether root may really do it. Both attempts happen in a namespace that is gone at once. */
async function privilegeObstacle(): Promise<string | undefined> {
  const mount = await runCommand('unshare', [
    '--mount',
    '--propagation',
    'private',
    'mount',
    '-t',
    'tmpfs',
    'tmpfs',
    '/mnt',
  ]);
  if (mount.code !== 0) return 'Root may not mount file systems here, so no container can be started.';
  const bridge = await runCommand('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', 'bridge']);
  if (bridge.code !== 0) return 'Root may not make network bridges here, so containers would have no network.';
  return undefined;
}

function isInstalled(program: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(`${folder}/${program}`));
}

function mapsIds(): boolean {
  return ['uid_map', 'gid_map'].every((file) =>
    readFileSync(`/proc/self/${file}`, 'utf8')
      .trim()
      .split('\n')
      .some((line) => {
        const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
        return first <= ID_BASE && ID_BASE + ID_COUNT <= first + count;
      }),
  );
}

function allowsUserNamespaces(): boolean {
  if (!existsSync('/proc/self/ns/user')) return false;
  return Number(readFileSync('/proc/sys/user/max_user_namespaces', 'utf8')) > 0;
}
