import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { FakeProxmox } from './fake.ts';
import { ProxmoxFault } from './fault.ts';
import { archiveFilename, placeArchive, type ArchivePlace } from './place-archive.ts';

const signal = new AbortController().signal;
const sha256 = 'ab'.repeat(32);
const downloadUrl = 'http://controller.lan/archives/x';
const place: ArchivePlace = {
  node: 'pve1',
  storage: 'local',
  filename: archiveFilename(`sha256:${sha256}`),
  file: { path: '/archives/x', sizeBytes: 5_000, sha256 },
};
const volid = `local:vztmpl/containr-${sha256}.tar`;

function world() {
  const clock = new FakeClock();
  const proxmox = new FakeProxmox({ clock });
  proxmox.served.set(downloadUrl, { sizeBytes: 5_000, sha256 });
  return { clock, proxmox };
}

describe('placeArchive', () => {
  it.each([
    ['uploads', 'uploadArchive', place],
    ['lets the node download', 'downloadArchive', { ...place, downloadUrl }],
  ] as const)('%s an archive that is not there, once', async (_, method, where) => {
    const { clock, proxmox } = world();
    expect(await placeArchive(proxmox, where, signal)).toHaveProperty('upid');
    await clock.advance(5_000);
    expect(await placeArchive(proxmox, where, signal)).toEqual({ volid });
    expect(proxmox.calls.get(method)).toBe(1);
  });

  it('uploads over a file of another size, which a download would refuse to', async () => {
    const { clock, proxmox } = world();
    proxmox.storages.get('local')?.put('pve1', place.filename, { sizeBytes: 10, sha256: 'cut short' });
    expect(await placeArchive(proxmox, { ...place, downloadUrl }, signal)).toHaveProperty('upid');
    await clock.advance(5_000);
    expect(await placeArchive(proxmox, { ...place, downloadUrl }, signal)).toEqual({ volid });
  });

  it('uploads when the token may not let nodes download', async () => {
    const { clock, proxmox } = world();
    proxmox.intercept('downloadArchive', { refuse: new ProxmoxFault('forbidden', 'no Sys.AccessNetwork') });
    await placeArchive(proxmox, { ...place, downloadUrl }, signal);
    await clock.advance(5_000);
    expect(await placeArchive(proxmox, { ...place, downloadUrl }, signal)).toEqual({ volid });
  });

  it('looks only on the node and storage it is for', async () => {
    const { proxmox } = world();
    proxmox.storages.get('local')?.put('pve2', place.filename, { sizeBytes: 5_000, sha256 });
    expect(await placeArchive(proxmox, place, signal)).toHaveProperty('upid');
  });

  it('throws when it cannot look', async () => {
    const { proxmox } = world();
    proxmox.unreachable = true;
    await expect(placeArchive(proxmox, place, signal)).rejects.toMatchObject({ meaning: 'noAnswer' });
  });
});
