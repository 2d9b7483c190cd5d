import type { Identity } from '../access/identity.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { nodeUsage } from '../cluster/node-usage.ts';
import type { Guest } from '../guests/guest-store.ts';

/**
 * The rows of /cluster/resources that the caller may see. Lock, tags, pool and place of a guest are live; the rest is what
 * the last statistics said, and `unknown` before they said anything.
 */
export function clusterResources(cluster: Cluster, identity: Identity, type: string | undefined): unknown[] {
  const wants = (kind: string): boolean => type === undefined || type === kind;
  const rows: unknown[] = [];
  if (wants('vm')) {
    for (const guest of cluster.guests.all()) {
      if (cluster.access.has(identity, `/vms/${guest.vmid}`, 'VM.Audit')) rows.push(guestRow(cluster, guest));
    }
  }
  if (wants('node')) for (const node of cluster.nodes.keys()) rows.push(nodeRow(cluster, identity, node));
  if (wants('storage')) rows.push(...storageRows(cluster, identity));
  if (wants('sdn')) rows.push(...zoneRows(cluster, identity));
  if (type === undefined) rows.push(...poolRows(cluster, identity));
  return rows;
}

function guestRow(cluster: Cluster, { vmid, node, config }: Guest): Record<string, unknown> {
  const pool = cluster.access.poolOf(vmid);
  const lock = config.options.get('lock');
  const tags = config.options.get('tags');
  const live = {
    id: `lxc/${vmid}`,
    type: 'lxc',
    vmid,
    node,
    ...(pool !== undefined && { pool }),
    ...(lock !== undefined && { lock }),
    ...(tags !== undefined && { tags }),
  };
  const stats = cluster.stats.guest(vmid);
  if (!stats) return { ...live, status: 'unknown' };
  return {
    ...live,
    status: stats.status,
    name: stats.name,
    template: stats.template ?? 0,
    uptime: stats.uptime,
    cpu: stats.cpu,
    maxcpu: stats.cpus,
    mem: stats.mem,
    maxmem: stats.maxmem,
    memhost: 0,
    disk: stats.disk,
    maxdisk: stats.maxdisk,
    netin: stats.netin,
    netout: stats.netout,
    diskread: stats.diskread,
    diskwrite: stats.diskwrite,
  };
}

function nodeRow(cluster: Cluster, identity: Identity, name: string): Record<string, unknown> {
  const row = { id: `node/${name}`, type: 'node', node: name, level: '', 'cgroup-mode': 2 };
  if (!cluster.node(name).online) return { ...row, status: 'offline' };
  if (!cluster.access.has(identity, `/nodes/${name}`, 'Sys.Audit')) return { ...row, status: 'online' };
  return { ...row, status: 'online', ...nodeUsage(cluster, name) };
}

function storageRows(cluster: Cluster, identity: Identity): unknown[] {
  return [...cluster.nodes.values()].flatMap(({ name: node, online }) =>
    cluster.storages
      .onNode(node)
      .filter(({ definition }) => maySeeStorage(cluster, identity, definition.name))
      .map((storage) => {
        const { name, type, content, shared } = storage.definition;
        const row = { id: `storage/${node}/${name}`, type: 'storage', storage: name, node, plugintype: type };
        const { total, used } = storage.space();
        return {
          ...row,
          status: online ? 'available' : 'unknown',
          shared: shared ? 1 : 0,
          content: content.join(','),
          ...(online && { disk: used, maxdisk: total }),
        };
      }),
  );
}

/** True for who may look at a storage or use it. */
export function maySeeStorage({ access }: Cluster, identity: Identity, storage: string): boolean {
  const path = `/storage/${storage}`;
  return access.has(identity, path, 'Datastore.Audit') || access.has(identity, path, 'Datastore.AllocateSpace');
}

function zoneRows(cluster: Cluster, identity: Identity): unknown[] {
  if (!cluster.access.has(identity, '/sdn/zones/localnetwork', 'SDN.Audit')) return [];
  return [...cluster.nodes.values()].map(({ name, online }) => ({
    id: `network/${name}/zone/localnetwork`,
    type: 'network',
    'network-type': 'zone',
    network: 'localnetwork',
    node: name,
    status: online ? 'ok' : 'unknown',
  }));
}

function poolRows(cluster: Cluster, identity: Identity): unknown[] {
  return Object.keys(cluster.access.pools())
    .filter((pool) => cluster.access.has(identity, `/pool/${pool}`, 'Pool.Audit'))
    .map((pool) => ({ id: `/pool/${pool}`, type: 'pool', pool }));
}
