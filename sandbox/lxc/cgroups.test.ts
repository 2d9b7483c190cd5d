import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectCgroups } from './cgroups.ts';
import { inWritableOrder, limitSettings, writeLimits, type GuestLimits } from './guest-limits.ts';
import { readCgroupUsage } from './guest-usage.ts';

const limits: GuestLimits = { memoryMiB: 512, swapMiB: 256, cpuLimit: 1.5, cores: 2 };
const MiB = 1024 * 1024;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** A mount table with one line per hierarchy; cgroup version 1 names its controllers in the options. */
function mountinfo(...mounts: Array<[place: string, type: string, options: string]>): string {
  return mounts
    .map(([place, type, options]) => `30 25 0:26 / ${join(root, place)} rw - ${type} none ${options}`)
    .join('\n');
}

function unified(): string {
  write('cgroup.controllers', 'cpuset cpu io memory pids\n');
  return mountinfo(['.', 'cgroup2', 'rw,nsdelegate']);
}

function legacy(): string {
  write('memory/memory.memsw.limit_in_bytes', '');
  write('cpu/cpu.cfs_quota_us', '');
  write('unified/cgroup.controllers', '');
  return mountinfo(
    ['memory', 'cgroup', 'rw,memory'],
    ['cpu', 'cgroup', 'rw,cpu,cpuacct'],
    ['cpuset', 'cgroup', 'rw,cpuset'],
    ['systemd', 'cgroup', 'rw,name=systemd'],
    ['unified', 'cgroup2', 'rw'],
  );
}

function values(table: string, changes: Partial<GuestLimits> = {}, vmid = 100): Record<string, string> {
  const settings = limitSettings(detectCgroups(table), vmid, { ...limits, ...changes }, [0, 1, 2, 3]);
  return Object.fromEntries(settings.map(({ version, file, value }) => [`v${version} ${file}`, value]));
}

describe('detectCgroups', () => {
  it('finds every controller in a unified hierarchy', () => {
    const layout = detectCgroups(unified());
    expect(layout.roots).toEqual([root]);
    expect(layout.controllers.get('memory')).toEqual({ root, version: 2 });
    expect(layout.controllers.has('cpuacct')).toBe(false);
  });

  it('finds controllers in hierarchies of their own, beside an empty unified one', () => {
    const layout = detectCgroups(legacy());
    expect(layout.roots).toHaveLength(5);
    expect(layout.controllers.get('cpuacct')).toEqual({ root: join(root, 'cpu'), version: 1 });
    expect(layout.controllers.get('memory')).toEqual({ root: join(root, 'memory'), version: 1 });
  });
});

describe('limitSettings', () => {
  it('counts swap apart from memory in version 2', () => {
    expect(values(unified())).toEqual({
      'v2 memory.max': String(512 * MiB),
      'v2 memory.swap.max': String(256 * MiB),
      'v2 cpu.max': '150000 100000',
      'v2 cpuset.cpus': '0,1',
    });
  });

  it('counts swap together with memory in version 1', () => {
    expect(values(legacy())).toEqual({
      'v1 memory.limit_in_bytes': String(512 * MiB),
      'v1 memory.memsw.limit_in_bytes': String(768 * MiB),
      'v1 cpu.cfs_period_us': '100000',
      'v1 cpu.cfs_quota_us': '150000',
      'v1 cpuset.cpus': '0,1',
    });
  });

  it('leaves out what the kernel does not know', () => {
    const table = mountinfo(['memory', 'cgroup', 'rw,memory']);
    expect(values(table)).toEqual({ 'v1 memory.limit_in_bytes': String(512 * MiB) });
  });

  it('sets no quota without a cpu limit', () => {
    expect(values(unified(), { cpuLimit: 0 })['v2 cpu.max']).toBe('max 100000');
    expect(values(legacy(), { cpuLimit: 0 })['v1 cpu.cfs_quota_us']).toBe('-1');
  });

  it.each([
    [100, 1, '0'],
    [101, 1, '1'],
    [103, 2, '0,3'],
    [100, 99, '0,1,2,3'],
  ])('gives guest %i with %i cores the cores %s', (vmid, cores, chosen) => {
    expect(values(unified(), { cores }, vmid)['v2 cpuset.cpus']).toBe(chosen);
  });
});

describe('inWritableOrder', () => {
  it.each([
    ['raises memory and swap together before memory alone', 100, true],
    ['lowers memory alone before memory and swap together', 10_000, false],
  ])('%s', (_, currentMiB, totalFirst) => {
    const settings = limitSettings(detectCgroups(legacy()), 100, limits, []);
    const files = inWritableOrder(settings, currentMiB * MiB).map(({ file }) => file);
    expect(files.indexOf('memory.memsw.limit_in_bytes') < files.indexOf('memory.limit_in_bytes')).toBe(totalFirst);
    expect(files).toHaveLength(settings.length);
  });
});

describe('writeLimits', () => {
  it('writes every limit to the control group of the guest', async () => {
    const settings = limitSettings(detectCgroups(unified()), 100, limits, [0, 1, 2]);
    mkdirSync(join(root, 'ctx/100/guest'), { recursive: true });
    await writeLimits(settings, 'ctx/100/guest');
    const written = settings.map(({ file }) => readFileSync(join(root, 'ctx/100/guest', file), 'utf8'));
    expect(written).toEqual(settings.map(({ value }) => value));
  });
});

describe('readCgroupUsage', () => {
  it('counts memory without page cache, in version 2', async () => {
    const layout = detectCgroups(unified());
    write('g/memory.current', '1000\n');
    write('g/memory.stat', 'anon 500\ninactive_file 200\nactive_file 100\n');
    write('g/cpu.stat', 'usage_usec 1500\nuser_usec 1\n');
    expect(await readCgroupUsage(layout, 'g')).toEqual({ memoryBytes: 700, cpuNanos: 1_500_000 });
  });

  it('counts memory without page cache, in version 1', async () => {
    const layout = detectCgroups(legacy());
    write('memory/g/memory.usage_in_bytes', '1000\n');
    write('memory/g/memory.stat', 'inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n');
    write('cpu/g/cpuacct.usage', '1500\n');
    expect(await readCgroupUsage(layout, 'g')).toEqual({ memoryBytes: 700, cpuNanos: 1500 });
  });

  it('knows nothing of a group that is gone', async () => {
    expect(await readCgroupUsage(detectCgroups(unified()), 'gone')).toBeUndefined();
  });
});
