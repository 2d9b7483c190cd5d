import type { AccessControl } from '../access/access-control.ts';
import { isRoot, type Identity } from '../access/identity.ts';
import { requireAll } from '../access/permission.ts';
import type { Privilege } from '../access/privileges.ts';
import { forbidden } from '../refusal.ts';
import { featuresFormat } from '../schema/guest-options.ts';
import { readProperties } from '../schema/property-string.ts';
import { readVolume } from './guest-volumes.ts';
import type { Options } from './guest-config.ts';

/** A change to a guest's config that somebody asks for. */
export interface ConfigChange {
  vmid: number;
  /** The pool that the guest is to be made in. */
  pool: string | undefined;
  set: Options;
  delete: readonly string[];
  unprivileged: boolean;
}

/** Refuses who may not make this change, option by option. */
export function checkConfigRights(access: AccessControl, identity: Identity, change: ConfigChange): void {
  if (isRoot(identity)) return;
  for (const [name, value] of change.set) checkOption(access, identity, change, name, value);
  for (const name of change.delete) checkOption(access, identity, change, name, undefined);
}

/** Refuses who has the privilege neither on the guest nor on the pool it is made in. */
export function requireOnGuest(
  access: AccessControl,
  identity: Identity,
  { vmid, pool }: Pick<ConfigChange, 'vmid' | 'pool'>,
  privilege: Privilege,
): void {
  if (pool !== undefined && access.has(identity, `/pool/${pool}`, privilege)) return;
  requireAll(access, identity, `/vms/${vmid}`, [privilege]);
}

function checkOption(
  access: AccessControl,
  identity: Identity,
  change: ConfigChange,
  name: string,
  value: string | undefined,
): void {
  switch (name.replace(/\d+$/, '')) {
    case 'cores':
    case 'cpulimit':
    case 'cpuunits':
      return requireOnGuest(access, identity, change, 'VM.Config.CPU');
    case 'memory':
    case 'swap':
      return requireOnGuest(access, identity, change, 'VM.Config.Memory');
    case 'rootfs':
    case 'mp':
    case 'unused':
      requireOnGuest(access, identity, change, 'VM.Config.Disk');
      return checkMountType(value);
    case 'net':
    case 'nameserver':
    case 'searchdomain':
    case 'hostname':
      return requireOnGuest(access, identity, change, 'VM.Config.Network');
    case 'features':
      checkFeatures(value, change.unprivileged);
      return requireOnGuest(access, identity, change, 'VM.Allocate');
    case 'hookscript':
      throw forbidden('changing the hookscript is only allowed for root@pam');
    case 'dev':
      throw forbidden('configuring device passthrough is only allowed for root@pam');
    case 'tags':
      return requireAll(access, identity, `/vms/${change.vmid}`, ['VM.Config.Options']);
    default:
      return requireOnGuest(access, identity, change, 'VM.Config.Options');
  }
}

function checkMountType(value: string | undefined): void {
  const volume = value === undefined ? undefined : readVolume(value).get('volume');
  if (volume === undefined || !volume.startsWith('/')) return;
  const type = volume.startsWith('/dev/') ? 'device' : 'bind';
  throw forbidden(`mount point type ${type} is only allowed for root@pam`);
}

function checkFeatures(value: string | undefined, unprivileged: boolean): void {
  if (!unprivileged) {
    throw forbidden('changing feature flags for privileged container is only allowed for root@pam');
  }
  const read = readProperties(featuresFormat, value ?? '');
  const others = read.problem === undefined ? [...read.properties].filter(([key]) => key !== 'nesting') : [];
  if (others.some(([, setting]) => setting !== '0')) {
    throw forbidden('changing feature flags (except nesting) is only allowed for root@pam');
  }
}
