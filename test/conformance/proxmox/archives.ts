import { expect, it } from 'vitest';
import { meaningOfExit } from '../../../reconcilers/providers/proxmox/refusals.ts';
import type { ProxmoxBench } from './under-test.ts';

/** Archives on a storage. */
export function archiveBehaviour(bench: () => ProxmoxBench): void {
  it('keeps what is uploaded, under the name and with the size of the file', async () => {
    const { client, node, under, signal } = bench();
    const volid = await bench().placed();
    const archives = await client.archives(node, under.storages.templates, signal);
    expect(archives).toContainEqual({ volid, sizeBytes: under.archive.sizeBytes });
  });

  it('takes an upload over a file of the same name', async () => {
    const { client, node, under, filename, signal } = bench();
    const volid = await bench().placed();
    await bench().succeeded(
      await client.uploadArchive(node, under.storages.templates, filename, under.archive, signal),
    );
    const named = (await client.archives(node, under.storages.templates, signal)).filter((one) => one.volid === volid);
    expect(named).toEqual([{ volid, sizeBytes: under.archive.sizeBytes }]);
  });

  it('deletes an archive, and one that is gone as well', async () => {
    const { client, node, under, signal } = bench();
    const volid = await bench().placed();
    for (let n = 0; n < 2; n++) {
      const upid = await client.deleteArchive(node, under.storages.templates, volid, signal);
      if (upid !== undefined) await bench().succeeded(upid);
      const archives = await client.archives(node, under.storages.templates, signal);
      expect(archives.map((one) => one.volid)).not.toContain(volid);
    }
  });

  it('refuses a name that is no archive, and a storage that is not there', async () => {
    const { client, node, under, filename, signal } = bench();
    const { templates } = under.storages;
    const odd = client.uploadArchive(node, templates, 'archive.zip', under.archive, signal);
    await expect(odd).rejects.toMatchObject({ meaning: 'invalid' });
    // To a token with rights on single storages, one that is not there is one it may not use: an upload is then cut off.
    const nowhere = client.uploadArchive(node, 'no-such-storage', filename, under.archive, signal);
    await expect(nowhere).rejects.toMatchObject({ meaning: expect.stringMatching(/invalid|forbidden|noAnswer/) });
    const listing = client.archives(node, 'no-such-storage', signal);
    await expect(listing).rejects.toMatchObject({ meaning: expect.stringMatching(/invalid|forbidden/) });
  });

  it('fails a download of what is not there', async () => {
    const { client, node, under, signal } = bench();
    const source = { url: 'http://127.0.0.1:9/nothing.tar', sha256: 'ab'.repeat(32) };
    const upid = await client.downloadArchive(node, under.storages.templates, 'conformance-none.tar', source, signal);
    expect(await bench().ended(upid)).toMatchObject({ ok: false });
  });

  it('makes no guest from an archive that is not there', async () => {
    const { client, node, under, signal } = bench();
    const vmid = bench().freshVmid();
    const missing = `${under.storages.templates}:vztmpl/conformance-missing.tar`;
    const upid = await client.createGuest(node, bench().wanted(vmid, missing), signal);
    const state = await bench().ended(upid);
    expect(state.ok).toBe(false);
    expect(meaningOfExit(state.exit)).toBe('absent');
    await expect(client.guestConfig(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
  });
}
