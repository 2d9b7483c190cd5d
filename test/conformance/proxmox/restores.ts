import { expect, it } from 'vitest';
import type { RestoreGuest } from '../../../reconcilers/providers/proxmox/client.ts';
import { mountBytes, mountText, parseMount } from '../../../reconcilers/providers/proxmox/mount.ts';
import type { ProxmoxBench } from './under-test.ts';

const GIB = 2 ** 30;

/** Guests made from backups. */
export function restoreBehaviour(bench: () => ProxmoxBench): void {
  /** A backup of a guest that has two volumes and all that a restore must not take over. */
  async function backedUp(): Promise<string> {
    const { client, node, under, signal } = bench();
    const { rootfs, backups } = under.storages;
    const vmid = await bench().made();
    const mounts = {
      mp0: mountText({ volume: `${rootfs}:1`, path: '/cache', readOnly: false }),
      mp1: mountText({ volume: `${rootfs}:1`, path: '/data', readOnly: false }),
    };
    const changes = { mounts, env: ['PASSWORD=hunter2'], entrypoint: '/bin/old', onboot: true, tags: ['old'] };
    await client.configureGuest(node, vmid, changes, signal);
    const notes = `conformance restore ${vmid}`;
    await bench().succeeded(await client.backUp(node, { vmid, storage: backups, mode: 'stop', notes }, signal));
    const [backup] = await client.backups(node, backups, vmid, signal);
    return backup?.volid ?? '';
  }

  async function discard(volid: string): Promise<void> {
    const { client, node, under, signal } = bench();
    const upid = await client.deleteBackup(node, under.storages.backups, volid, signal);
    if (upid !== undefined) await bench().succeeded(upid);
  }

  function wanted(vmid: number, backup: string): RestoreGuest {
    const { rootfs } = bench().under.storages;
    return {
      vmid,
      backup,
      hostname: `restored-${vmid}`,
      storage: rootfs,
      rootfsGiB: 0.1,
      mounts: { mp0: mountText({ volume: `${rootfs}:2`, path: '/data', readOnly: false }) },
      tags: ['keeper'],
      description: 'Keeps what was restored.',
    };
  }

  it('takes the disk that is asked for out of a backup, and nothing that could start or pass for the old guest', async () => {
    const { client, node, signal } = bench();
    const backup = await backedUp();
    const disks = await client.backedUpDisks(node, backup, signal);
    expect(disks.rootBytes).toBeGreaterThan(0);
    expect(disks.mounts.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: '/cache', bytes: GIB, included: true },
      { path: '/data', bytes: GIB, included: true },
    ]);

    const vmid = bench().freshVmid();
    await bench().succeeded(await client.restoreGuest(node, wanted(vmid, backup), signal));
    const config = await client.guestConfig(node, vmid, signal);
    expect(config).toMatchObject({
      hostname: `restored-${vmid}`,
      tags: ['keeper'],
      description: 'Keeps what was restored.',
      entrypoint: '/never/started',
      env: ['CONTAINR_KEEPER=1'],
      onboot: false,
      protection: false,
      memoryMiB: 16,
      lock: undefined,
      unused: {},
    });
    expect(Object.keys(config.mounts)).toEqual(['mp0']);
    const mount = parseMount(config.mounts['mp0'] ?? '');
    expect(mount.path).toBe('/data');
    expect(mountBytes(mount.size)).toBe(2 * GIB);
    expect(await client.guestStatus(node, vmid, signal)).toMatchObject({ status: 'stopped' });
    const { nets } = config;
    await client.configureGuest(node, vmid, { remove: Object.keys(nets), digest: config.digest }, signal);
    expect((await client.guestConfig(node, vmid, signal)).nets).toEqual({});
    await discard(backup);
  });

  it('restores over no guest, whoever has the vmid', async () => {
    const { client, node, signal } = bench();
    const backup = await backedUp();
    const vmid = await bench().made();
    const before = await client.guestConfig(node, vmid, signal);
    await expect(client.restoreGuest(node, wanted(vmid, backup), signal)).rejects.toMatchObject({ meaning: 'exists' });
    expect(await client.guestConfig(node, vmid, signal)).toEqual(before);
    await discard(backup);
  });

  it('leaves nothing of a restore that fails', async () => {
    const { client, node, under, signal } = bench();
    const gone = `${under.storages.backups}:backup/vzdump-lxc-899999-2026_01_01-00_00_00.tar.zst`;
    const vmid = bench().freshVmid();
    const end = await client.restoreGuest(node, wanted(vmid, gone), signal).then(
      async (upid) => (await bench().ended(upid)).ok,
      () => false,
    );
    expect(end).toBe(false);
    await expect(client.guestConfig(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
    await expect(client.backedUpDisks(node, gone, signal)).rejects.toMatchObject({
      meaning: expect.stringMatching(/absent|forbidden/),
    });
  });
}
