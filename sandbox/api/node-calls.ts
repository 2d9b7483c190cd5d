import { nodeUsage } from '../cluster/node-usage.ts';
import type { Privilege } from '../access/privileges.ts';
import { Refusal } from '../refusal.ts';
import { guestParameters, nodeParameter, onGuest, vmidOf, type Call, type CallContext } from './call.ts';
import { version } from './version.ts';

const indexNames =
  'aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts journal lxc migrateall netstat network qemu query-oci-repo-tags query-url-metadata replication report rrd rrddata scan sdn services spiceshell startall status stopall storage subscription suspendall syslog tasks termproxy time version vncshell vzdump wakeonlan';
const timeframes = ['hour', 'day', 'week', 'month', 'year'];
const consolidation = { type: 'string', enum: ['AVERAGE', 'MAX'], optional: true } as const;

/** The nodes themselves. */
export const nodeCalls: readonly Call[] = [
  { method: 'GET', path: '/nodes', permission: { user: 'all' }, parameters: {}, handle: listNodes },
  {
    method: 'GET',
    path: '/nodes/{node}',
    permission: { user: 'all' },
    parameters: nodeParameter,
    handle: () => indexNames.split(' ').map((name) => ({ name })),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/status',
    proxied: true,
    permission: { path: '/nodes/{node}', privileges: ['Sys.Audit'] },
    parameters: nodeParameter,
    handle: nodeStatus,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/version',
    proxied: true,
    permission: { user: 'all' },
    parameters: nodeParameter,
    handle: () => version,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/dns',
    proxied: true,
    permission: { path: '/nodes/{node}', privileges: ['Sys.Audit'] },
    parameters: nodeParameter,
    handle: () => ({ dns1: '127.0.0.53' }),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/network',
    proxied: true,
    permission: { user: 'all' },
    parameters: {
      ...nodeParameter,
      type: {
        type: 'string',
        enum: [
          'bridge',
          'bond',
          'eth',
          'alias',
          'vlan',
          'fabric',
          'OVSBridge',
          'OVSBond',
          'OVSPort',
          'OVSIntPort',
          'vnet',
          'any_bridge',
          'any_local_bridge',
          'include_sdn',
        ],
        optional: true,
      },
    },
    handle: listBridges,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/rrddata',
    protected: true,
    permission: { path: '/nodes/{node}', privileges: ['Sys.Audit'] },
    parameters: {
      ...nodeParameter,
      cf: consolidation,
      timeframe: { type: 'string', enum: [...timeframes, 'decade'] },
    },
    handle: ({ cluster, node }) => {
      if (!cluster.nodes.has(node)) throw new Refusal(`no such cluster node '${node}'`);
      return [{ time: minuteOf(cluster.now()), ...nodeUsage(cluster, node) }];
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/lxc/{vmid}/rrddata',
    protected: true,
    permission: onGuest('VM.Audit'),
    parameters: { ...guestParameters, cf: consolidation, timeframe: { type: 'string', enum: timeframes } },
    handle: guestHistory,
  },
];

function listNodes({ cluster, identity }: CallContext): unknown[] {
  return [...cluster.nodes.values()].map(({ name, online }) => {
    const row = {
      id: `node/${name}`,
      node: name,
      type: 'node',
      status: online ? 'online' : 'offline',
      level: '',
      ssl_fingerprint: cluster.fingerprint,
    };
    const seesMore = online && cluster.access.has(identity, `/nodes/${name}`, 'Sys.Audit');
    return seesMore ? { ...row, ...nodeUsage(cluster, name) } : row;
  });
}

function nodeStatus({ cluster, node }: CallContext): Record<string, unknown> {
  const { cpu, maxcpu, mem, maxmem, disk, maxdisk, uptime } = nodeUsage(cluster, node);
  const release = '6.17.4-1-pve';
  const build = `#1 SMP PREEMPT_DYNAMIC PMX ${release}`;
  return {
    cpu,
    wait: 0,
    idle: 0,
    uptime,
    loadavg: ['0.10', '0.10', '0.10'],
    cpuinfo: {
      vendor: 'GenuineIntel',
      model: 'Sandbox CPU',
      cores: maxcpu,
      cpus: maxcpu,
      sockets: 1,
      mhz: '2500.000',
      family: '6',
      user_hz: 100,
      hvm: '',
      flags: 'fpu',
    },
    memory: { total: maxmem, used: mem, free: maxmem - mem, available: maxmem - mem },
    swap: { total: 0, used: 0, free: 0 },
    rootfs: { total: maxdisk, used: disk, free: maxdisk - disk, avail: maxdisk - disk },
    ksm: { shared: 0 },
    kversion: `Linux ${release} ${build}`,
    'current-kernel': { sysname: 'Linux', machine: 'x86_64', version: build, release },
    pveversion: `pve-manager/${version.version}/${version.repoid}`,
    'boot-info': { mode: 'legacy-bios' },
  };
}

/** Bridges are seen by who may use or audit them, and by who may audit the node. */
function listBridges({ cluster, identity, args, node }: CallContext): unknown[] {
  const type = args.text('type');
  if (type !== undefined && !['bridge', 'any_bridge', 'any_local_bridge', 'include_sdn'].includes(type)) return [];
  const may = (path: string, privilege: Privilege): boolean => cluster.access.has(identity, path, privilege);
  return cluster
    .node(node)
    .bridges.filter((bridge) => {
      const path = `/sdn/zones/localnetwork/${bridge}`;
      return may(path, 'SDN.Use') || may(path, 'SDN.Audit') || may(`/nodes/${node}`, 'Sys.Audit');
    })
    .map((iface, index) => ({
      iface,
      type: 'bridge',
      method: 'static',
      method6: 'manual',
      families: ['inet'],
      address: '10.0.0.1',
      netmask: '24',
      cidr: '10.0.0.1/24',
      active: 1,
      autostart: 1,
      priority: 3 + index,
      bridge_ports: '',
      bridge_stp: 'off',
      bridge_fd: '0',
    }));
}

/** One point: the sandbox keeps no history. */
function guestHistory(context: CallContext): unknown[] {
  const { cluster } = context;
  const vmid = vmidOf(context);
  if (!cluster.guests.find(vmid)) {
    throw new Refusal(`RRD error: opening '/var/lib/rrdcached/db/pve-vm-9.0/${vmid}': No such file or directory`);
  }
  const stats = cluster.stats.guest(vmid);
  const time = minuteOf(cluster.now());
  if (!stats) return [{ time }];
  const { cpu, cpus, mem, maxmem, disk, maxdisk } = stats;
  const rates = { netin: 0, netout: 0, diskread: 0, diskwrite: 0 };
  return [{ time, cpu, maxcpu: cpus, mem, maxmem, disk, maxdisk, ...rates }];
}

function minuteOf(now: number): number {
  return Math.floor(now / 60_000) * 60;
}
