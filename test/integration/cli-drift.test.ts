import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { make } from '../../api/testing/api-fixture.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

const since = '2026-01-31T12:00:00.000Z';

async function drifting(drift: Guest['status']['drift']): Promise<void> {
  await cli.run('apply', '-f', cli.write('web.yaml', serviceYaml('web')));
  const digest = `sha256:${'a'.repeat(64)}`;
  const process = { command: ['/app'], env: [], workingDir: '', user: '', stopSignal: '' };
  const guest = await make(cli.api, Guest, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Guest',
    metadata: { name: 'web-r1-0', namespace: 'shop', labels: { 'containr.dev/service': 'web' } },
    spec: {
      hostname: 'web',
      artifact: { digest, sizeBytes: 1, imageDigest: digest, image: 'web:1', architecture: 'amd64', process },
      process: { command: ['/app'] },
    },
  });
  await cli.api.store.updateStatus(Guest, { ...guest, status: { ...guest.status, drift } }, { manager: 'test' });
}

async function orphaned(orphans: ProxmoxCluster['status']['orphans']): Promise<void> {
  const made = await make(cli.api, ProxmoxCluster, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'ProxmoxCluster',
    metadata: { name: 'home' },
    spec: {
      endpoints: ['https://127.0.0.1:8006'],
      tokenSecretRef: { name: 'proxmox' },
      regions: [{ name: 'default', nodes: ['pve1'] }],
      network: { bridge: 'vmbr0', addressing: 'dhcp' },
      vmidRange: { from: 200, to: 299 },
      storages: { rootfs: 'local-lvm', templates: 'local' },
    },
  });
  const status = { ...made.status, orphans, orphanCount: orphans.length };
  await cli.api.store.updateStatus(ProxmoxCluster, { ...made, status }, { manager: 'test' });
}

describe('containr drift', () => {
  it('lists what is not as declared, and ends with 1 when there is any', async () => {
    await drifting([{ field: 'memory', declared: '512', found: '2048', since }]);
    const { code, stdout } = await cli.run('drift', 'list', '-A');
    expect(code).toBe(1);
    expect(stdout).toMatch(/shop +guest\/web-r1-0 +memory +512 +2048 +\S+ +stays/);
  });

  it('declares what was found, as the service can say it', async () => {
    await drifting([
      { field: 'memory', declared: '512', found: '2048', since },
      { field: 'cores', declared: '1', found: '4', since },
    ]);
    const { code, stdout } = await cli.run('drift', 'accept', 'service/web', '-n', 'shop');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('memory 2048Mi, cpu 4') });
    const service = await cli.api.store.get(Service, { namespace: 'shop', name: 'web' });
    expect(service?.spec.resources).toEqual({ cpu: '4', memory: '2048Mi', storage: '4Gi' });
  });

  it('accepts nothing of what cannot be declared whole, and says why', async () => {
    await drifting([
      { field: 'memory', declared: '512', found: '2048', since },
      { field: 'onboot', declared: 'true', found: 'false', since },
    ]);
    const { code, stderr } = await cli.run('drift', 'accept', 'guest/web-r1-0', '-n', 'shop');
    expect(code).toBe(1);
    expect(stderr).toContain('onboot is false, and no field of a service says that');
    expect((await cli.api.store.get(Service, { namespace: 'shop', name: 'web' }))?.spec.resources.memory).toBe('512Mi');
  });
});

describe('containr orphans', () => {
  const keeper = {
    vmid: 210,
    node: 'pve1',
    name: 'data-keeper',
    running: false,
    since,
    kind: 'Volume',
    project: 'shop',
    object: 'data',
    retained: true,
    volumes: [{ key: 'mp0', name: 'data', size: '5G' }],
    why: 'It keeps the volume shop/data, which was to be retained when its object was deleted.',
  };

  it('says of each what it was and what can be done', async () => {
    await orphaned([keeper]);
    const { code, stdout } = await cli.run('orphans');
    expect(code).toBe(0);
    expect(stdout).toMatch(/home +210 +pve1 +stopped +volume\/data in shop +data 5G/);
    expect(stdout).toContain('containr adopt 210');
    expect(stdout).toContain('pct destroy 210. That destroys what is on data (mp0) too');
    expect(JSON.parse((await cli.run('orphans', '--json')).stdout)).toMatchObject({
      orphans: [{ vmid: 210 }],
      untold: 0,
    });
  });

  it('is nothing for those who may not see clusters', async () => {
    await orphaned([keeper]);
    expect((await cli.start(['orphans'], { as: 'dev' }).ended).code).toBe(5);
  });

  it('hands nothing to another project, and takes over no stranger', async () => {
    await orphaned([keeper]);
    expect((await cli.run('adopt', '210', '-n', 'other')).stderr).toContain(
      'is of the project shop and goes to no other',
    );
    expect(await cli.run('adopt', '211')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('pct move-volume'),
    });
    expect((await cli.run('adopt', '210', '--as', 'guest/web')).code).toBe(2);
  });

  it('says how a guest without its object is had back', async () => {
    await orphaned([{ ...keeper, vmid: 211, kind: 'Guest', object: 'web-r7-0', owner: 'Service/web', volumes: [] }]);
    const { code, stderr } = await cli.run('adopt', '211');
    expect(code).toBe(3);
    expect(stderr).toContain('Apply the manifests of service/web in the project shop');
  });
});
