import { mkdtemp, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { requiredPrivileges } from '../../../reconcilers/providers/proxmox/permissions.ts';
import {
  createProxmoxClient,
  type ProxmoxClientOptions,
} from '../../../reconcilers/providers/proxmox/proxmox-client.ts';
import type { GuestEngine } from '../../../sandbox/engine/engine.ts';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../sandbox/sandbox.ts';
import { writePauseArchive } from './pause-archive.ts';
import type { ProxmoxUnderTest } from './under-test.ts';

const NODE = 'pve1';
const USER = 'containr@pve';

export interface SandboxUnderTest extends ProxmoxUnderTest {
  sandbox: Sandbox;
}

interface Options {
  /** Makes the engine over a folder of its own. */
  engine: (stateDir: string) => Promise<GuestEngine>;
  bridge?: string;
  sandbox?: Partial<SandboxOptions>;
  client?: Partial<ProxmoxClientOptions>;
}

/** The client over a sandbox, with a token that may do what the documentation asks for and nothing else. */
export async function sandboxUnderTest({ engine, bridge = 'vmbr0', ...options }: Options): Promise<SandboxUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'containr-conformance-'));
  const sandbox = await startSandbox({
    dataDir: join(folder, 'pve'),
    nodes: [NODE],
    engine: await engine(join(folder, 'engine')),
    bridge,
    ...options.sandbox,
  });
  const storages = { rootfs: 'local', templates: 'local', backups: 'local' };
  const tokenSecret = await sandbox.addToken(USER, 'main', { privsep: false });
  // The bridge that one test names and that is not there may be named, too.
  for (const name of [bridge, 'vmbr4094']) {
    for (const { role, path, privileges, propagate } of requiredPrivileges({
      storages,
      bridge: name,
      nodes: [NODE],
      downloads: true,
    })) {
      sandbox.setRole(role, privileges);
      sandbox.setAcl(path, USER, role, { propagate });
    }
  }
  const client = createProxmoxClient({
    endpoints: sandbox.urls,
    tokenId: `${USER}!main`,
    tokenSecret,
    tls: { fingerprint: sandbox.fingerprint },
    ...options.client,
  });
  const architecture = arch() === 'arm64' ? 'arm64' : 'amd64';
  return {
    sandbox,
    client,
    node: NODE,
    bridge,
    storages,
    architecture,
    archive: await writePauseArchive(join(folder, 'pause.tar'), architecture),
    vmidFrom: 900_000,
    wait: (ms) => sleep(ms),
    async close() {
      await client.close();
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
