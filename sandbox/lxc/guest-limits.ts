import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestMachine } from '../engine/engine.ts';
import type { CgroupController, CgroupLayout } from './cgroups.ts';

/** What a guest may use. */
export type GuestLimits = Pick<GuestMachine, 'memoryMiB' | 'swapMiB' | 'cpuLimit' | 'cores'>;

/** One value for one file of a guest's control group. */
export interface LimitSetting extends CgroupController {
  file: string;
  value: string;
}

const MiB = 1024 * 1024;
const cpuPeriodMicros = 100_000;

/** What has to be written where so that a guest keeps its limits. A limit the kernel does not know is left out. */
export function limitSettings(
  layout: CgroupLayout,
  vmid: number,
  limits: GuestLimits,
  cpus: readonly number[],
): LimitSetting[] {
  return [
    ...memorySettings(layout, limits),
    ...cpuSettings(layout, limits),
    ...cpusetSettings(layout, vmid, limits, cpus),
  ];
}

function memorySettings({ controllers }: CgroupLayout, limits: GuestLimits): LimitSetting[] {
  const memory = controllers.get('memory');
  if (!memory) return [];
  const bytes = limits.memoryMiB * MiB;
  const swapBytes = limits.swapMiB * MiB;
  if (memory.version === 2) {
    return [
      { ...memory, file: 'memory.max', value: String(bytes) },
      { ...memory, file: 'memory.swap.max', value: String(swapBytes) },
    ];
  }
  const settings = [{ ...memory, file: 'memory.limit_in_bytes', value: String(bytes) }];
  // Counts memory and swap together, and is missing where the kernel does not account for swap.
  const total = { ...memory, file: 'memory.memsw.limit_in_bytes', value: String(bytes + swapBytes) };
  return existsSync(join(memory.root, total.file)) ? [...settings, total] : settings;
}

function cpuSettings({ controllers }: CgroupLayout, { cpuLimit }: GuestLimits): LimitSetting[] {
  const cpu = controllers.get('cpu');
  if (!cpu) return [];
  const quota = cpuLimit > 0 ? Math.round(cpuLimit * cpuPeriodMicros) : undefined;
  if (cpu.version === 2) return [{ ...cpu, file: 'cpu.max', value: `${quota ?? 'max'} ${cpuPeriodMicros}` }];
  if (!existsSync(join(cpu.root, 'cpu.cfs_quota_us'))) return [];
  return [
    { ...cpu, file: 'cpu.cfs_period_us', value: String(cpuPeriodMicros) },
    { ...cpu, file: 'cpu.cfs_quota_us', value: String(quota ?? -1) },
  ];
}

/** Guests start at different cores, so that many guests of one core each do not all share the first. */
function cpusetSettings(
  { controllers }: CgroupLayout,
  vmid: number,
  { cores }: GuestLimits,
  cpus: readonly number[],
): LimitSetting[] {
  const cpuset = controllers.get('cpuset');
  if (!cpuset || cpus.length === 0) return [];
  const count = cores > 0 ? Math.min(cores, cpus.length) : cpus.length;
  const chosen = Array.from({ length: count }, (_, index) => cpus[(vmid + index) % cpus.length] ?? 0);
  return [{ ...cpuset, file: 'cpuset.cpus', value: chosen.sort((a, b) => a - b).join(',') }];
}

/** Writes limits to a running guest's control group, given by its folder in every hierarchy. Throws when the kernel refuses. */
export async function writeLimits(settings: readonly LimitSetting[], cgroup: string): Promise<void> {
  const total = settings.find(isTotal);
  const currentTotal = total ? Number(await readFile(join(total.root, cgroup, total.file), 'utf8')) : 0;
  for (const { root, file, value } of inWritableOrder(settings, currentTotal)) {
    await writeFile(join(root, cgroup, file), value);
  }
}

/** In version 1 memory may never exceed memory plus swap, not even between two writes: what grows must grow total first. */
export function inWritableOrder(settings: readonly LimitSetting[], currentTotal: number): LimitSetting[] {
  const total = settings.filter(isTotal);
  const others = settings.filter((setting) => !isTotal(setting));
  return total.some(({ value }) => Number(value) > currentTotal) ? [...total, ...others] : [...others, ...total];
}

function isTotal({ file }: LimitSetting): boolean {
  return file === 'memory.memsw.limit_in_bytes';
}
