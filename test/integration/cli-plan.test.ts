import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { make } from '../../api/testing/api-fixture.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

async function report<R extends Resource>(kind: Kind<R>, object: R, status: Partial<R['status']>): Promise<void> {
  await cli.api.store.updateStatus(kind, { ...object, status: { ...object.status, ...status } }, { manager: 'test' });
}

async function makeCluster(): Promise<void> {
  const made = await make(cli.api, ProxmoxCluster, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'ProxmoxCluster',
    metadata: { name: 'default' },
    spec: {
      endpoints: ['https://127.0.0.1:8006'],
      tokenSecretRef: { name: 'proxmox' },
      regions: [{ name: 'default', nodes: ['pve1', 'pve2'] }],
      network: { bridge: 'vmbr0', addressing: 'dhcp' },
      vmidRange: { from: 200, to: 299 },
      storages: { rootfs: 'local-lvm', templates: 'local' },
    },
  });
  const node = { online: true, cpu: 4, memoryBytes: 8 * 2 ** 30, memoryUsedBytes: 0, storages: [] };
  await report(ProxmoxCluster, made, {
    nodes: [
      { name: 'pve1', ...node },
      { name: 'pve2', ...node },
    ],
  });
}

async function makeGuest(name: string, vmid: number, node: string): Promise<void> {
  const digest = `sha256:${'a'.repeat(64)}`;
  const process = { command: ['/app'], env: [], workingDir: '', user: '', stopSignal: '' };
  const made = await make(cli.api, Guest, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Guest',
    metadata: {
      name,
      namespace: 'shop',
      labels: { 'containr.dev/service': 'web', 'containr.dev/deployment': 'web-r1' },
    },
    spec: {
      hostname: name,
      artifact: { digest, sizeBytes: 1, imageDigest: digest, image: 'web:1', architecture: 'amd64', process },
      process: { command: ['/app'] },
    },
  });
  await report(Guest, made, { vmid, node, created: true });
}

/** A service of two guests on one of two nodes. */
async function served(): Promise<void> {
  await makeCluster();
  await cli.run('apply', '-f', cli.write('web.yaml', serviceYaml('web', '  replicas: 2\n')));
  await cli.report('web', [], { latestRevision: 1 });
  await makeGuest('web-r1-0', 200, 'pve1');
  await makeGuest('web-r1-1', 201, 'pve1');
}

const next = '  replicas: 2\n  resources: {memory: 1Gi}\n  volumes: [{name: data, mountPath: /data, size: 5Gi}]\n';

describe('containr plan', () => {
  it('says what an apply would do on Proxmox, down to guests, nodes, disks and downtime', async () => {
    await served();
    const changed = serviceYaml('web', next.replace('replicas: 2', 'replicas: 1'));
    const file = cli.write(
      'web.yaml',
      `${changed}---\n${serviceYaml('api', '  domains: [{host: api.example.com}]\n')}`,
    );
    const { code, stdout } = await cli.run('plan', '-f', file);
    expect(code).toBe(0);
    expect(stdout).toBe(`-/+ service/web in shop is changed, with other guests
          no build: the image of the revision before is used
      -/+ guest web-r1-0 (200 on pve1) is replaced by web-r2-0, likely on pve2, root disk 4Gi on local-lvm
      -   guest web-r1-1 (201 on pve1) is destroyed
      +   volume web-data, 5Gi on local-lvm
          downtime: about 12 s, to stop the old guest and start the new one (a volume has one guest at a time)
+   service/api in shop is created
      +   build of image nginx:1.29; one that is known already is used again
      +   guest api-r1-0, likely on pve2, root disk 4Gi on local-lvm
      +   route of api: api.example.com, with a certificate

Plan: 1 to create, 1 to change, 0 to delete. On Proxmox: 2 guests made, 2 guests destroyed, 1 disk made. Builds: 1.
`);
    expect((await cli.run('plan', '-f', file, '--exit-code')).code).toBe(1);
  });

  it('says that nothing would change, and ends with 0', async () => {
    await served();
    const { code, stdout } = await cli.run('plan', '-f', 'web.yaml', '--exit-code');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Nothing would change.\n' });
  });

  it('says what goes with what is pruned, and what is kept of it', async () => {
    const both = `${serviceYaml('web')}---\n${serviceYaml('old')}`;
    await cli.run('apply', '-f', cli.write('all.yaml', both), '--inventory', 'shop');
    await makeGuest('web-r1-0', 200, 'pve1');
    cli.write('all.yaml', serviceYaml('old'));
    const { stdout } = await cli.run('plan', '-f', 'all.yaml', '--inventory', 'shop', '--prune');
    expect(stdout).toContain(
      '-   service/web in shop is deleted\n      -   guest web-r1-0 (200 on pve1) is destroyed\n',
    );
    expect(stdout).toContain('downtime: for good: the service goes');
  });

  it('writes no plain secret down, and seals nothing by itself', async () => {
    const secret = `apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: {name: keys, namespace: shop}
spec: {data: {token: canary}}
`;
    const { code, stderr } = await cli.run('plan', '-f', cli.write('keys.yaml', secret), '-o', 'keys.plan');
    expect(code).toBe(2);
    expect(stderr).toContain('containr secret seal');
    expect(() => readFileSync(join(cli.folder, 'keys.plan'))).toThrow();
    expect((await cli.run('plan', '-f', 'keys.yaml', '--diff')).stdout).not.toContain('canary');
  });
});

