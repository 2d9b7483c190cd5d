import { expect, it } from 'vitest';
import type { StoredBackup } from '../../../reconcilers/providers/proxmox/client.ts';
import { backupRefusal } from '../../../reconcilers/providers/proxmox/refusals.ts';
import type { ProxmoxBench } from './under-test.ts';

/** Backups of guests on a storage. */
export function backupBehaviour(bench: () => ProxmoxBench): void {
  async function listed(vmid: number): Promise<StoredBackup[]> {
    const { client, node, under, signal } = bench();
    return client.backups(node, under.storages.backups, vmid, signal);
  }

  async function remove(volid: string): Promise<void> {
    const { client, node, under, signal } = bench();
    const upid = await client.deleteBackup(node, under.storages.backups, volid, signal);
    if (upid !== undefined) await bench().succeeded(upid);
  }

  it('keeps a backup of a stopped guest under its notes, with a size and a time', async () => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().made();
    const { backups: storage } = under.storages;
    const notes = `conformance ${vmid} 0a1b`;
    await bench().succeeded(await client.backUp(node, { vmid, storage, mode: 'stop', notes }, signal));
    const [backup, ...more] = await listed(vmid);
    expect(more).toEqual([]);
    expect(backup).toMatchObject({ vmid, notes, protected: false });
    expect(backup?.sizeBytes).toBeGreaterThan(0);
    expect(backup?.createdSeconds).toBeGreaterThan(0);
    expect((await client.backups(node, storage, undefined, signal)).map(({ volid }) => volid)).toContain(backup?.volid);
    expect((await client.guestStatus(node, vmid, signal)).lock).toBeUndefined();
    await remove(backup?.volid ?? '');
  });

  it('keeps two backups of a guest, and removes one of them alone, also when it is gone already', async () => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().started();
    const { backups: storage } = under.storages;
    for (const notes of ['first', 'second']) {
      await bench().succeeded(await client.backUp(node, { vmid, storage, mode: 'snapshot', notes }, signal));
      // Its name has the second in it.
      await under.wait(1_100);
    }
    const both = await listed(vmid);
    expect(both.map(({ notes }) => notes).sort()).toEqual(['first', 'second']);
    const first = both.find(({ notes }) => notes === 'first');
    for (let n = 0; n < 2; n++) {
      await remove(first?.volid ?? '');
      expect((await listed(vmid)).map(({ notes }) => notes)).toEqual(['second']);
    }
    for (const { volid } of await listed(vmid)) await remove(volid);
  });

  it('leaves a guest that was running running, and says the reason of a failure in the log alone', async () => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().started();
    const { backups: storage } = under.storages;
    // Not by stopping it: this guest knows no signals, and vzdump would wait ten minutes for its end.
    await bench().succeeded(await client.backUp(node, { vmid, storage, mode: 'snapshot', notes: 'live' }, signal));
    expect((await client.guestStatus(node, vmid, signal)).status).toBe('running');
    for (const { volid } of await listed(vmid)) await remove(volid);

    const missing = bench().freshVmid();
    const upid = await client.backUp(node, { vmid: missing, storage, mode: 'stop', notes: 'none' }, signal);
    const state = await bench().ended(upid);
    expect(state.ok).toBe(false);
    const { words } = backupRefusal(await client.taskLog(upid, 200, signal), state.exit);
    expect(words).toContain(String(missing));
    expect(await listed(missing)).toEqual([]);
  });

  it('locks the guest while it is backed up', async () => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().made();
    const { backups: storage } = under.storages;
    const upid = await client.backUp(node, { vmid, storage, mode: 'stop', notes: 'locked' }, signal);
    const change = client.configureGuest(node, vmid, { memoryMiB: 80 }, signal).then(
      () => 'changed',
      () => 'refused',
    );
    const [answer] = await Promise.all([change, bench().ended(upid)]);
    expect(['changed', 'refused']).toContain(answer);
    await client.configureGuest(node, vmid, { memoryMiB: 96 }, signal);
    for (const { volid } of await listed(vmid)) await remove(volid);
  });
}
