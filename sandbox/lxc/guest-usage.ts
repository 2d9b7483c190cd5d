import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestUsage } from '../engine/engine.ts';
import type { CgroupLayout } from './cgroups.ts';
import type { RunningGuest } from './guest-watch.ts';
import type { InstanceNames } from './instance-names.ts';

const ticksPerSecond = 100; // What Linux shows to programs, whatever its own timer does.

/** What a guest uses now; undefined when it ended meanwhile. Remembers its processor time for the next look. */
export async function readGuestUsage(
  guest: RunningGuest,
  { layout, names }: { layout: CgroupLayout; names: InstanceNames },
): Promise<GuestUsage | undefined> {
  const { vmid } = guest.machine;
  const { pid, startTicks } = guest.processes.init;
  const used = await readCgroupUsage(layout, `${names.guestCgroup(vmid)}/guest`);
  if (!used) return undefined;

  const atMs = performance.now();
  const last = guest.cpuSample;
  guest.cpuSample = { atMs, nanos: used.cpuNanos };
  const cpu = last && atMs > last.atMs ? (used.cpuNanos - last.nanos) / ((atMs - last.atMs) * 1e6) : 0;
  const links = guest.machine.nics.map((_, index) => names.link(vmid, index));
  return {
    pid,
    cpu: Math.max(0, cpu),
    memoryBytes: used.memoryBytes,
    uptimeSeconds: Math.max(0, Math.floor(secondsSinceBoot() - startTicks / ticksPerSecond)),
    // The host's end of the cable: what it sends, the guest receives.
    netIn: links.reduce((sum, link) => sum + counter(link, 'tx_bytes'), 0),
    netOut: links.reduce((sum, link) => sum + counter(link, 'rx_bytes'), 0),
  };
}

interface CgroupUsage {
  /** Without the page cache, which the kernel gives back when it is needed. */
  memoryBytes: number;
  /** Time on a core since the guest started. */
  cpuNanos: number;
}

/** Reads a control group, given by its folder in every hierarchy; undefined when it is gone. */
export async function readCgroupUsage({ controllers }: CgroupLayout, cgroup: string): Promise<CgroupUsage | undefined> {
  const memory = controllers.get('memory');
  const cpu = controllers.get('cpuacct') ?? controllers.get('cpu');
  try {
    return {
      memoryBytes: memory ? await readMemory(join(memory.root, cgroup), memory.version) : 0,
      cpuNanos: cpu ? await readCpu(join(cpu.root, cgroup), cpu.version) : 0,
    };
  } catch {
    return undefined;
  }
}

async function readMemory(folder: string, version: 1 | 2): Promise<number> {
  const used = await readFile(join(folder, version === 2 ? 'memory.current' : 'memory.usage_in_bytes'), 'utf8');
  const stat = parseStat(await readFile(join(folder, 'memory.stat'), 'utf8'));
  const prefix = version === 2 ? '' : 'total_';
  const cache = (stat.get(`${prefix}inactive_file`) ?? 0) + (stat.get(`${prefix}active_file`) ?? 0);
  return Math.max(0, Number(used) - cache);
}

async function readCpu(folder: string, version: 1 | 2): Promise<number> {
  if (version === 1) return Number(await readFile(join(folder, 'cpuacct.usage'), 'utf8'));
  const stat = parseStat(await readFile(join(folder, 'cpu.stat'), 'utf8'));
  return (stat.get('usage_usec') ?? 0) * 1000;
}

function parseStat(text: string): Map<string, number> {
  return new Map(
    text.split('\n').map((line): [string, number] => {
      const [name = '', value = '0'] = line.split(' ');
      return [name, Number(value)];
    }),
  );
}

function secondsSinceBoot(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}

function counter(link: string, name: string): number {
  try {
    return Number(readFileSync(`/sys/class/net/${link}/statistics/${name}`, 'utf8'));
  } catch {
    return 0; // The guest ended while we looked.
  }
}
