import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import type { CreateGuest } from './client.ts';
import { FakeProxmox } from './fake.ts';
import { ProxmoxFault } from './fault.ts';

const signal = new AbortController().signal;
const archive = {
  volid: 'local:vztmpl/web.tar',
  filename: 'web.tar',
  file: { path: '/x', sizeBytes: 1_000, sha256: 'aa' },
};

function wanted(vmid: number, over: Partial<CreateGuest> = {}): CreateGuest {
  return {
    vmid,
    archive: archive.volid,
    hostname: 'web',
    storage: 'local-lvm',
    rootfsGiB: 1,
    memoryMiB: 128,
    swapMiB: 0,
    cores: 1,
    cpuLimit: 0.5,
    architecture: 'amd64',
    net0: 'name=eth0,bridge=vmbr0,ip=10.0.0.5/24',
    tags: ['b', 'A'],
    description: 'made by a test\n',
    ...over,
  };
}

/** A cluster with one archive on each node. */
async function world(nodes = ['pve1']) {
  const clock = new FakeClock();
  const proxmox = new FakeProxmox({ clock, nodes });
  for (const node of nodes) await proxmox.uploadArchive(node, 'local', archive.filename, archive.file, signal);
  await clock.advance(60_000);
  return { clock, proxmox };
}

async function made(vmid = 100) {
  const built = await world();
  await built.proxmox.createGuest('pve1', wanted(vmid), signal);
  await built.clock.advance(5_000);
  return built;
}

