import { isRoot } from '../access/identity.ts';
import { requireAll } from '../access/permission.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { invalidParameters } from '../refusal.ts';
import { clusterResources } from './cluster-resources.ts';
import { vmidParameter, type Call, type CallContext } from './call.ts';
import { subdirs } from './guest-status-calls.ts';
import { recentTasks } from './task-list.ts';
import { version } from './version.ts';

/** What concerns the cluster as a whole. */
export const clusterCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/',
    permission: { user: 'all' },
    parameters: {},
    handle: () => subdirs('version cluster nodes storage access pools'),
  },
  { method: 'GET', path: '/version', permission: { user: 'all' }, parameters: {}, handle: () => version },
  {
    method: 'GET',
    path: '/cluster/status',
    protected: true,
    permission: { path: '/', privileges: ['Sys.Audit'] },
    parameters: {},
    handle: clusterStatus,
  },
  {
    method: 'GET',
    path: '/cluster/resources',
    permission: { user: 'all' },
    parameters: { type: { type: 'string', enum: ['vm', 'storage', 'node', 'sdn'], optional: true } },
    handle: ({ cluster, identity, args }) => clusterResources(cluster, identity, args.text('type')),
  },
  {
    method: 'GET',
    path: '/cluster/nextid',
    permission: { user: 'all' },
    parameters: { vmid: { ...vmidParameter, optional: true } },
    handle: ({ cluster, args }) => nextId(cluster, args.number('vmid')),
  },
  {
    method: 'GET',
    path: '/cluster/tasks',
    permission: { user: 'all' },
    parameters: {},
    handle: ({ cluster, identity }) => recentTasks(cluster, identity),
  },
  {
    method: 'GET',
    path: '/cluster/options',
    permission: { user: 'all' },
    parameters: {},
    handle: ({ cluster, identity }) =>
      cluster.access.has(identity, '/', 'Sys.Audit')
        ? { mac_prefix: 'BC:24:11', 'allowed-tags': [] }
        : { 'allowed-tags': [] },
  },
  {
    method: 'GET',
    path: '/access/permissions',
    permission: { user: 'all' },
    parameters: {
      path: { type: 'string', optional: true },
      userid: { type: 'string', pattern: /^[^\s:/]+@[A-Za-z][\w.-]+(![A-Za-z][\w.-]+)?$/, optional: true },
    },
    handle: permissions,
  },
];

function clusterStatus({ cluster, entryNode }: CallContext): unknown[] {
  const names = [...cluster.nodes.keys()];
  const nodes = [...cluster.nodes.values()].map(({ name, online }, index) => ({
    type: 'node',
    id: `node/${name}`,
    name,
    nodeid: names.length > 1 ? index + 1 : 0,
    ip: '127.0.0.1',
    local: name === entryNode ? 1 : 0,
    online: online ? 1 : 0,
    level: '',
  }));
  if (names.length === 1) return nodes;
  const whole = {
    type: 'cluster',
    id: 'cluster',
    name: 'sandbox',
    nodes: names.length,
    version: names.length,
    quorate: cluster.quorate ? 1 : 0,
  };
  return [whole, ...nodes];
}

function nextId(cluster: Cluster, asked: number | undefined): string {
  if (asked !== undefined) {
    if (cluster.guests.find(asked)) throw invalidParameters({ vmid: `VM ${asked} already exists` });
    return String(asked);
  }
  let vmid = 100;
  while (cluster.guests.find(vmid)) vmid += 1;
  return String(vmid);
}

const commonPaths = ['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms'];

/** Where the caller may do what, with whether it holds below. Another user's rights are for who may see them. */
function permissions({ cluster, identity, args }: CallContext): Record<string, Record<string, number>> {
  const { access } = cluster;
  const userid = args.text('userid');
  if (userid !== undefined && userid !== identity.id && !isRoot(identity)) {
    requireAll(access, identity, '/access', ['Sys.Audit']);
  }
  const [user = '', token] = (userid ?? identity.id).split('!');
  const whose = { id: userid ?? identity.id, user, token };
  const asked = args.text('path');
  const paths = asked === undefined ? [...new Set([...commonPaths, ...access.aclPaths()])] : [asked];
  const result: Record<string, Record<string, number>> = {};
  for (const path of paths) {
    const granted = access.privileges(whose, path);
    if (granted.size === 0) continue;
    result[path] = Object.fromEntries([...granted].map(([name, propagate]) => [name, propagate ? 1 : 0]));
  }
  return result;
}
