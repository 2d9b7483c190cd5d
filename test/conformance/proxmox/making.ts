import { expect, it } from 'vitest';
import { parseNet } from '../../../reconcilers/providers/proxmox/net.ts';
import { PAUSE_IMAGE } from './pause-archive.ts';
import type { ProxmoxBench } from './under-test.ts';

/** Making, changing and destroying a guest that does not run. */
export function makingBehaviour(bench: () => ProxmoxBench): void {
  it('makes a guest as asked, with the process of its image', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().made();
    const config = await client.guestConfig(node, vmid, signal);
    expect(config).toMatchObject({
      hostname: `conformance-${vmid}`,
      description: 'Made by a test.\n\nlast line',
      tags: ['conformance', 'zeta'],
      lock: undefined,
      memoryMiB: 64,
      swapMiB: 0,
      cores: 1,
      cpuLimit: 0.5,
      entrypoint: PAUSE_IMAGE.entrypoint,
      env: PAUSE_IMAGE.env,
      onboot: true,
      protection: false,
      mounts: {},
    });
    expect(config.rootfs).toMatch(/^[^:]+:.+/);
    const net = parseNet(config.nets['net0'] ?? '');
    expect(Object.fromEntries(net)).toMatchObject({ name: 'eth0', hwaddr: 'BC:24:11:0C:0F:EE', 'host-managed': '1' });
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'stopped', uptimeSeconds: 0 });
    expect(await client.runningTasks(node, vmid, signal)).toEqual([]);
    expect(await client.guestAddresses(node, vmid, signal)).toEqual([]);
  });

  it('gives a vmid to one of two that ask at once', async () => {
    const { client, node, signal } = bench();
    const volid = await bench().placed();
    const vmid = bench().freshVmid();
    const both = await Promise.allSettled(
      ['one', 'two'].map((hostname) => client.createGuest(node, bench().wanted(vmid, volid, { hostname }), signal)),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const result of both) {
      if (result.status === 'fulfilled') await bench().succeeded(result.value);
      else expect(result.reason).toMatchObject({ meaning: 'exists' });
    }
    const again = client.createGuest(node, bench().wanted(vmid, volid), signal);
    await expect(again).rejects.toMatchObject({ meaning: 'exists' });
  });

  it('refuses to make a guest on a storage that is not there, and leaves nothing', async () => {
    const { client, node, signal } = bench();
    const vmid = bench().freshVmid();
    const wanted = bench().wanted(vmid, await bench().placed(), { storage: 'no-such-storage' });
    await expect(client.createGuest(node, wanted, signal)).rejects.toMatchObject({ meaning: 'invalid' });
    await expect(client.guestConfig(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
  });

  it('keeps changes, byte for byte where a byte may matter', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().made();
    const changes = {
      env: ['A=x=y', 'EMPTY=', 'QUOTED="a" \'b\'', 'TEXT=grün\tand #hash %41 &amp; ;'],
      entrypoint: '/bin/pause "two words"',
      description: 'über\nline % : #\n{"json": "[1, 2]"}',
      tags: ['b', 'A', 'b'],
      memoryMiB: 96,
      swapMiB: 32,
      cores: 2,
      cpuLimit: 1.5,
      onboot: false,
      hostname: 'renamed',
    };
    await client.configureGuest(node, vmid, changes, signal);
    expect(await client.guestConfig(node, vmid, signal)).toMatchObject({ ...changes, tags: ['a', 'b'] });
    await client.configureGuest(node, vmid, { env: [], tags: [], description: '' }, signal);
    const emptied = await client.guestConfig(node, vmid, signal);
    expect(emptied).toMatchObject({ env: [], tags: [], description: undefined, entrypoint: changes.entrypoint });
  });

  it('carries a large environment', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().made();
    const env = [`CONFIG=${'0123456789abcdef'.repeat(4_096)}`];
    await client.configureGuest(node, vmid, { env }, signal);
    expect((await client.guestConfig(node, vmid, signal)).env).toEqual(env);
  });

  it('refuses a change that was made up from an older config', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().made();
    const { digest } = await client.guestConfig(node, vmid, signal);
    await client.configureGuest(node, vmid, { memoryMiB: 80, digest }, signal);
    const stale = client.configureGuest(node, vmid, { memoryMiB: 96, digest }, signal);
    await expect(stale).rejects.toMatchObject({ meaning: 'modified' });
    expect((await client.guestConfig(node, vmid, signal)).memoryMiB).toBe(80);
  });

  it.each([
    ['a newline in the environment', { env: ['A=one\ntwo'] }],
    ['a variable without a name', { env: ['=x'] }],
    ['an empty entrypoint', { entrypoint: '' }],
    ['a tag with a space and a slash', { tags: ['a/b'] }],
    ['a host name with an underscore', { hostname: 'no_good' }],
    ['too little memory', { memoryMiB: 1 }],
    ['an interface without a name', { net0: 'bridge=vmbr0' }],
    ['nothing to change', {}],
  ])('refuses %s, and changes nothing', async (_, changes) => {
    const { client, node, signal } = bench();
    const vmid = await bench().made();
    const before = await client.guestConfig(node, vmid, signal);
    await expect(client.configureGuest(node, vmid, changes, signal)).rejects.toMatchObject({ meaning: 'invalid' });
    expect(await client.guestConfig(node, vmid, signal)).toEqual(before);
  });

  it('destroys a guest so that nothing is left of it', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().made();
    await bench().succeeded(await client.destroyGuest(node, vmid, signal));
    await expect(client.guestConfig(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
    expect((await client.resources(signal)).guests.map((guest) => guest.vmid)).not.toContain(vmid);
    await expect(client.destroyGuest(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
  });

  it('knows nothing of a guest that never was, and takes a stop of it for done', async () => {
    const { client, node, signal } = bench();
    const vmid = bench().freshVmid();
    await expect(client.guestConfig(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
    await expect(client.guestStatus(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
    const change = client.configureGuest(node, vmid, { memoryMiB: 64 }, signal);
    await expect(change).rejects.toMatchObject({ meaning: 'absent' });
    expect(await client.guestAddresses(node, vmid, signal)).toEqual([]);
    expect(await client.stopGuest(node, vmid, signal)).toBe('already');
    expect(await client.shutdownGuest(node, vmid, 5, signal)).toBe('already');
  });
}
