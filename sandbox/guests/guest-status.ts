import type { GuestEngine } from '../engine/engine.ts';
import type { Guest } from './guest-store.ts';
import { readVolume, sizeBytesOf } from './guest-volumes.ts';

const mebibyte = 1024 * 1024;

/** What `status/current` and the lists show of one guest. */
export interface GuestStatus {
  vmid: number;
  status: 'running' | 'stopped';
  name: string;
  type: 'lxc';
  cpus: number;
  cpu: number;
  mem: number;
  maxmem: number;
  swap: number;
  maxswap: number;
  disk: number;
  maxdisk: number;
  netin: number;
  netout: number;
  diskread: number;
  diskwrite: number;
  uptime: number;
  pid?: number;
  lock?: string;
  tags?: string;
  template?: number;
  pressurecpusome?: number;
  pressurecpufull?: number;
  pressureiosome?: number;
  pressureiofull?: number;
  pressurememorysome?: number;
  pressurememoryfull?: number;
}

interface NodeSize {
  engine: GuestEngine;
  settings: { cores: number };
}

const noPressure = {
  pressurecpusome: 0,
  pressurecpufull: 0,
  pressureiosome: 0,
  pressureiofull: 0,
  pressurememorysome: 0,
  pressurememoryfull: 0,
};

/** Looks at a guest now. */
export async function guestStatus({ engine, settings }: NodeSize, guest: Guest): Promise<GuestStatus> {
  const { options } = guest.config;
  const usage = engine.isRunning(guest.vmid) ? await engine.usage(guest.vmid) : undefined;
  const lock = options.get('lock');
  const tags = options.get('tags');
  const cores = Number(options.get('cores') ?? settings.cores);
  const limit = Number(options.get('cpulimit') ?? 0);
  const cpus = limit > 0 ? Math.min(limit, cores) : cores;
  const maxdisk = rootSize(options.get('rootfs'));
  return {
    vmid: guest.vmid,
    status: usage ? 'running' : 'stopped',
    name: options.get('hostname') ?? `CT${guest.vmid}`,
    type: 'lxc',
    cpus,
    cpu: usage ? usage.cpu / cpus : 0,
    mem: usage?.memoryBytes ?? 0,
    maxmem: Number(options.get('memory') ?? 512) * mebibyte,
    swap: 0,
    maxswap: Number(options.get('swap') ?? 0) * mebibyte,
    disk: usage ? 2 * mebibyte : 0,
    maxdisk: usage ? Math.floor(maxdisk * 0.95) : maxdisk,
    netin: usage?.netIn ?? 0,
    netout: usage?.netOut ?? 0,
    diskread: 0,
    diskwrite: 0,
    uptime: usage ? Math.floor(usage.uptimeSeconds) : 0,
    ...(usage && { pid: usage.pid, ...noPressure }),
    ...(lock !== undefined && { lock }),
    ...(tags !== undefined && { tags }),
    ...(options.get('template') === '1' && { template: 1 }),
  };
}

function rootSize(rootfs: string | undefined): number {
  const size = rootfs === undefined ? undefined : readVolume(rootfs).get('size');
  return size === undefined ? 4 * 1024 * mebibyte : sizeBytesOf(size);
}
