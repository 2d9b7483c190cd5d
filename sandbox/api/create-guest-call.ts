import type { Cluster } from '../cluster/cluster.ts';
import { requireAll, requireAny } from '../access/permission.ts';
import { isRoot, type Identity } from '../access/identity.ts';
import { createGuest, type NewGuest } from '../guests/create-guest.ts';
import { checkConfigRights } from '../guests/config-rights.ts';
import { emptyConfig, type Options } from '../guests/guest-config.ts';
import { readNic } from '../guests/guest-machine.ts';
import { readVolume } from '../guests/guest-volumes.ts';
import { normalizeOption } from '../guests/option-values.ts';
import { restoreGuest } from '../backup/restore-guest.ts';
import { forbidden, invalidParameters, Refusal } from '../refusal.ts';
import type { Arguments } from '../schema/arguments.ts';
import { guestOptions } from '../schema/guest-options.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import { guestParameters, type Call, type CallContext } from './call.ts';
import { checkVolumeAccess } from './volume-access.ts';

const flag = { type: 'boolean', optional: true } as const;

/** POST /nodes/{node}/lxc: makes a guest from a template or an image, or restores one. */
export const createGuestCall: Call = {
  method: 'POST',
  path: '/nodes/{node}/lxc',
  protected: true,
  proxied: true,
  permission: { user: 'all' },
  parameters: {
    ...guestParameters,
    ...guestOptions,
    ostemplate: { type: 'string', maxLength: 255 },
    bwlimit: { type: 'number', minimum: 0, optional: true },
    force: flag,
    'ha-managed': flag,
    'ignore-unpack-errors': flag,
    password: { type: 'string', minLength: 5, optional: true },
    pool: { type: 'string', format: 'pve-poolid', optional: true },
    restore: flag,
    'ssh-public-keys': { type: 'string', optional: true },
    start: flag,
    storage: { type: 'string', format: 'pve-storage-id', optional: true },
    unique: { type: 'boolean', optional: true, requires: 'restore' },
  },
  handle: ({ cluster, identity, args, node }: CallContext) => {
    cluster.requireQuorum();
    const vmid = Number(args.required('vmid'));
    const restore = args.flag('restore');
    const overwritten = refuseTaken(cluster, vmid, node, restore && args.flag('force'));
    checkSshKeys(args.text('ssh-public-keys'));
    const guest = readNewGuest(args, vmid, node, identity);
    checkRights(cluster, guest, overwritten);
    const storage = args.text('storage') ?? 'local';
    readDisks(cluster, guest, args, storage);
    if (!restore && !guest.disks.has('rootfs')) guest.disks.set('rootfs', `${storage}:4`);
    checkVolumeAccess(cluster, identity, node, vmid, guest.template, restore ? 'backup' : 'vztmpl');
    checkBridges(cluster, guest);

    if (overwritten) cluster.guests.update(vmid, (config) => config.options.set('lock', 'create'));
    else cluster.guests.create(vmid, node, lockedConfig());
    return cluster.tasks.start({
      node,
      type: restore ? 'vzrestore' : 'vzcreate',
      id: String(vmid),
      user: identity.id,
      work: restore
        ? (task) => restoreGuest(cluster, { ...guest, storage, overwritten, unique: args.flag('unique') }, task)
        : (task) => createGuest(cluster, guest, task),
    });
  },
};

/** True when a guest of this vmid is to be overwritten by a restore. */
function refuseTaken(cluster: Cluster, vmid: number, node: string, mayOverwrite: boolean): boolean {
  const known = cluster.guests.find(vmid);
  if (known?.node !== node || !mayOverwrite) {
    cluster.guests.refuseTaken(vmid);
    return false;
  }
  if (cluster.engine.isRunning(vmid)) throw new Refusal("can't overwrite running container");
  if (known.config.options.get('protection') === '1') {
    throw new Refusal(`unable to restore CT ${vmid} - protection mode enabled`);
  }
  return true;
}

function readNewGuest(args: Arguments, vmid: number, node: string, identity: Identity): NewGuest {
  const options: Options = new Map();
  for (const [name, value] of args.without(...notOptions)) {
    if (!isDisk(name)) options.set(name, normalizeOption(name, value));
  }
  return {
    vmid,
    node,
    identity,
    options,
    disks: new Map(),
    template: args.required('ostemplate'),
    pool: args.text('pool'),
    unprivileged: args.text('unprivileged') !== '0',
    start: args.flag('start'),
  };
}

