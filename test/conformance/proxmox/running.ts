import { expect, it } from 'vitest';
import { meaningOfExit } from '../../../reconcilers/providers/proxmox/refusals.ts';
import { taskOf, type ProxmoxBench } from './under-test.ts';

/** A guest that runs. */
export function runningBehaviour(bench: () => ProxmoxBench): void {
  it('starts a guest, once', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().started();
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'running', lock: undefined });
    expect(await client.startGuest(node, vmid, signal)).toBe('already');
  });

  it('fails the start of a guest that is not there in its task', async () => {
    const { client, node, signal } = bench();
    const state = await bench().ended(taskOf(await client.startGuest(node, bench().freshVmid(), signal)));
    expect(state.ok).toBe(false);
    expect(meaningOfExit(state.exit)).toBe('absent');
  });

  it('lets a start wait for the create under way', async () => {
    const { client, node, signal } = bench();
    const vmid = bench().freshVmid();
    const create = await client.createGuest(node, bench().wanted(vmid, await bench().placed()), signal);
    const start = taskOf(await client.startGuest(node, vmid, signal));
    await bench().succeeded(create);
    await bench().succeeded(start);
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'running' });
  });

  it('fails a start whose bridge is not there, and the guest stays stopped', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().made({ net0: 'name=eth0,bridge=vmbr4094' });
    const state = await bench().ended(taskOf(await client.startGuest(node, vmid, signal)));
    expect(state).toMatchObject({ ok: false, exit: expect.stringContaining('vmbr4094') });
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'stopped' });
  });

  it('changes the size of a running guest at once, and keeps the rest for its next start', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().started();
    await client.configureGuest(node, vmid, { memoryMiB: 96, tags: ['live'], env: ['A=2'] }, signal);
    expect(await client.guestConfig(node, vmid, signal)).toMatchObject({ memoryMiB: 96, tags: ['live'], env: ['A=2'] });
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'running' });
  });

  it('does not destroy a guest that runs', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().started();
    await expect(client.destroyGuest(node, vmid, signal)).rejects.toMatchObject({ meaning: 'running' });
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'running' });
  });

  it('kills a process that ignores the halt signal after the timeout', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().started();
    await bench().succeeded(taskOf(await client.shutdownGuest(node, vmid, 2, signal)));
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'stopped' });
    expect(await client.shutdownGuest(node, vmid, 2, signal)).toBe('already');
  });

  it('stops a guest at once, also while a shutdown waits for it', async () => {
    const { client, node, signal } = bench();
    const vmid = await bench().started();
    await client.shutdownGuest(node, vmid, 300, signal);
    const stop = await client.stopGuest(node, vmid, signal);
    if (stop !== 'already') await bench().succeeded(stop.upid);
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'stopped' });
    expect(await client.stopGuest(node, vmid, signal)).toBe('already');
  });

  it('lists tags as they are, and the status after a while', async () => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().started();
    await client.configureGuest(node, vmid, { tags: ['listed'] }, signal);
    const row = async () => (await client.resources(signal)).guests.find((guest) => guest.vmid === vmid);
    expect(await row()).toMatchObject({ node, type: 'lxc', tags: ['listed'], lock: undefined });
    for (let waited = 0; waited < 30 && (await row())?.status !== 'running'; waited++) await under.wait(1_000);
    expect(await row()).toMatchObject({ status: 'running', maxMemoryBytes: 64 * 2 ** 20, name: `conformance-${vmid}` });
  });
}