describe('FakeProxmox', () => {
  it('ends tasks by the clock, not when they are asked after', async () => {
    const { clock, proxmox } = await world();
    const upid = await proxmox.createGuest('pve1', wanted(100), signal);
    for (let n = 0; n < 5; n++) expect(await proxmox.task(upid, signal)).toEqual({ status: 'running' });
    await clock.advance(600);
    expect(await proxmox.task(upid, signal)).toEqual({ status: 'ended', ok: true, exit: 'OK' });
  });

  it('shows of a guest being made nothing but its lock', async () => {
    const { proxmox } = await world();
    await proxmox.createGuest('pve1', wanted(100), signal);
    expect(await proxmox.guestConfig('pve1', 100, signal)).toMatchObject({
      lock: 'create',
      tags: [],
      description: undefined,
    });
    expect((await proxmox.resources(signal)).guests).toMatchObject([{ vmid: 100, status: 'unknown', tags: [] }]);
  });

  it("puts the image's entrypoint and environment over the guest, and stores tags its own way", async () => {
    const { proxmox } = await made();
    expect(await proxmox.guestConfig('pve1', 100, signal)).toMatchObject({
      lock: undefined,
      entrypoint: '/bin/app',
      tags: ['a', 'b'],
      description: 'made by a test',
    });
  });

  it('gives one of two creates with the same vmid, wherever they go', async () => {
    const { proxmox } = await world(['pve1', 'pve2']);
    const both = await Promise.allSettled([
      proxmox.createGuest('pve1', wanted(100), signal),
      proxmox.createGuest('pve2', wanted(100), signal),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { meaning: 'exists' } });
  });

  it('fails the task, and leaves nothing, when the archive is not there or the storage is full', async () => {
    const { clock, proxmox } = await world();
    const missing = await proxmox.createGuest('pve1', wanted(100, { archive: 'local:vztmpl/none.tar' }), signal);
    const large = await proxmox.createGuest('pve1', wanted(101, { rootfsGiB: 10_000 }), signal);
    await clock.advance(5_000);
    expect(await proxmox.task(missing, signal)).toMatchObject({
      ok: false,
      exit: expect.stringContaining('does not exist'),
    });
    expect(await proxmox.task(large, signal)).toMatchObject({ ok: false, exit: expect.stringContaining('free space') });
    expect(proxmox.guests.size).toBe(0);
  });

  it('leaves the lock of a create that a power cut ended', async () => {
    const { clock, proxmox } = await world();
    const upid = await proxmox.createGuest('pve1', wanted(100), signal);
    proxmox.crashNode('pve1');
    await clock.advance(60_000);
    proxmox.bringNodeBack('pve1', { booted: true });
    expect(await proxmox.task(upid, signal)).toMatchObject({ ok: false, exit: 'unexpected status' });
    await expect(proxmox.destroyGuest('pve1', 100, signal)).rejects.toMatchObject({
      meaning: 'locked',
      lock: 'create',
    });
  });

  it('starts a guest that is not there with a task that fails, and takes a stop of it for done', async () => {
    const { clock, proxmox } = await world();
    const answer = await proxmox.startGuest('pve1', 999, signal);
    await clock.advance(5_000);
    expect(answer).not.toBe('already');
    if (answer !== 'already') {
      expect(await proxmox.task(answer.upid, signal)).toMatchObject({
        exit: "Configuration file 'nodes/pve1/lxc/999.conf' does not exist",
      });
    }
    expect(await proxmox.stopGuest('pve1', 999, signal)).toBe('already');
  });

  it('lets a start wait for the create under way', async () => {
    const { clock, proxmox } = await world();
    await proxmox.createGuest('pve1', wanted(100), signal);
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    expect(await proxmox.guestStatus('pve1', 100, signal)).toMatchObject({ status: 'running' });
  });

  it('lets no task wait for another for more than ten seconds', async () => {
    const { clock, proxmox } = await world();
    proxmox.planTask('vzcreate', { ms: 60_000 });
    await proxmox.createGuest('pve1', wanted(100), signal);
    const start = await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(9_000);
    expect(start === 'already' || (await proxmox.task(start.upid, signal))).toEqual({ status: 'running' });
    await clock.advance(1_000);
    expect(start === 'already' || (await proxmox.task(start.upid, signal))).toMatchObject({
      exit: expect.stringContaining("can't lock file"),
    });
  });

  it('starts and stops a guest, and says when it was so already', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    expect(await proxmox.startGuest('pve1', 100, signal)).toBe('already');
    expect(await proxmox.guestAddresses('pve1', 100, signal)).toEqual(['10.0.0.5']);
    await proxmox.shutdownGuest('pve1', 100, 30, signal);
    await clock.advance(5_000);
    expect(await proxmox.shutdownGuest('pve1', 100, 30, signal)).toBe('already');
    expect(await proxmox.guestAddresses('pve1', 100, signal)).toEqual([]);
  });

  it('kills a process that ignores the halt signal only after the timeout, unless it is stopped before', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    proxmox.touch(100, (guest) => (guest.ignoresHalt = true));
    await proxmox.shutdownGuest('pve1', 100, 30, signal);
    await clock.advance(29_000);
    expect(await proxmox.guestStatus('pve1', 100, signal)).toMatchObject({ status: 'running' });
    await proxmox.stopGuest('pve1', 100, signal);
    await clock.advance(500);
    expect(await proxmox.guestStatus('pve1', 100, signal)).toMatchObject({ status: 'stopped' });
  });

  it('refuses changes while a task holds the guest, and all but power calls under a lock', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await expect(proxmox.configureGuest('pve1', 100, { memoryMiB: 64 }, signal)).rejects.toMatchObject({
      meaning: 'busy',
    });
    await clock.advance(5_000);
    proxmox.touch(100, (guest) => (guest.lock = 'backup'));
    const change = proxmox.configureGuest('pve1', 100, { memoryMiB: 64 }, signal);
    await expect(change).rejects.toMatchObject({ meaning: 'locked', lock: 'backup' });
    const stop = await proxmox.stopGuest('pve1', 100, signal);
    await clock.advance(5_000);
    expect(stop === 'already' || (await proxmox.task(stop.upid, signal))).toMatchObject({
      exit: 'CT is locked (backup)',
    });
  });

  it('refuses a change that was made up from an older config', async () => {
    const { proxmox } = await made();
    const { digest } = await proxmox.guestConfig('pve1', 100, signal);
    await proxmox.configureGuest('pve1', 100, { memoryMiB: 64, digest }, signal);
    const again = proxmox.configureGuest('pve1', 100, { memoryMiB: 32, digest }, signal);
    await expect(again).rejects.toMatchObject({ meaning: 'modified' });
  });

  it('runs a guest on with what it was started with', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    await proxmox.configureGuest('pve1', 100, { env: ['A=1 '], entrypoint: '/bin/other' }, signal);
    expect(await proxmox.guestConfig('pve1', 100, signal)).toMatchObject({ env: ['A=1'], entrypoint: '/bin/other' });
    expect(proxmox.guests.get(100)?.startedWith?.entrypoint).toBe('/bin/app');
  });

  it.each([
    ['an environment with a newline', { env: ['A=1\n2'] }],
    ['an entrypoint that is empty', { entrypoint: '' }],
    ['a tag with a space', { tags: ['two words'] }],
    ['too little memory', { memoryMiB: 8 }],
    ['no change at all', {}],
  ])('refuses %s', async (_, changes) => {
    const { proxmox } = await made();
    await expect(proxmox.configureGuest('pve1', 100, changes, signal)).rejects.toMatchObject({ meaning: 'invalid' });
  });

  it('destroys only what is stopped, unlocked and unprotected', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    await expect(proxmox.destroyGuest('pve1', 100, signal)).rejects.toMatchObject({ meaning: 'running' });
    proxmox.exitGuest(100);
    proxmox.touch(100, (guest) => (guest.config = { ...guest.config, protection: true }));
    await expect(proxmox.destroyGuest('pve1', 100, signal)).rejects.toMatchObject({ meaning: 'protected' });
    proxmox.touch(100, (guest) => (guest.config = { ...guest.config, protection: false }));
    await proxmox.destroyGuest('pve1', 100, signal);
    await expect(proxmox.destroyGuest('pve1', 100, signal)).rejects.toMatchObject({
      meaning: 'locked',
      lock: 'destroyed',
    });
    await clock.advance(5_000);
    await expect(proxmox.destroyGuest('pve1', 100, signal)).rejects.toMatchObject({ meaning: 'absent' });
    expect(proxmox.storages.get('local-lvm')?.usedBytes).toBe(0);
  });

  it('lists what statistics said at the last tick, and node, lock and tags as they are', async () => {
    const { clock, proxmox } = await made();
    await clock.advance(10_000);
    expect((await proxmox.resources(signal)).guests).toMatchObject([
      { status: 'stopped', maxMemoryBytes: 128 * 2 ** 20 },
    ]);
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(1_700);
    await proxmox.configureGuest('pve1', 100, { tags: ['new'], memoryMiB: 256 }, signal);
    expect((await proxmox.resources(signal)).guests).toMatchObject([
      { status: 'stopped', maxMemoryBytes: 128 * 2 ** 20, tags: ['new'] },
    ]);
    await clock.advance(10_000);
    expect((await proxmox.resources(signal)).guests).toMatchObject([
      { status: 'running', maxMemoryBytes: 256 * 2 ** 20 },
    ]);
  });

  it('keeps a tick between two changes apart from both', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(10_000);
    proxmox.exitGuest(100);
    expect((await proxmox.resources(signal)).guests).toMatchObject([{ status: 'running' }]);
  });

  it('does not answer for a node that is away, but knows its guests', async () => {
    const { clock, proxmox } = await world(['pve1', 'pve2']);
    await proxmox.createGuest('pve2', wanted(100), signal);
    await clock.advance(20_000);
    proxmox.isolateNode('pve2');
    await expect(proxmox.guestConfig('pve2', 100, signal)).rejects.toMatchObject({ meaning: 'nodeUnreachable' });
    expect((await proxmox.resources(signal)).guests).toMatchObject([{ vmid: 100, status: 'unknown' }]);
  });

  it('starts guests again when a node that lost power is back', async () => {
    const { clock, proxmox } = await made();
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    proxmox.crashNode('pve1');
    expect(proxmox.guests.get(100)?.running).toBe(false);
    proxmox.bringNodeBack('pve1', { booted: true });
    expect(proxmox.guests.get(100)?.running).toBe(true);
  });

  it('changes nothing without a quorum', async () => {
    const { proxmox } = await world(['pve1', 'pve2']);
    proxmox.quorate = false;
    await expect(proxmox.createGuest('pve1', wanted(100), signal)).rejects.toMatchObject({ meaning: 'noQuorum' });
    expect(await proxmox.clusterStatus(signal)).toMatchObject({ quorate: false });
  });

  it('asks the guard before a change and not before a read', async () => {
    const guard = () => {
      throw new Error('no longer leading');
    };
    const proxmox = new FakeProxmox({ clock: new FakeClock(), guard });
    await expect(proxmox.startGuest('pve1', 100, signal)).rejects.toThrow('no longer leading');
    await expect(proxmox.resources(signal)).resolves.toMatchObject({ guests: [] });
  });

  it('loses an answer after the effect, and refuses without one', async () => {
    const { clock, proxmox } = await world();
    proxmox.intercept('createGuest', { loseAnswer: true });
    await expect(proxmox.createGuest('pve1', wanted(100), signal)).rejects.toMatchObject({ meaning: 'noAnswer' });
    await clock.advance(5_000);
    expect(proxmox.guests.has(100)).toBe(true);
    proxmox.intercept('createGuest', { refuse: new ProxmoxFault('storageFull', 'full') });
    await expect(proxmox.createGuest('pve1', wanted(101), signal)).rejects.toMatchObject({ meaning: 'storageFull' });
    expect(proxmox.guests.has(101)).toBe(false);
  });

  it('moves the world between a decision and its call', async () => {
    const { proxmox } = await world();
    proxmox.intercept('createGuest', { before: () => void proxmox.addStranger(100) });
    await expect(proxmox.createGuest('pve1', wanted(100), signal)).rejects.toMatchObject({ meaning: 'exists' });
    expect(proxmox.guests.get(100)?.config.hostname).toBe('stranger');
  });

  it('ends a task with an error although what it was for happened', async () => {
    const { clock, proxmox } = await made();
    proxmox.planTask('vzstart', { exit: "startup for container '100' failed", effect: true });
    const answer = await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(5_000);
    expect(answer === 'already' || (await proxmox.task(answer.upid, signal))).toMatchObject({ ok: false });
    expect(proxmox.guests.get(100)?.running).toBe(true);
  });

  it('never takes a virtual machine for a container', async () => {
    const { proxmox } = await world();
    proxmox.addStranger(100, { type: 'qemu', running: true });
    expect(await proxmox.stopGuest('pve1', 100, signal)).toBe('already');
    await expect(proxmox.destroyGuest('pve1', 100, signal)).rejects.toMatchObject({ meaning: 'absent' });
    expect(proxmox.guests.get(100)?.running).toBe(true);
  });

  it('shows nothing of a guest that the token may not see', async () => {
    const { proxmox } = await made();
    proxmox.touch(100, (guest) => (guest.hidden = true));
    expect((await proxmox.resources(signal)).guests).toEqual([]);
    await expect(proxmox.guestConfig('pve1', 100, signal)).rejects.toMatchObject({ meaning: 'forbidden' });
    await expect(proxmox.startGuest('pve1', 100, signal)).rejects.toMatchObject({ meaning: 'forbidden' });
    await expect(proxmox.createGuest('pve1', wanted(100), signal)).rejects.toMatchObject({ meaning: 'exists' });
  });

  it('finds the running task of a guest whose id was lost', async () => {
    const { clock, proxmox } = await made();
    proxmox.planTask('vzstart', { ms: Infinity });
    await proxmox.startGuest('pve1', 100, signal);
    await clock.advance(60_000);
    expect(await proxmox.runningTasks('pve1', 100, signal)).toMatchObject([{ type: 'vzstart' }]);
    expect(await proxmox.task('UPID:pve1:00000000:00000000:00000000:vzstart:100:a@pve!b:', signal)).toEqual({
      status: 'unknown',
    });
  });
});
