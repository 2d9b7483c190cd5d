import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { cpuCores, quantityBytes, quantityMiB } from '../../crds/quantity.ts';
import { encodeGuestConfig, type GuestConfig as SupervisorConfig } from '../providers/guest/encode-config.ts';
import { SEALED_SINCE, type ConfigSeal } from '../providers/guest/seal-config.ts';
import type { GuestChanges, GuestConfig } from '../providers/proxmox/client.ts';
import { netText, parseNet } from '../providers/proxmox/net.ts';
import { identityOf } from '../shared/guest-identity.ts';
import { descriptionFor, tagsFor, type GuestMarks } from '../shared/guest-marks.ts';
import { stableHash } from '../shared/stable-hash.ts';

/** Where the supervisor of every guest listens. */
export const SUPERVISOR_PORT = 10_301;

/** The config that a guest shall have on Proxmox, whole. */
export interface DesiredGuest {
  marks: GuestMarks;
  hostname: string;
  description: string;
  tags: readonly string[];
  memoryMiB: number;
  swapMiB: number;
  cores: number;
  cpuLimit: number;
  rootfsGiB: number;
  entrypoint: string;
  /** Undefined while a reference in it leads nowhere: what the guest has stays. */
  env: readonly string[] | undefined;
  /** Whether Proxmox starts it with its node. A process that must not run twice is started by nobody but us. */
  onboot: boolean;
  net0: string;
  nameservers: readonly string[];
  searchDomain: string | undefined;
  /** Changes when the process has to be started anew to see its configuration; a command that may be run is no reason. */
  processDigest: string;
  /** What `processDigest` is while the guest is held; a guest that was started with it needs no restart to be released. */
  heldDigest: string;
  /** Changes when anything does. */
  digest: string;
}

export interface DesiredInput {
  guest: Guest;
  network: ProxmoxCluster['spec']['network'];
  installation: string;
  environment: readonly string[] | undefined;
  /** The environment with references in place of their values. */
  shape: readonly string[];
  /** What the supervisor and the controller share. */
  secret: string;
  seal: ConfigSeal;
}

const restartWords = { Always: 'always', OnFailure: 'on-failure', Never: 'never' } as const;

/** From spec and what was reserved to Proxmox's own words. Pure. */
export function desiredGuest({
  guest,
  network,
  installation,
  environment,
  shape,
  secret,
  seal,
}: DesiredInput): DesiredGuest {
  const { spec, metadata, status } = guest;
  const marks = { installation, uid: metadata.uid };
  const cpu = cpuCores(spec.resources.cpu);
  const configFor = (
    env: readonly string[],
    extras: Pick<SupervisorConfig, 'commands' | 'hold'> = {},
  ): SupervisorConfig => ({
    command: spec.process.command,
    env,
    user: spec.process.user,
    workingDir: spec.process.workingDir,
    stopSignal: spec.process.stopSignal,
    stopTimeoutMs: durationMs(spec.process.stopTimeout),
    restart: restartWords[spec.process.restart],
    secret,
    port: SUPERVISOR_PORT,
    hostname: spec.hostname,
    nameservers: network.nameservers,
    volumes: spec.mounts.map(({ mountPath }) => mountPath),
    search: network.searchDomain === undefined ? [] : [network.searchDomain],
    ...(spec.ports[0] && { readyPort: spec.ports[0].port }),
    ...(network.addressing === 'static' &&
      status.reservedAddress !== undefined && { listen: hostOf(status.reservedAddress) }),
    ...extras,
  });
  const told = environment && configFor(environment, { commands: spec.commands, hold: spec.hold });
  // An older supervisor takes the plain form only.
  const sealFor = (spec.artifact.supervisor ?? 1) >= SEALED_SINCE ? seal : undefined;
  const desired = {
    marks,
    hostname: spec.hostname,
    description: descriptionFor(identityOf(guest, installation)),
    tags: tagsFor(marks),
    memoryMiB: Math.max(16, quantityMiB(spec.resources.memory)),
    swapMiB: 0,
    cores: Math.max(1, Math.ceil(cpu)),
    cpuLimit: cpu,
    rootfsGiB: Math.max(0.1, Math.ceil((quantityBytes(spec.resources.storage) / 2 ** 30) * 100) / 100),
    entrypoint: '/.containr/init',
    env: told && [`CONTAINR_CONFIG=${encodeGuestConfig(told, sealFor)}`],
    onboot: spec.process.restart !== 'Never',
    net0: netText({
      name: 'eth0',
      bridge: network.bridge,
      mac: status.mac,
      vlan: network.vlan,
      ip: network.addressing === 'static' ? status.reservedAddress : 'dhcp',
      gateway: network.addressing === 'static' ? network.gateway : undefined,
    }),
    nameservers: network.nameservers,
    searchDomain: network.searchDomain,
  };
  const process = [desired.entrypoint, [`CONTAINR_CONFIG=${encodeGuestConfig(configFor(shape))}`], spec.restartedAt];
  const heldDigest = stableHash([...process, 'held']);
  return {
    ...desired,
    processDigest: spec.hold ? heldDigest : stableHash(process),
    heldDigest,
    digest: stableHash(desired),
  };
}

/**
 * What has to be changed on a guest so that it is as desired; empty when it is. The archive and root disk stay as made, and
 * every other disk is its Volume's: no `mpN` or `unusedN` is ever among the changes.
 */
export function differences(desired: DesiredGuest, actual: GuestConfig): GuestChanges {
  return {
    ...(actual.hostname !== desired.hostname && { hostname: desired.hostname }),
    ...(actual.description?.trimEnd() !== desired.description.trimEnd() && { description: desired.description }),
    ...(!sameSet(actual.tags, desired.tags) && {
      tags: [...new Set([...desired.tags, ...actual.tags.filter(isForeignTag)])],
    }),
    ...(actual.memoryMiB !== desired.memoryMiB && { memoryMiB: desired.memoryMiB }),
    ...(actual.swapMiB !== desired.swapMiB && { swapMiB: desired.swapMiB }),
    ...(actual.cores !== desired.cores && { cores: desired.cores }),
    ...((actual.cpuLimit ?? 0) !== desired.cpuLimit && { cpuLimit: desired.cpuLimit }),
    ...(actual.entrypoint !== desired.entrypoint && { entrypoint: desired.entrypoint }),
    ...(desired.env && !sameList(actual.env, desired.env) && { env: desired.env }),
    ...(actual.onboot !== desired.onboot && { onboot: desired.onboot }),
    ...(!sameNet(actual.nets['net0'], desired.net0) && { net0: desired.net0 }),
  };
}

/** The address of a CIDR: "10.40.0.51/24" is reached at 10.40.0.51. */
export function hostOf(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}

/** Tags that people add for themselves are theirs. */
function isForeignTag(tag: string): boolean {
  return !tag.startsWith('containr');
}

function sameSet(actual: readonly string[], wanted: readonly string[]): boolean {
  return (
    wanted.every((tag) => actual.includes(tag)) && actual.filter((tag) => !isForeignTag(tag)).length === wanted.length
  );
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Proxmox adds keys of its own (`type=veth`); those we wrote must be as we wrote them. */
function sameNet(actual: string | undefined, desired: string): boolean {
  const found = parseNet(actual ?? '');
  return [...parseNet(desired)].every(([key, value]) => found.get(key)?.toLowerCase() === value.toLowerCase());
}
