import { describe, expect, it } from 'vitest';
import type { GuestConfig, ListedGuest } from '../providers/proxmox/client.ts';
import { descriptionFor, tagsFor } from './guest-marks.ts';
import { UnownedConfigs } from './unowned-guests.ts';

const installation = 'a1b2c3d4';
const scope = { cluster: 'home', installation };
const LOST = '0b54c1a6-8f3d-4d5c-9a43-1f1f6e6ab001';
const HEIR = '0b54c1a6-8f3d-4d5c-9a43-1f1f6e6ab002';

const row: ListedGuest = {
  vmid: 20_000,
  node: 'pve1',
  type: 'lxc',
  status: 'running',
  name: 'web',
  lock: undefined,
  tags: tagsFor({ installation, uid: LOST }),
  maxMemoryBytes: undefined,
  maxCpu: undefined,
  memoryBytes: undefined,
  cpu: undefined,
  uptimeSeconds: undefined,
  netInBytes: undefined,
  netOutBytes: undefined,
};

function configOf(inTags: string, described = inTags): GuestConfig {
  return {
    digest: 'd',
    hostname: 'web',
    description: descriptionFor({ installation, uid: described, kind: 'Guest', project: 'shop', name: 'web' }),
    tags: tagsFor({ installation, uid: inTags }),
    lock: undefined,
    memoryMiB: 512,
    swapMiB: 0,
    cores: 1,
    cpuLimit: undefined,
    entrypoint: undefined,
    env: [],
    onboot: true,
    protection: false,
    nets: {},
    rootfs: undefined,
    mounts: {},
    unused: {},
  };
}

async function readWith(config: GuestConfig): Promise<string[]> {
  const client = { guestConfig: async () => config };
  const found = await new UnownedConfigs().read([row], { client }, scope, new AbortController().signal);
  return found.map(({ identity }) => identity.uid);
}

describe('UnownedConfigs', () => {
  it('knows a guest by the identity in its config', async () => {
    expect(await readWith(configOf(LOST))).toEqual([LOST]);
  });

  it('leaves out one that was taken over after it was listed: it has an owner now', async () => {
    expect(await readWith(configOf(HEIR))).toEqual([]);
  });

  it('leaves out one whose tags and description name different owners', async () => {
    expect(await readWith(configOf(LOST, HEIR))).toEqual([]);
    expect(await readWith(configOf(HEIR, LOST))).toEqual([]);
  });
});
