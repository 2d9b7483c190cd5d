import type { Cluster } from './cluster.ts';

const gibibyte = 1024 ** 3;

/** What a node says it has and uses; numbers are in bytes and seconds. */
export interface NodeUsage {
  cpu: number;
  maxcpu: number;
  mem: number;
  maxmem: number;
  disk: number;
  maxdisk: number;
  uptime: number;
}

/** Usage of one node as its statistics have it; guests count with what they last used. */
export function nodeUsage(cluster: Cluster, name: string): NodeUsage {
  const { cores, memoryMiB } = cluster.settings;
  let mem = gibibyte;
  let cpu = 0;
  for (const { vmid, node } of cluster.guests.all()) {
    const stats = node === name ? cluster.stats.guest(vmid) : undefined;
    mem += stats?.mem ?? 0;
    cpu += (stats?.cpu ?? 0) * (stats?.cpus ?? 0);
  }
  const { total, used } = cluster.storages.onNode(name)[0]?.space() ?? { total: 0, used: 0 };
  const maxmem = memoryMiB * 1024 ** 2;
  return {
    cpu: Math.min(1, cpu / cores),
    maxcpu: cores,
    mem: Math.min(mem, maxmem),
    maxmem,
    disk: used,
    maxdisk: total,
    uptime: Math.floor((cluster.now() - cluster.node(name).bootedAt) / 1000) + 60,
  };
}