const notOptions = [
  'node',
  'vmid',
  'ostemplate',
  'bwlimit',
  'force',
  'ha-managed',
  'ignore-unpack-errors',
  'password',
  'pool',
  'restore',
  'ssh-public-keys',
  'start',
  'storage',
  'unique',
  'unprivileged',
  'lock',
];

function isDisk(name: string): boolean {
  return name === 'rootfs' || /^(mp|unused)\d+$/.test(name);
}

function checkRights(cluster: Cluster, guest: NewGuest, overwritten: boolean): void {
  const { identity, vmid, pool, options, unprivileged } = guest;
  const { access } = cluster;
  if (pool !== undefined && !Object.hasOwn(access.pools(), pool)) throw forbidden(`pool '${pool}' does not exist`);
  const may =
    access.has(identity, `/vms/${vmid}`, 'VM.Allocate') ||
    (pool !== undefined && access.has(identity, `/pool/${pool}`, 'VM.Allocate')) ||
    (overwritten && access.has(identity, `/vms/${vmid}`, 'VM.Backup'));
  if (!may) throw forbidden();
  if (!unprivileged) requireAll(access, identity, '/', ['Sys.Modify']);
  checkConfigRights(access, identity, { vmid, pool, set: options, delete: [], unprivileged });
}

/** Reads and checks the disks that are asked for; a bare number means that many GiB on the default storage. */
function readDisks(cluster: Cluster, guest: NewGuest, args: Arguments, defaultStorage: string): void {
  const { identity, vmid, pool, unprivileged, disks } = guest;
  for (const [name, value] of args.without(...notOptions)) {
    if (!isDisk(name) || name.startsWith('unused')) continue;
    disks.set(name, /^\d+(\.\d+)?$/.test(value) ? `${defaultStorage}:${value}` : value);
  }
  checkConfigRights(cluster.access, identity, { vmid, pool, set: disks, delete: [], unprivileged });
  if (disks.size > 0 && !disks.has('rootfs')) {
    throw new Refusal("mount points configured, but 'rootfs' not set - aborting");
  }
  for (const value of disks.values()) {
    const volume = readVolume(value).get('volume') ?? '';
    const id = parseVolumeId(volume);
    if (!id) throw new Refusal('Only root can pass arbitrary filesystem paths.');
    checkTargetStorage(cluster, guest, id.storage);
    if (!/^\d+(\.\d+)?$/.test(id.name)) checkVolumeAccess(cluster, identity, guest.node, vmid, volume);
  }
  if (!disks.has('rootfs')) checkTargetStorage(cluster, guest, defaultStorage);
}

function checkTargetStorage(cluster: Cluster, { identity, node }: NewGuest, name: string): void {
  const { definition } = cluster.storages.enabled(name, node);
  if (!definition.content.includes('rootdir')) {
    throw invalidParameters({ storage: `storage '${name}' does not support container directories` });
  }
  requireAll(cluster.access, identity, `/storage/${name}`, ['Datastore.AllocateSpace']);
}

function checkBridges(cluster: Cluster, { identity, options }: NewGuest): void {
  for (const [name, value] of options) {
    if (/^net\d+$/.test(name)) checkBridge(cluster, identity, value);
  }
}

/** Refuses who may not put a guest on the bridge of this `netN`. */
export function checkBridge(cluster: Cluster, identity: Identity, value: string): void {
  const nic = readNic(value);
  const bridge = nic.get('bridge');
  if (bridge === undefined || isRoot(identity)) return;
  const tag = nic.get('tag');
  const path = `/sdn/zones/localnetwork/${bridge}${tag === undefined ? '' : `/${tag}`}`;
  requireAny(cluster.access, identity, path, ['SDN.Use']);
}

function checkSshKeys(keys: string | undefined): void {
  for (const line of keys?.split('\n') ?? []) {
    const good = line.trim() === '' || /^\s*(#|(?:[^\s]+\s+)?(ssh|ecdsa|sk)-\S+\s+[A-Za-z0-9+/=]+)/.test(line);
    if (!good) throw new Refusal('SSH public key validation error');
  }
}

function lockedConfig(): ReturnType<typeof emptyConfig> {
  const config = emptyConfig();
  config.options.set('lock', 'create');
  return config;
}
