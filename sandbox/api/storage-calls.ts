import { createHash } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.ts';
import type { Permission } from '../access/permission.ts';
import { invalidParameters } from '../refusal.ts';
import { splitList } from '../schema/formats.ts';
import type { StorageDefinition } from '../storage/storage-definition.ts';
import { maySeeStorage } from './cluster-resources.ts';
import { nodeParameter, storageParameters, type Call, type CallContext } from './call.ts';

const storagePath = '/nodes/{node}/storage/{storage}';
const mayLook: Permission = {
  path: '/storage/{storage}',
  privileges: ['Datastore.Audit', 'Datastore.AllocateSpace'],
  any: true,
};
const storageTypes = 'btrfs cephfs cifs dir esxi iscsi iscsidirect lvm lvmthin nfs pbs rbd zfs zfspool'.split(' ');

/** Storages and how full they are. */
export const storageCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/storage',
    permission: { user: 'all' },
    parameters: { type: { type: 'string', enum: storageTypes, optional: true } },
    handle: ({ cluster, identity, args }) =>
      cluster.storages
        .definitions()
        .filter(({ type }) => (args.text('type') ?? type) === type)
        .filter(({ name }) => maySeeStorage(cluster, identity, name))
        .map(configOf),
  },
  {
    method: 'GET',
    path: '/storage/{storage}',
    permission: { path: '/storage/{storage}', privileges: ['Datastore.Allocate'] },
    parameters: { storage: { type: 'string', format: 'pve-storage-id' } },
    handle: ({ cluster, args }) => configOf(cluster.storages.definition(args.required('storage'))),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: {
      ...nodeParameter,
      content: { type: 'string', format: 'pve-storage-content-list', optional: true },
      enabled: { type: 'boolean', optional: true },
      format: { type: 'boolean', optional: true },
      storage: { type: 'string', format: 'pve-storage-id', optional: true },
      target: { type: 'string', format: 'pve-node', optional: true },
    },
    handle: listStorages,
  },
  {
    method: 'GET',
    path: `${storagePath}/status`,
    protected: true,
    proxied: true,
    permission: mayLook,
    parameters: storageParameters,
    handle: ({ cluster, args, node }) => {
      const name = args.required('storage');
      const definition = cluster.storages.definitions().find((known) => known.name === name);
      if (!definition) throw invalidParameters({ storage: 'No such storage.' });
      return statusOf(cluster, definition, node);
    },
  },
];

function listStorages({ cluster, identity, args, node }: CallContext): unknown[] {
  const wanted = splitList(args.text('content') ?? '');
  return cluster.storages
    .definitions()
    .filter(({ name }) => (args.text('storage') ?? name) === name)
    .filter(({ name }) => maySeeStorage(cluster, identity, name))
    .filter(({ nodes }) => !nodes || nodes.includes(node))
    .filter(({ content }) => wanted.length === 0 || wanted.some((kind) => content.some((known) => known === kind)))
    .filter(({ disabled }) => !disabled || (wanted.length === 0 && !args.flag('enabled')))
    .map((definition) => {
      const status = statusOf(cluster, definition, node);
      const fraction = definition.disabled ? {} : { used_fraction: status.used / (status.total || 1) };
      return { storage: definition.name, ...status, ...fraction };
    });
}

function statusOf(cluster: Cluster, definition: StorageDefinition, node: string) {
  const { name, type, content, shared, disabled } = definition;
  const common = { type, content: content.join(','), shared: shared ? 1 : 0 };
  if (disabled) return { ...common, enabled: 0, active: 0, total: 0, used: 0, avail: 0 };
  const { total, used, available } = cluster.storages.enabled(name, node).space();
  return { ...common, enabled: 1, active: 1, total, used, avail: available };
}

function configOf(definition: StorageDefinition): Record<string, unknown> {
  const { name, type, content, shared, disabled, nodes, shownPath } = definition;
  return {
    storage: name,
    type,
    content: content.join(','),
    path: shownPath,
    digest: createHash('sha1').update(JSON.stringify(definition)).digest('hex'),
    ...(shared && { shared: 1 }),
    ...(disabled && { disable: 1 }),
    ...(nodes && { nodes: nodes.join(',') }),
  };
}
