import { guestStatus } from '../guests/guest-status.ts';
import { requireAll } from '../access/permission.ts';
import { invalidParameters, Refusal } from '../refusal.ts';
import { splitList } from '../schema/formats.ts';
import type { Call, CallContext } from './call.ts';

const poolid = { type: 'string', format: 'pve-poolid' } as const;
const flag = { type: 'boolean', optional: true } as const;
const comment = { type: 'string', optional: true } as const;

/** Pools: a guest is in one at most. */
export const poolCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/pools',
    permission: { user: 'all' },
    parameters: {
      poolid: { ...poolid, optional: true },
      type: { type: 'string', enum: ['qemu', 'lxc', 'storage'], optional: true, requires: 'poolid' },
    },
    handle: listPools,
  },
  {
    method: 'POST',
    path: '/pools',
    protected: true,
    permission: { path: '/pool/{poolid}', privileges: ['Pool.Allocate'] },
    parameters: { comment, poolid },
    handle: ({ cluster, args }) => {
      cluster.requireQuorum();
      const pool = args.required('poolid');
      if (Object.hasOwn(cluster.access.pools(), pool))
        throw new Refusal(`create pool failed: pool '${pool}' already exists`);
      cluster.access.putPool(pool, { comment: args.text('comment') ?? '', guests: [], storages: [] });
    },
  },
  {
    method: 'PUT',
    path: '/pools',
    protected: true,
    permission: { path: '/pool/{poolid}', privileges: ['Pool.Allocate'] },
    parameters: {
      'allow-move': flag,
      comment,
      delete: flag,
      poolid,
      storage: { type: 'string', format: 'pve-storage-id-list', optional: true },
      vms: { type: 'string', format: 'pve-vmid-list', optional: true },
    },
    handle: updatePool,
  },
  {
    method: 'DELETE',
    path: '/pools',
    protected: true,
    permission: { path: '/pool/{poolid}', privileges: ['Pool.Allocate'] },
    parameters: { poolid },
    handle: ({ cluster, args }) => {
      cluster.requireQuorum();
      const pool = args.required('poolid');
      const { guests, storages } = findPool(cluster, pool);
      if (guests.length + storages.length > 0) {
        throw new Refusal(`delete pool failed: pool '${pool}' is not empty`);
      }
      cluster.access.removePool(pool);
    },
  },
];

async function listPools({ cluster, identity, args }: CallContext): Promise<unknown[]> {
  const asked = args.text('poolid');
  if (asked === undefined) {
    return Object.entries(cluster.access.pools())
      .filter(([pool]) => cluster.access.has(identity, `/pool/${pool}`, 'Pool.Audit'))
      .map(([pool, content]) => ({ poolid: pool, ...(content.comment !== '' && { comment: content.comment }) }));
  }
  requireAll(cluster.access, identity, `/pool/${asked}`, ['Pool.Audit']);
  const { guests, comment: text } = findPool(cluster, asked);
  const members: unknown[] = [];
  for (const vmid of guests) {
    const guest = cluster.guests.find(vmid);
    if (guest) members.push({ id: `lxc/${vmid}`, node: guest.node, ...(await guestStatus(cluster, guest)) });
  }
  return [{ poolid: asked, members, ...(text !== '' && { comment: text }) }];
}

function updatePool({ cluster, identity, args }: CallContext): void {
  cluster.requireQuorum();
  const { access } = cluster;
  const pool = args.required('poolid');
  const known = findPool(cluster, pool);
  const vmids = splitList(args.text('vms') ?? '').map(Number);
  const names = splitList(args.text('storage') ?? '');
  for (const vmid of vmids) {
    requireAll(access, identity, `/vms/${vmid}`, ['VM.Allocate']);
    if (!cluster.guests.find(vmid)) throw new Refusal(`update pools failed: VM ${vmid} does not exist`);
    const other = access.poolOf(vmid);
    if (!args.flag('delete') && other !== undefined && other !== pool && !args.flag('allow-move')) {
      throw new Refusal(
        `update pools failed: VM ${vmid} belongs already to pool '${other}' and 'allow-move' is not set`,
      );
    }
  }
  for (const name of names) requireAll(access, identity, `/storage/${name}`, ['Datastore.Allocate']);
  const change = <T>(old: readonly T[], given: readonly T[]): T[] =>
    args.flag('delete') ? old.filter((item) => !given.includes(item)) : [...new Set([...old, ...given])];
  access.putPool(pool, {
    comment: args.text('comment') ?? known.comment,
    guests: change(known.guests, vmids),
    storages: change(known.storages, names),
  });
}

function findPool(
  cluster: CallContext['cluster'],
  pool: string,
): { comment: string; guests: number[]; storages: string[] } {
  const found = Object.hasOwn(cluster.access.pools(), pool) ? cluster.access.pools()[pool] : undefined;
  if (!found) throw invalidParameters({ poolid: `pool '${pool}' does not exist` });
  return found;
}
