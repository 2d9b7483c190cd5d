import type { GuestMachine, GuestNic } from '../engine/engine.ts';
import { EngineError } from '../engine/engine.ts';
import type { LimitSetting } from './guest-limits.ts';
import { signalNumber } from './halt-signal.ts';
import { hostId, ID_BASE, ID_COUNT } from './id-map.ts';
import type { InstanceNames } from './instance-names.ts';

/** A folder of this machine and the place where LXC finds it while a guest starts. */
export interface StagedFolder {
  source: string;
  staged: string;
}

/** What a configuration depends on beside the guest itself. */
export interface GuestConfigContext {
  names: InstanceNames;
  limits: readonly LimitSetting[];
  /** The address for each interface with `ip=dhcp`, as CIDR, and the gateway they all get. */
  leases: ReadonlyMap<string, string>;
  gateway: string;
  seccompProfile: string | undefined;
  apparmor: boolean;
}

/** Where LXC looks for a guest's folders. Only the guest's own monitor sees this place: see launch-guest.ts. */
export const stage = '/run/lxc/guest';

/** Folders that must be staged before LXC can start the guest, the root file system first. */
export function stagedFolders(machine: GuestMachine): StagedFolder[] {
  const mounts = machine.mounts.map(({ path }, index) => ({ source: path, staged: `${stage}/mount${index}` }));
  return [{ source: machine.rootfs, staged: `${stage}/rootfs` }, ...mounts];
}

/** The guest's LXC configuration. Throws EngineError for a value that LXC's format cannot hold. */
export function renderGuestConfig(machine: GuestMachine, context: GuestConfigContext): string {
  const { names, limits } = context;
  const cgroup = names.guestCgroup(machine.vmid);
  const lines: Array<[string, string]> = [
    ['lxc.uts.name', hostname(machine.hostname)],
    ['lxc.rootfs.path', `dir:${stage}/rootfs`],
    ['lxc.idmap', `u 0 ${ID_BASE} ${ID_COUNT}`],
    ['lxc.idmap', `g 0 ${ID_BASE} ${ID_COUNT}`],
    ...(context.seccompProfile ? [['lxc.seccomp.profile', context.seccompProfile] satisfies [string, string]] : []),
    ...(context.apparmor ? [['lxc.apparmor.profile', 'generated'] satisfies [string, string]] : []),
    ['lxc.autodev', '1'],
    ['lxc.pty.max', '1024'],
    ['lxc.tty.max', '2'],
    ['lxc.tty.dir', ''],
    ['lxc.mount.auto', 'cgroup:mixed proc:mixed sys:mixed'],
    ['lxc.mount.entry', 'tmpfs dev/shm tmpfs rw,nosuid,nodev,create=dir 0 0'],
    ...machine.mounts.map((mount, index): [string, string] => {
      const options = `bind,create=dir${mount.readOnly ? ',ro' : ''}`;
      return ['lxc.mount.entry', `${stage}/mount${index} ${mountTarget(mount.mountPath)} none ${options} 0 0`];
    }),
    ['lxc.cgroup.dir.monitor', `${cgroup}/monitor`],
    ['lxc.cgroup.dir.monitor.pivot', `${cgroup}/pivot`],
    ['lxc.cgroup.dir.container', `${cgroup}/guest`],
    ...limits.map(({ version, file, value }): [string, string] => [
      `lxc.cgroup${version === 2 ? '2' : ''}.${file}`,
      value,
    ]),
    ...machine.nics.flatMap((nic, index) => networkLines(nic, index, machine.vmid, context)),
    ['lxc.init.uid', String(hostId(machine.uid, 'the entrypoint') - ID_BASE)],
    ['lxc.init.gid', String(hostId(machine.gid, 'the entrypoint') - ID_BASE)],
    ['lxc.init.cwd', machine.cwd || '/'],
    ['lxc.signal.halt', String(signalNumber(machine.haltSignal))],
    ['lxc.environment', 'TERM=linux'],
    ...machine.env.map((entry): [string, string] => ['lxc.environment', entry]),
  ];
  return lines.map(([key, value]) => `${key} = ${oneLine(key, value)}\n`).join('');
}

function networkLines(
  nic: GuestNic,
  index: number,
  vmid: number,
  { names, leases, gateway }: GuestConfigContext,
): Array<[string, string]> {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(nic.name))
    throw new EngineError(`'${nic.name}' is no name for a network interface`);
  if (!/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$/.test(nic.mac)) throw new EngineError(`'${nic.mac}' is no MAC address`);
  const key = `lxc.net.${index}`;
  const leased = nic.ip === 'dhcp' ? leases.get(nic.mac) : undefined;
  const address = leased ?? (nic.ip === undefined || nic.ip === 'manual' || nic.ip === 'dhcp' ? undefined : nic.ip);
  const via = leased === undefined ? nic.gateway : gateway;
  return [
    [`${key}.type`, 'veth'],
    [`${key}.link`, names.bridge],
    [`${key}.veth.pair`, names.link(vmid, index)],
    [`${key}.name`, nic.name],
    [`${key}.hwaddr`, nic.mac],
    [`${key}.flags`, 'up'],
    ...(address === undefined ? [] : [[`${key}.ipv4.address`, address] satisfies [string, string]]),
    ...(address === undefined || via === undefined ? [] : [[`${key}.ipv4.gateway`, via] satisfies [string, string]]),
  ];
}

function hostname(name: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(name)) return name;
  throw new EngineError(`'${name}' is no host name`);
}

/** LXC reads mount lines as fstab does, where white space is written in octal, and the target without leading slash. */
function mountTarget(path: string): string {
  const relative = path.replace(/^\/+/, '');
  if (relative === '' || relative.split('/').includes('..')) {
    throw new EngineError(`a volume cannot be mounted at '${path}'`);
  }
  return relative.replaceAll(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** A value with a line break would add lines of its own to the configuration. */
function oneLine(key: string, value: string): string {
  if (!['\0', '\n', '\r'].some((char) => value.includes(char))) return value;
  throw new EngineError(`a value of ${key} contains a line break, which a container's configuration cannot hold`);
}
