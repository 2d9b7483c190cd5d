import { BlockList, isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import type {
  ClusterResources,
  ClusterStatus,
  GuestConfig,
  GuestStatus,
  ListedGuest,
  Permissions,
  StoredBackup,
  TaskState,
  Upid,
} from './client.ts';
import * as schema from './schema.ts';

// From what Proxmox answers to what loops read. Each throws ZodError when the answer has another shape.

/** What Proxmox uses where a config says nothing. */
const UNSET_MIB = 512;

/** All rows or none: a guest whose row cannot be read must not pass for a guest that is not there. */
export function readResources(data: unknown): ClusterResources {
  const resources: ClusterResources = { guests: [], nodes: [], storages: [] };
  for (const row of z.array(schema.ResourceRow).parse(data)) {
    switch (row.type) {
      case 'lxc':
      case 'qemu':
        resources.guests.push(readGuestRow(row));
        break;
      case 'node': {
        const { node, status, cpu = 0, maxcpu = 0, mem = 0, maxmem = 0 } = schema.NodeRow.parse(row);
        const online = status === 'online';
        resources.nodes.push({ node, online, cpu, maxCpu: maxcpu, memoryBytes: mem, maxMemoryBytes: maxmem });
        break;
      }
      case 'storage': {
        const { storage, node, status, shared, content, disk = 0, maxdisk = 0 } = schema.StorageRow.parse(row);
        resources.storages.push({
          storage,
          node,
          available: status === 'available',
          shared: shared ?? false,
          content: content ?? [],
          usedBytes: disk,
          totalBytes: maxdisk,
        });
        break;
      }
      default: // Pools and networks.
    }
  }
  return resources;
}

export function readText(data: unknown): string {
  return z.string().parse(data);
}

export function readClusterStatus(data: unknown): ClusterStatus {
  const status: ClusterStatus = { quorate: undefined, nodes: [] };
  for (const row of z.array(schema.StatusRow).parse(data)) {
    if (row.type === 'cluster') status.quorate = row.quorate;
    else status.nodes.push({ node: row.name, online: row.online });
  }
  return status;
}

export function readGuestConfig(data: unknown): GuestConfig {
  const config = schema.Config.parse(data);
  return {
    digest: config.digest,
    hostname: config.hostname,
    // Proxmox ends every line of it with a newline, also the last.
    description: config.description?.replace(/\n+$/, '') || undefined,
    tags: config.tags ?? [],
    lock: config.lock,
    memoryMiB: config.memory ?? UNSET_MIB,
    swapMiB: config.swap ?? UNSET_MIB,
    cores: config.cores,
    cpuLimit: config.cpulimit,
    entrypoint: config.entrypoint,
    env: config.env === undefined || config.env === '' ? [] : config.env.split('\0'),
    onboot: config.onboot ?? false,
    protection: config.protection ?? false,
    nets: numbered(config, 'net'),
    rootfs: config.rootfs,
    mounts: numbered(config, 'mp'),
    unused: numbered(config, 'unused'),
  };
}

/** What is another machine to everybody who asks for it, or none: whoever is root in a guest may give it any address. */
const nobodys = new BlockList();
nobodys.addSubnet('0.0.0.0', 8);
nobodys.addSubnet('127.0.0.0', 8);
nobodys.addSubnet('169.254.0.0', 16);
nobodys.addSubnet('224.0.0.0', 3);
nobodys.addSubnet('::', 127, 'ipv6');
nobodys.addSubnet('fe80::', 10, 'ipv6');
nobodys.addSubnet('ff00::', 8, 'ipv6');

/** Addresses to reach the guest at: neither loopback nor link-local, IPv4 first. */
export function readAddresses(data: unknown): string[] {
  const interfaces = z.array(schema.InterfaceRow).nullable().parse(data) ?? [];
  const reachable = interfaces.filter(({ name }) => name !== 'lo');
  const addresses = [...reachable.map(({ inet }) => inet), ...reachable.map(({ inet6 }) => inet6)];
  return addresses
    .flatMap((cidr) => cidr?.split('/')[0] ?? [])
    .filter((address) => isIP(address) !== 0 && !nobodys.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'));
}

export function readVersion(data: unknown): { version: string; release: string } {
  return schema.Version.parse(data);
}

export function readPermissions(data: unknown): Permissions {
  return schema.PermissionTree.parse(data);
}

export function readBridges(data: unknown): string[] {
  return z
    .array(schema.BridgeRow)
    .parse(data)
    .map(({ iface }) => iface);
}

export function readGuestStatus(data: unknown): GuestStatus {
  const { status, uptime = 0, lock } = schema.CurrentStatus.parse(data);
  return { status, uptimeSeconds: uptime, lock };
}

export function readUpid(data: unknown): Upid {
  return schema.Upid.parse(data);
}

/** Undefined when it was done before a task was worth it. */
export function readMaybeUpid(data: unknown): Upid | undefined {
  return schema.Upid.nullable().parse(data) ?? undefined;
}

export function readTask(data: unknown): TaskState {
  const { status, exitstatus: exit = '' } = schema.TaskStatus.parse(data);
  if (status === 'running') return { status };
  return { status: 'ended', ok: exit === 'OK' || exit.startsWith('WARNINGS:'), exit };
}

export function readLog(data: unknown): string[] {
  return z
    .array(schema.LogLine)
    .parse(data)
    .map(({ t }) => t ?? '');
}

/** Only those that still run: the list of active tasks keeps ended ones for a while. */
export function readRunningTasks(data: unknown): { upid: Upid; type: string }[] {
  return z
    .array(schema.TaskRow)
    .parse(data)
    .filter(({ status, endtime }) => endtime === undefined && (status === undefined || status === 'RUNNING'))
    .map(({ upid, type }) => ({ upid, type }));
}

/** What lies on a storage, archives and disks alike. */
export function readStored(data: unknown): { volid: string; sizeBytes: number }[] {
  return z
    .array(schema.ContentRow)
    .parse(data)
    .map(({ volid, size, ...row }) => ({ volid, sizeBytes: size ?? row['approximate-size'] ?? 0 }));
}

/** Undefined when no guest was to be backed up on this node. */
export function readBackupStart(data: unknown): Upid | undefined {
  return data === 'OK' ? undefined : schema.Upid.parse(data);
}

export function readBackups(data: unknown): StoredBackup[] {
  return z
    .array(schema.BackupRow)
    .parse(data)
    .map(({ volid, size, ctime, vmid, notes, verification, ...row }) => ({
      volid,
      sizeBytes: size ?? 0,
      createdSeconds: ctime,
      vmid,
      notes: notes?.split('\n')[0],
      protected: row.protected ?? false,
      verification: verification?.state,
    }));
}

function readGuestRow(row: unknown): ListedGuest {
  const { type, vmid, node, status, name, lock, tags, ...usage } = schema.GuestRow.parse(row);
  return {
    type,
    vmid,
    node,
    status: status === 'running' || status === 'stopped' ? status : 'unknown',
    name,
    lock,
    tags,
    maxMemoryBytes: usage.maxmem,
    maxCpu: usage.maxcpu,
    memoryBytes: usage.mem,
    cpu: usage.cpu,
    uptimeSeconds: usage.uptime,
    netInBytes: usage.netin,
    netOutBytes: usage.netout,
  };
}

function numbered(config: Readonly<Record<string, unknown>>, prefix: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (typeof value === 'string' && key.startsWith(prefix) && /^\d+$/.test(key.slice(prefix.length)))
      found[key] = value;
  }
  return found;
}