describe('containr apply PLAN', () => {
  async function planned(): Promise<string> {
    await served();
    const file = cli.write('web.yaml', serviceYaml('web', '  replicas: 3\n'));
    expect((await cli.run('plan', '-f', file, '-o', 'web.plan')).code).toBe(0);
    return 'web.plan';
  }

  async function replicas(): Promise<number | undefined> {
    return (await cli.api.store.get(Service, { namespace: 'shop', name: 'web' }))?.spec.replicas;
  }

  it('does what the plan said, though loops reported in the meantime, and once', async () => {
    const file = await planned();
    await cli.report('web', [{ status: 'False', reason: 'Degraded' }], { latestRevision: 1 });
    expect(await cli.run('apply', file)).toMatchObject({ code: 0, stdout: 'service/web configured\n' });
    expect(await replicas()).toBe(3);
    expect((await cli.run('apply', file)).code).toBe(4);
  });

  it('refuses when an object changed since, and names it', async () => {
    const file = await planned();
    await cli.run('apply', '-f', cli.write('web.yaml', serviceYaml('web', '  replicas: 5\n')));
    const { code, stderr } = await cli.run('apply', file);
    expect(code).toBe(4);
    expect(stderr).toContain('service/web in shop was changed.');
    expect(stderr).toContain('Plan again');
    expect(await replicas()).toBe(5);
  });

  it('refuses when an object that was to be made exists by now', async () => {
    cli.write('new.yaml', serviceYaml('new'));
    await cli.run('plan', '-f', 'new.yaml', '-o', 'new.plan');
    await cli.run('apply', '-f', 'new.yaml');
    expect(await cli.run('apply', 'new.plan')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('service/new in shop exists now'),
    });
  });

  it('refuses when it would do something else on Proxmox than it said', async () => {
    await served();
    cli.write('web.yaml', serviceYaml('web', '  replicas: 2\n  resources: {memory: 1Gi}\n'));
    await cli.run('plan', '-f', 'web.yaml', '-o', 'web.plan');
    await makeGuest('web-r1-2', 202, 'pve2');
    const { code, stderr } = await cli.run('apply', 'web.plan');
    expect(code).toBe(4);
    expect(stderr).toContain('guest web-r1-2 (202 on pve2) is destroyed');
    expect(await replicas()).toBe(2);
  });

  it.each([
    ['changed', (text: string) => text.replace('"replicas": 3', '"replicas": 9')],
    ['cut off', (text: string) => text.slice(0, text.length / 2)],
    ['of another version', (text: string) => text.replace('"version": 1', '"version": 99')],
    ['no plan at all', () => serviceYaml('web')],
  ])('refuses a file that is %s', async (_, change) => {
    const file = join(cli.folder, await planned());
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    expect((await cli.run('apply', file)).code).toBe(2);
    expect(await replicas()).toBe(2);
  });

  it('refuses options that the plan says itself, and needs one of plan and files', async () => {
    const file = await planned();
    expect((await cli.run('apply', file, '--force-conflicts')).stderr).toContain('leave out --force-conflicts');
    expect((await cli.run('apply')).code).toBe(2);
  });
});
