import { expect, it } from 'vitest';
import { mountBytes, mountText, parseMount } from '../../../reconcilers/providers/proxmox/mount.ts';
import { taskOf, type ProxmoxBench } from './under-test.ts';

const GIB = 2 ** 30;

/** Volumes that guests give to one another. */
export function volumeBehaviour(bench: () => ProxmoxBench): void {
  /** A stopped guest with a volume of 1 GiB at `mp0`. */
  async function withVolume(): Promise<{ vmid: number; volid: string }> {
    const { client, node, under, signal } = bench();
    const vmid = await bench().made();
    const mp0 = mountText({ volume: `${under.storages.rootfs}:1`, path: '/data', readOnly: false });
    await client.configureGuest(node, vmid, { mounts: { mp0 } }, signal);
    return { vmid, volid: await volidAt(vmid, 'mp0') };
  }

  async function volidAt(vmid: number, key: string): Promise<string> {
    const { client, node, signal } = bench();
    const { mounts, unused } = await client.guestConfig(node, vmid, signal);
    return parseMount(mounts[key] ?? unused[key] ?? '').volume;
  }

  async function stored(vmid: number): Promise<Map<string, number>> {
    const { client, node, under, signal } = bench();
    const volumes = await client.volumes(node, under.storages.rootfs, vmid, signal);
    return new Map(volumes.map(({ volid, sizeBytes }) => [volid, sizeBytes]));
  }

  it('makes a volume with the change of a stopped guest, and names it', async () => {
    const { client, node, signal } = bench();
    const { vmid, volid } = await withVolume();
    const { mounts } = await client.guestConfig(node, vmid, signal);
    const mount = parseMount(mounts['mp0'] ?? '');
    expect(mount).toMatchObject({ volume: volid, path: '/data', readOnly: false });
    expect(mountBytes(mount.size)).toBe(GIB);
    expect((await stored(vmid)).get(volid)).toBe(GIB);
  });

  it('makes no second volume from a config that has changed meanwhile', async () => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().made();
    const { digest } = await client.guestConfig(node, vmid, signal);
    const mp0 = mountText({ volume: `${under.storages.rootfs}:1`, path: '/data', readOnly: false });
    const before = (await stored(vmid)).size;
    const both = await Promise.allSettled(
      [1, 2].map(() => client.configureGuest(node, vmid, { mounts: { mp0 }, digest }, signal)),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const result of both)
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ meaning: expect.stringMatching(/modified|busy/) });
    expect((await stored(vmid)).size).toBe(before + 1);
  });

  it.each([
    ['on a storage that is not there', 'no-such-storage:1,mp=/data', /invalid|forbidden/],
    ['without a path', 'local:1', /invalid/],
  ])('makes no volume %s', async (_, mp0, meaning) => {
    const { client, node, under, signal } = bench();
    const vmid = await bench().made();
    const text = mp0.replace(/^local:/, `${under.storages.rootfs}:`);
    const change = client.configureGuest(node, vmid, { mounts: { mp0: text } }, signal);
    await expect(change).rejects.toMatchObject({ meaning: expect.stringMatching(meaning) });
    expect((await client.guestConfig(node, vmid, signal)).mounts).toEqual({});
  });

  it('moves a volume to another guest, under another name, with path and size', async () => {
    const { client, node, signal } = bench();
    const { vmid, volid } = await withVolume();
    const target = await bench().made();
    const from = await client.guestConfig(node, vmid, signal);
    const to = await client.guestConfig(node, target, signal);
    await bench().succeeded(
      await client.moveVolume(
        node,
        { vmid, key: 'mp0', digest: from.digest },
        { vmid: target, key: 'mp3', digest: to.digest },
        signal,
      ),
    );
    expect((await client.guestConfig(node, vmid, signal)).mounts).toEqual({});
    const after = await client.guestConfig(node, target, signal);
    const mount = parseMount(after.mounts['mp3'] ?? '');
    expect(mount).toMatchObject({ path: '/data' });
    expect(mountBytes(mount.size)).toBe(GIB);
    expect(mount.volume).not.toBe(volid);
    expect((await stored(vmid)).has(volid)).toBe(false);
    expect((await stored(target)).get(mount.volume)).toBe(GIB);
    await bench().succeeded(await client.destroyGuest(node, vmid, signal));
    expect((await stored(target)).has(mount.volume)).toBe(true);
  });

  it('refuses to move what is not there, what is in use, and to where there is something', async () => {
    const { client, node, signal } = bench();
    const { vmid } = await withVolume();
    const other = await withVolume();
    const move = (key: string, to: number, toKey: string): Promise<string> =>
      client.moveVolume(node, { vmid, key }, { vmid: to, key: toKey }, signal);
    await expect(move('mp7', other.vmid, 'mp1')).rejects.toMatchObject({ meaning: 'absent' });
    await expect(move('mp0', other.vmid, 'mp0')).rejects.toMatchObject({ meaning: 'exists' });
    await expect(move('mp0', bench().freshVmid(), 'mp0')).rejects.toMatchObject({ meaning: 'absent' });
    await bench().succeeded(taskOf(await client.startGuest(node, vmid, signal)));
    await expect(move('mp0', other.vmid, 'mp1')).rejects.toMatchObject({ meaning: 'running' });
  });

  it('refuses a move that was made up from an older config, of either guest', async () => {
    const { client, node, signal } = bench();
    const { vmid } = await withVolume();
    const target = await bench().made();
    for (const changed of [vmid, target]) {
      const from = await client.guestConfig(node, vmid, signal);
      const to = await client.guestConfig(node, target, signal);
      await client.configureGuest(node, changed, { memoryMiB: 72 + (changed % 8) }, signal);
      const stale = client.moveVolume(
        node,
        { vmid, key: 'mp0', digest: from.digest },
        { vmid: target, key: 'mp0', digest: to.digest },
        signal,
      );
      await expect(stale).rejects.toMatchObject({ meaning: 'modified' });
    }
  });

  it('grows a volume, stopped or running, and does not shrink it', async () => {
    const { client, node, signal } = bench();
    const { vmid, volid } = await withVolume();
    const grow = (sizeGiB: number) => client.resizeVolume(node, { vmid, key: 'mp0' }, sizeGiB, signal);
    await bench().succeeded(taskOf(await grow(2)));
    expect((await stored(vmid)).get(volid)).toBe(2 * GIB);
    expect(await grow(2)).toBe('already');
    await expect(grow(1)).rejects.toMatchObject({ meaning: 'invalid' });
    await bench().succeeded(taskOf(await client.startGuest(node, vmid, signal)));
    await bench().succeeded(taskOf(await grow(3)));
    const { mounts } = await client.guestConfig(node, vmid, signal);
    expect(mountBytes(parseMount(mounts['mp0'] ?? '').size)).toBe(3 * GIB);
  });

  it('keeps a volume that is taken off as unused, puts it back, and destroys it when told twice', async () => {
    const { client, node, signal } = bench();
    const { vmid, volid } = await withVolume();
    await client.configureGuest(node, vmid, { remove: ['mp0'] }, signal);
    expect(await client.guestConfig(node, vmid, signal)).toMatchObject({ mounts: {}, unused: { unused0: volid } });
    const mp1 = mountText({ volume: volid, path: '/again', readOnly: true, size: '1G' });
    await client.configureGuest(node, vmid, { mounts: { mp1 } }, signal);
    const back = await client.guestConfig(node, vmid, signal);
    expect(back.unused).toEqual({});
    expect(parseMount(back.mounts['mp1'] ?? '')).toMatchObject({ volume: volid, path: '/again', readOnly: true });
    await client.configureGuest(node, vmid, { remove: ['mp1'] }, signal);
    await client.configureGuest(node, vmid, { remove: ['unused0'] }, signal);
    expect(await client.guestConfig(node, vmid, signal)).toMatchObject({ mounts: {}, unused: {} });
    expect((await stored(vmid)).has(volid)).toBe(false);
  });

  it('changes nothing when it is told to take off what is not there', async () => {
    const { client, node, signal } = bench();
    const { vmid, volid } = await withVolume();
    await client.configureGuest(node, vmid, { remove: ['mp9', 'unused9'] }, signal);
    expect(await volidAt(vmid, 'mp0')).toBe(volid);
  });

  it('destroys with a guest all that it has, used or not', async () => {
    const { client, node, under, signal } = bench();
    const { vmid } = await withVolume();
    const mp1 = mountText({ volume: `${under.storages.rootfs}:1`, path: '/more', readOnly: false });
    await client.configureGuest(node, vmid, { remove: ['mp0'] }, signal);
    await client.configureGuest(node, vmid, { mounts: { mp1 } }, signal);
    await bench().succeeded(await client.destroyGuest(node, vmid, signal));
    expect((await stored(vmid)).size).toBe(0);
  });

  it('makes a guest without a network that does not start with its node', async () => {
    const { client, node, signal } = bench();
    const { net0: _, ...wanted } = bench().wanted(bench().freshVmid(), await bench().placed());
    await bench().succeeded(await client.createGuest(node, { ...wanted, onboot: false }, signal));
    expect(await client.guestConfig(node, wanted.vmid, signal)).toMatchObject({ nets: {}, onboot: false });
  });
}
