import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { busyboxMachine, EngineFixture, engineTestObstacle, leftovers, until } from './engine-fixture.ts';
import { instanceOf } from './instance-names.ts';
import { readProcess } from './process-status.ts';

const obstacle = await engineTestObstacle();

/** Runs two guests in a process of its own, which is killed as soon as both run. */
async function startAndKill(folder: string, script: string): Promise<void> {
  const program = `
    import { EngineFixture } from ${JSON.stringify(new URL('engine-fixture.ts', import.meta.url).href)};
    const fixture = await EngineFixture.create(${JSON.stringify(folder)});
    for (const vmid of [140, 141]) {
      await fixture.engine.start(await fixture.guest(vmid, ${JSON.stringify(script)}, { nics: [
        { name: 'eth0', bridge: 'vmbr0', mac: 'BC:24:11:00:01:' + (vmid - 100), ip: 'dhcp' },
      ] }));
    }
    process.kill(process.pid, 'SIGKILL');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
  const signal = await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  expect(signal).toBe('SIGKILL');
}

describe.skipIf(obstacle !== undefined)('LxcEngine after its process was killed', () => {
  const nics = [{ name: 'eth0', bridge: 'vmbr0', mac: 'BC:24:11:00:01:40', ip: 'dhcp' }];

  it('finds guests that kept running, ends those nobody knows, and leaves nothing in the end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lxc-engine-'));
    await startAndKill(folder, 'while [ ! -e /end ]; do sleep 0.05; done');
    const fixture = await EngineFixture.create(folder);
    const machine = busyboxMachine(folder, 140, '', { nics });
    await fixture.engine.recover([machine, busyboxMachine(folder, 142, '')]);

    expect([140, 141, 142].filter((vmid) => fixture.engine.isRunning(vmid))).toEqual([140]);
    const usage = await fixture.engine.usage(140);
    expect(usage && readProcess(usage.pid)).toBeDefined();
    const [, eth0] = await fixture.engine.interfaces(140);
    expect(eth0?.mac).toBe('bc:24:11:00:01:40');
    expect(eth0?.inet).toMatch(/^10\./);

    expect(await fixture.engine.shutdown(140, 200)).toBe(false);
    await fixture.engine.setLimits(140, { memoryMiB: 96, swapMiB: 0, cpuLimit: 0, cores: 1 });
    await fixture.close();
    expect(leftovers(instanceOf(join(folder, 'state')))).toEqual([]);
  });

  it('tells when a recovered guest ends by itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lxc-engine-'));
    await startAndKill(folder, 'while [ ! -e /end ]; do sleep 0.05; done');
    const fixture = await EngineFixture.create(folder);
    const machine = busyboxMachine(folder, 140, '', { nics });
    await fixture.engine.recover([machine]);
    const usage = await fixture.engine.usage(140);
    if (!usage) throw new Error('the guest runs');
    process.kill(usage.pid, 'SIGKILL');
    await until(() => fixture.exits.includes(140));
    await fixture.close();
    expect(leftovers(instanceOf(join(folder, 'state')))).toEqual([]);
  });

  it('ends everything of the instance even when its folder was deleted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lxc-engine-'));
    await startAndKill(folder, 'sleep 1000');
    await rm(folder, { recursive: true });
    const fixture = await EngineFixture.create(folder);
    await fixture.engine.recover([]);
    expect(fixture.engine.isRunning(140)).toBe(false);
    await fixture.close();
    expect(leftovers(instanceOf(join(folder, 'state')))).toEqual([]);
  });

  it('keeps guests running when it is closed without stopping them', async () => {
    const fixture = await EngineFixture.create();
    const machine = await fixture.guest(143, 'sleep 1000');
    await fixture.engine.start(machine);
    const before = await fixture.engine.usage(143);
    await fixture.engine.close({ stopGuests: false });
    const again = await EngineFixture.create(fixture.folder);
    await again.engine.recover([machine]);
    expect((await again.engine.usage(143))?.pid).toBe(before?.pid);
    await again.close();
    expect(leftovers(instanceOf(join(fixture.folder, 'state')))).toEqual([]);
  });

  it('forgets the configuration of a guest that ended while nobody looked', async () => {
    const fixture = await EngineFixture.create();
    await fixture.engine.start(await fixture.guest(145, 'sleep 0.2', { env: ['PATH=/bin', 'SECRET=x'] }));
    const usage = await fixture.engine.usage(145);
    await fixture.engine.close({ stopGuests: false });
    await until(() => readProcess(usage?.pid ?? 0) === undefined);
    const again = await EngineFixture.create(fixture.folder);
    await again.engine.recover([]);
    expect(await readdir(join(fixture.folder, 'state/guests'))).toEqual([]);
    await again.close();
  });

  it('ends a guest whose monitor was killed', async () => {
    const fixture = await EngineFixture.create();
    const machine = await fixture.guest(144, 'sleep 1000');
    await fixture.engine.start(machine);
    const usage = await fixture.engine.usage(144);
    if (!usage) throw new Error('the guest runs');
    const status = await readFile(`/proc/${usage.pid}/status`, 'utf8');
    process.kill(Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]), 'SIGKILL');
    await fixture.engine.stop(144);
    expect(readProcess(usage.pid)).toBeUndefined();
    await fixture.close();
    expect(leftovers(instanceOf(join(fixture.folder, 'state')))).toEqual([]);
  });
});
