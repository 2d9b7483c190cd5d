import { checkConfigRights } from '../guests/config-rights.ts';
import { withPending, type GuestConfig, type Options, type Snapshot } from '../guests/guest-config.ts';
import type { Guest } from '../guests/guest-store.ts';
import { updateConfig } from '../guests/update-config.ts';
import { requireAll } from '../access/permission.ts';
import { invalidParameters, Refusal } from '../refusal.ts';
import { splitList } from '../schema/formats.ts';
import { guestOptions } from '../schema/guest-options.ts';
import { findParameter } from '../schema/parameter.ts';
import { guestParameters, onGuest, vmidOf, type Call, type CallContext } from './call.ts';
import { checkBridge } from './create-guest-call.ts';
import { checkDiskChanges } from './disk-rights.ts';

const snapshotName = { type: 'string', format: 'pve-configid', maxLength: 40 } as const;

/** Reading and changing a container's config. */
export const guestConfigCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/lxc/{vmid}/config',
    proxied: true,
    permission: onGuest('VM.Audit'),
    parameters: {
      ...guestParameters,
      current: { type: 'boolean', optional: true },
      snapshot: { ...snapshotName, optional: true },
    },
    handle: (context) => {
      const { cluster, args, node } = context;
      const guest = cluster.guests.get(vmidOf(context), node);
      const shown = chooseOptions(guest.config, args.text('snapshot'), args.flag('current'));
      requireOptionsRight(context, guest, shown.options);
      return { ...typedOptions(shown.options), ...rawField(shown), digest: guest.digest };
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/lxc/{vmid}/pending',
    proxied: true,
    permission: onGuest('VM.Audit'),
    parameters: guestParameters,
    handle: (context) => {
      const guest = context.cluster.guests.get(vmidOf(context), context.node);
      requireOptionsRight(context, guest, guest.config.options);
      return pendingList(guest);
    },
  },
  {
    method: 'PUT',
    path: '/nodes/{node}/lxc/{vmid}/config',
    protected: true,
    proxied: true,
    permission: {
      path: '/vms/{vmid}',
      privileges: ['VM.Config.Disk', 'VM.Config.CPU', 'VM.Config.Memory', 'VM.Config.Network', 'VM.Config.Options'],
      any: true,
    },
    parameters: {
      ...guestParameters,
      ...guestOptions,
      delete: { type: 'string', format: 'pve-configid-list', optional: true },
      digest: { type: 'string', maxLength: 40, optional: true },
      revert: { type: 'string', format: 'pve-configid-list', optional: true },
    },
    handle: putConfig,
  },
];

async function putConfig(context: CallContext): Promise<void> {
  const { cluster, args, identity, node } = context;
  cluster.requireQuorum();
  const vmid = vmidOf(context);
  const set = args.without('node', 'vmid', 'delete', 'revert', 'digest');
  const deleted = splitList(args.text('delete') ?? '');
  const revert = splitList(args.text('revert') ?? '');
  if (set.size + deleted.length + revert.length === 0) throw new Refusal('no options specified');
  for (const name of deleted) {
    if (set.has(name)) {
      throw invalidParameters({ delete: `you can't use '-${name}' and -delete ${name}' at the same time` });
    }
    if (!findParameter(guestOptions, name)) throw invalidParameters({ delete: `unknown option '${name}'` });
  }
  for (const name of revert) {
    if (!findParameter(guestOptions, name)) throw invalidParameters({ revert: `unknown option '${name}'` });
  }
  const guest = cluster.guests.get(vmid, node);
  const unprivileged = guest.config.options.get('unprivileged') === '1';
  checkConfigRights(cluster.access, identity, {
    vmid,
    pool: undefined,
    set: changed(set, guest.config.options),
    delete: deleted.filter((name) => guest.config.options.has(name)),
    unprivileged,
  });
  for (const [name, value] of set) if (/^net\d+$/.test(name)) checkBridge(cluster, identity, value);
  checkDiskChanges(context, vmid, set);
  await updateConfig(cluster, vmid, node, { set, delete: deleted, revert, digest: args.text('digest') });
}

/** An option that is set to what it is needs no right of its own. */
function changed(set: Options, options: Options): Options {
  return new Map([...set].filter(([name, value]) => options.get(name) !== value));
}

function chooseOptions(
  config: GuestConfig,
  snapshot: string | undefined,
  current: boolean,
): { options: Options; raw: Snapshot['raw'] } {
  if (snapshot === undefined) return { options: current ? config.options : withPending(config), raw: config.raw };
  const found = config.snapshots.get(snapshot);
  if (!found) throw new Refusal(`snapshot '${snapshot}' does not exist`);
  return found;
}

/** The environment may hold secrets: it takes more than VM.Audit to see it, and Proxmox refuses instead of hiding it. */
function requireOptionsRight({ cluster, identity }: CallContext, { vmid }: Guest, options: Options): void {
  if (options.has('env')) requireAll(cluster.access, identity, `/vms/${vmid}`, ['VM.Config.Options']);
}

/** Integers and booleans are numbers in JSON, everything else is text. */
export function typedOptions(options: Options): Record<string, string | number> {
  return Object.fromEntries([...options].map(([name, value]) => [name, typed(name, value)]));
}

/** liblxc's own keys, as the config shows them. */
export function rawField({ raw }: Pick<GuestConfig, 'raw'>): { lxc?: Snapshot['raw'] } {
  return raw.length === 0 ? {} : { lxc: raw };
}

function pendingList({ config, digest }: Guest): Record<string, unknown>[] {
  const names = new Set([...config.options.keys(), ...config.pending.keys(), ...config.pendingDelete.keys()]);
  const rows = [...names].map((name) => {
    const value = config.options.get(name);
    const pending = config.pending.get(name);
    const force = config.pendingDelete.get(name);
    return {
      key: name,
      ...(value !== undefined && { value: typed(name, value) }),
      ...(pending !== undefined && { pending: typed(name, pending) }),
      ...(force !== undefined && { delete: force ? 2 : 1 }),
    };
  });
  return [...rows, { key: 'digest', value: digest }];
}

function typed(name: string, value: string): string | number {
  const type = name === 'snaptime' ? 'integer' : findParameter(guestOptions, name)?.type;
  return type === 'integer' || type === 'boolean' ? Number(value) : value;
}
