import { describe } from 'vitest';
import { FakeProxmox } from '../../reconcilers/providers/proxmox/fake.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { PAUSE_IMAGE } from './proxmox/pause-archive.ts';
import { proxmoxClientConformance } from './proxmox-client.ts';

describe('FakeProxmox, as a ProxmoxClient', () => {
  proxmoxClientConformance(async () => {
    const clock = new FakeClock();
    const client = new FakeProxmox({ clock });
    client.image = PAUSE_IMAGE;
    return {
      client,
      node: 'pve1',
      bridge: 'vmbr0',
      storages: { rootfs: 'local-lvm', templates: 'local', backups: 'local' },
      architecture: 'amd64',
      archive: { path: '/archives/pause.tar', sizeBytes: 11_776, sha256: 'ab'.repeat(32) },
      vmidFrom: 900_000,
      wait: (ms) => clock.advance(ms),
      close: () => client.close(),
    };
  });
});
