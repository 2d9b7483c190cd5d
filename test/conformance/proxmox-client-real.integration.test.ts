import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { createProxmoxClient } from '../../reconcilers/providers/proxmox/proxmox-client.ts';
import { writePauseArchive } from './proxmox/pause-archive.ts';
import { proxmoxClientConformance } from './proxmox-client.ts';

const prefix = 'CONTAINR_TEST_PVE_';

/** The values of these variables, or the names of those that are not set. */
function settings() {
  const read = (name: string) => process.env[`${prefix}${name}`] ?? '';
  const needed = {
    url: 'URL',
    tokenId: 'TOKEN_ID',
    tokenSecret: 'TOKEN_SECRET',
    fingerprint: 'FINGERPRINT',
    node: 'NODE',
  };
  const missing = Object.values(needed).filter((name) => read(name) === '');
  if (missing.length > 0) return { missing: missing.map((name) => prefix + name) };
  const rootfs = read('STORAGE') || 'local-lvm';
  return {
    url: read('URL'),
    tokenId: read('TOKEN_ID'),
    tokenSecret: read('TOKEN_SECRET'),
    fingerprint: read('FINGERPRINT'),
    node: read('NODE'),
    storages: { rootfs, templates: read('TEMPLATES') || 'local', backups: read('BACKUPS') || 'local' },
    bridge: read('BRIDGE') || 'vmbr0',
    architecture: read('ARCH') === 'arm64' ? ('arm64' as const) : ('amd64' as const),
    vmidFrom: Number(read('VMID_FROM') || 900_000),
  };
}

const given = settings();
if ('missing' in given) {
  console.info(
    `Skipped: the suite on a real Proxmox VE needs ${given.missing.join(', ')}. It makes and removes guests there.`,
  );
}

describe.skipIf('missing' in given)('a real Proxmox VE, through the client', () => {
  proxmoxClientConformance(async () => {
    if ('missing' in given) throw new Error('The suite was not to run.');
    const folder = await mkdtemp(join(tmpdir(), 'containr-conformance-'));
    const { url, tokenId, tokenSecret, fingerprint, ...rest } = given;
    const client = createProxmoxClient({ endpoints: [url], tokenId, tokenSecret, tls: { fingerprint } });
    return {
      client,
      ...rest,
      archive: await writePauseArchive(join(folder, 'pause.tar'), rest.architecture),
      wait: (ms) => sleep(ms),
      async close() {
        await client.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
});
