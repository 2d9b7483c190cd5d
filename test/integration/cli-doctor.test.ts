import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { make, service } from '../../api/testing/api-fixture.ts';
import type { Condition } from '../../crds/condition.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { CliFixture } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

interface Seen {
  ready: Pick<Condition, 'status' | 'reason' | 'message'>;
  freeBytes?: number;
  online?: boolean;
}

async function makeCluster({ ready, freeBytes = 900, online = true }: Seen): Promise<void> {
  const made = await make(cli.api, ProxmoxCluster, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'ProxmoxCluster',
    metadata: { name: 'default' },
    spec: {
      endpoints: ['https://127.0.0.1:8006'],
      tokenSecretRef: { name: 'proxmox' },
      regions: [{ name: 'default', nodes: ['pve1'] }],
      network: { bridge: 'vmbr0', addressing: 'dhcp' },
      vmidRange: { from: 200, to: 299 },
      storages: { rootfs: 'local-lvm', templates: 'local' },
    },
  });
  const times = { observedGeneration: 1, lastTransitionTime: '2026-01-31T12:00:00.000Z' };
  const node = { name: 'pve1', online, cpu: 0, memoryBytes: 1, memoryUsedBytes: 0 };
  const status = {
    ...made.status,
    conditions: [{ type: 'Ready', ...ready, ...times }],
    nodes: [{ ...node, storages: [{ name: 'local-lvm', totalBytes: 1_000, freeBytes }] }],
  };
  await cli.api.store.updateStatus(ProxmoxCluster, { ...made, status }, { manager: 'test' });
}

const isReady = { status: 'True', reason: 'Settled', message: '' } as const;

describe('containr doctor', () => {
  it('ends with 0 when nothing is wrong', async () => {
    await makeCluster({ ready: isReady });
    const { code, stdout, stderr } = await cli.run('doctor');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('ok     The server answers, version v0.1.0.');
    expect(stdout).toContain('ok     The clocks of this machine and the server agree.');
    expect(stdout).toContain('ok     proxmoxcluster/default is ready.');
    expect(stdout).not.toContain('WRONG');
  });

  it('says what is wrong with a cluster, and what to do', async () => {
    const message = 'The token lacks VM.Allocate.';
    await makeCluster({ ready: { status: 'False', reason: 'AccessDenied', message }, freeBytes: 40, online: false });
    const { code, stdout } = await cli.run('doctor');
    expect(code).toBe(1);
    expect(stdout).toContain('WRONG  proxmoxcluster/default is not ready: The token lacks VM.Allocate.\n       ');
    expect(stdout).toContain('Grant what the message names.');
    expect(stdout).toContain('WRONG  Storage local-lvm on node pve1 of proxmoxcluster/default is 96% full.');
    expect(stdout).toContain('WRONG  Node pve1 of proxmoxcluster/default is offline.');
  });

  it('names each object that is stalled, to whoever may see it', async () => {
    await makeCluster({ ready: isReady });
    await make(cli.api, Service, service('web'));
    await cli.report('web', [{ type: 'Stalled', reason: 'BuildFailed', message: 'The Dockerfile fails.' }]);
    const viewer = await cli.start(['doctor'], { as: 'viewer' }).ended;
    expect(viewer.code).toBe(1);
    expect(viewer.stdout).toContain('WRONG  service/web in shop is stalled: The Dockerfile fails.');
    expect(viewer.stdout).toContain('proxmoxclusters are shown to administrators only.');
    expect((await cli.start(['doctor'], { as: 'stranger' }).ended).code).toBe(0);
  });

  it('says that an installation without a cluster runs nothing', async () => {
    const { code, stdout } = await cli.run('doctor');
    expect(code).toBe(1);
    expect(stdout).toContain('WRONG  There is no ProxmoxCluster: nothing can run.');
  });

  it('stops at a server that is away, or does not let one in', async () => {
    const away = await cli.start(['doctor'], { env: { CONTAINR_URL: 'http://127.0.0.1:1' } }).ended;
    expect(away).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^WRONG {2}The server at .* does not answer/),
    });
    const unknown = await cli.start(['doctor'], { as: 'nobody' }).ended;
    expect(unknown.code).toBe(1);
    expect(unknown.stdout.trim().split('\n')).toHaveLength(1);
  });
});
