import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectCgroups } from './cgroups.ts';
import { EngineFixture, engineTestObstacle } from './engine-fixture.ts';
import { instanceOf } from './instance-names.ts';

const obstacle = await engineTestObstacle();
const MiB = 1024 * 1024;

describe.skipIf(obstacle !== undefined)('LxcEngine limits', () => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await EngineFixture.create();
  });
  afterAll(() => fixture.close());

  /** Reads a guest's limit by its name in either version of control groups; cpu limits in cores. */
  function limit(vmid: number, which: 'memory' | 'cpu'): number {
    const controller = detectCgroups().controllers.get(which);
    if (!controller) throw new Error(`no controller ${which}`);
    const folder = join(controller.root, `ct${instanceOf(join(fixture.folder, 'state'))}`, String(vmid), 'guest');
    const read = (file: string) => readFileSync(join(folder, file), 'utf8').trim();
    if (which === 'memory') return Number(read(controller.version === 2 ? 'memory.max' : 'memory.limit_in_bytes'));
    const [quota, period] =
      controller.version === 2 ? read('cpu.max').split(' ') : [read('cpu.cfs_quota_us'), read('cpu.cfs_period_us')];
    return Number(quota) / Number(period);
  }

  it('kills what takes more memory than the guest has', async () => {
    const fill = (mebibytes: number) =>
      `dd if=/dev/zero of=/dev/shm/fill bs=1048576 count=${mebibytes} 2>/dev/null; echo $?`;
    const guest = await fixture.guest(130, `${fill(20)} | put small; ${fill(200)} | put large; sleep 1000`, {
      memoryMiB: 48,
    });
    await fixture.engine.start(guest);
    expect(await fixture.output(guest, 'small')).toBe('0\n');
    expect(await fixture.output(guest, 'large')).toBe('137\n');
    expect(limit(130, 'memory')).toBe(48 * MiB);
    await fixture.engine.stop(130);
  });

  it('holds a busy guest to its share of a core', async () => {
    const guest = await fixture.guest(131, 'while :; do :; done', { cpuLimit: 0.2 });
    await fixture.engine.start(guest);
    expect(limit(131, 'cpu')).toBe(0.2);
    await fixture.engine.usage(131);
    await sleep(1500);
    const usage = await fixture.engine.usage(131);
    expect(usage?.cpu).toBeGreaterThan(0.02);
    expect(usage?.cpu).toBeLessThan(0.4);
    await fixture.engine.stop(131);
  });

  it('changes limits of a running guest, up and down', async () => {
    const guest = await fixture.guest(132, 'sleep 1000', { memoryMiB: 64, cpuLimit: 1 });
    await fixture.engine.start(guest);
    await fixture.engine.setLimits(132, { memoryMiB: 256, swapMiB: 128, cpuLimit: 2, cores: 1 });
    expect([limit(132, 'memory'), limit(132, 'cpu')]).toEqual([256 * MiB, 2]);
    await fixture.engine.setLimits(132, { memoryMiB: 32, swapMiB: 0, cpuLimit: 0.5, cores: 1 });
    expect([limit(132, 'memory'), limit(132, 'cpu')]).toEqual([32 * MiB, 0.5]);
    await fixture.engine.stop(132);
  });

  it('lets a guest use as many cores as it was given', async () => {
    const guest = await fixture.guest(133, 'cat /proc/self/status | put status; sleep 1000', { cores: 1 });
    await fixture.engine.start(guest);
    expect(await fixture.output(guest, 'status')).toMatch(/^Cpus_allowed_list:\s+\d+$/m);
    await fixture.engine.stop(133);
  });

  it('tells what a guest uses', async () => {
    const guest = await fixture.guest(
      134,
      'dd if=/dev/zero of=/dev/shm/a bs=1048576 count=10 2>/dev/null; echo | put ready; sleep 1000',
    );
    await fixture.engine.start(guest);
    await fixture.output(guest, 'ready');
    const usage = await fixture.engine.usage(134);
    if (!usage) throw new Error('the guest runs');
    expect(usage.memoryBytes).toBeGreaterThan(10 * MiB);
    expect(usage.memoryBytes).toBeLessThan(64 * MiB);
    expect(usage.uptimeSeconds).toBeLessThan(60);
    expect(await readFile(`/proc/${usage.pid}/cmdline`, 'utf8')).toBe(['sleep', '1000', ''].join('\0'));
    await fixture.engine.stop(134);
    expect(await fixture.engine.usage(134)).toBeUndefined();
  });
});
