import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make, service } from '../../api/testing/api-fixture.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { CliFixture } from './cli-fixture.ts';

const loop = { manager: 'controller/test' };
let cli: CliFixture;

function ownedBy(owner: { kind: string; metadata: { name: string; uid: string } }): object {
  const { kind, metadata } = owner;
  const reference = { apiVersion: 'containr.dev/v1alpha1', kind, name: metadata.name, uid: metadata.uid };
  return { ownerReferences: [{ ...reference, controller: true }] };
}

async function makeRevision(web: Service, revision: number, phase: Deployment['status']['phase']): Promise<Deployment> {
  const made = await make(cli.api, Deployment, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Deployment',
    metadata: {
      name: `web-r${revision}`,
      namespace: 'shop',
      labels: { 'containr.dev/service': 'web' },
      ...ownedBy(web),
    },
    spec: {
      service: 'web',
      revision,
      build: `web-b${revision}`,
      template: { env: [{ name: 'V', value: `${revision}` }] },
    },
  });
  const status = { ...made.status, phase, commit: `${revision}`.repeat(40), promoted: phase !== 'Failed' };
  return cli.api.store.updateStatus(Deployment, { ...made, status }, loop);
}

beforeAll(async () => {
  cli = await CliFixture.create();
  const web = await make(cli.api, Service, service('web', { replicas: 2 }));
  await makeRevision(web, 1, 'Superseded');
  const serving = await makeRevision(web, 2, 'Active');
  await makeRevision(web, 3, 'Failed');
  await cli.report('web', [{}], { revision: 2, activeDeployment: 'web-r2', phase: 'Running', url: 'http://10.0.0.5' });
  const image = { process: { command: ['/app'], env: [], workingDir: '/', user: '', stopSignal: '' } };
  const guest = await make(cli.api, Guest, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Guest',
    metadata: { name: 'web-r2-0', namespace: 'shop', ...ownedBy(serving) },
    spec: {
      hostname: 'web',
      process: { command: ['/app'] },
      artifact: {
        digest: 'sha256:1',
        sizeBytes: 1,
        imageDigest: 'sha256:2',
        image: 'web:1',
        architecture: 'amd64',
        ...image,
      },
    },
  });
  const at = { vmid: 20_004, node: 'pve1', addresses: ['10.0.0.5'] };
  await cli.api.store.updateStatus(Guest, { ...guest, status: { ...guest.status, ...at } }, loop);
});
afterAll(() => cli.dispose());

const inShop = (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  cli.run(...words, '-n', 'shop');

async function specOf(name: string): Promise<Service['spec'] | undefined> {
  return (await cli.api.store.get(Service, { namespace: 'shop', name }))?.spec;
}

describe('containr rollout', () => {
  it('shows the history, and which revision serves', async () => {
    const { stdout } = await inShop('rollout', 'history', 'service/web');
    expect(stdout.split('\n').map((line) => line.split(/ +/).slice(0, 3).join(' '))).toEqual([
      'REV PHASE COMMIT',
      '3 Failed 333333333333',
      '2* Active 222222222222',
      '1 Superseded 111111111111',
      '',
    ]);
  });

  it('tells what serves once the service is ready', async () => {
    expect(await inShop('rollout', 'status', 'svc/web')).toMatchObject({
      code: 0,
      stdout: 'service/web serves revision 2\n',
    });
  });

  it('goes back to the newest revision that served, image and configuration together', async () => {
    const { code, stdout } = await inShop('rollout', 'undo', 'service/web');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^service\/web goes back to revision 2, as revision 4\n.* rolls the spec out again\.\n$/);
    const made = await cli.api.store.get(Deployment, { namespace: 'shop', name: 'web-r4' });
    expect(made?.spec).toMatchObject({
      revision: 4,
      build: 'web-b2',
      rollbackOf: 'web-r2',
      trigger: 'rollback',
      template: { env: [{ name: 'V', value: '2' }] },
    });
    expect(made?.metadata.ownerReferences).toMatchObject([{ kind: 'Service', name: 'web', controller: true }]);
  });

  it('goes back to the revision asked for, and says which there are', async () => {
    expect((await inShop('rollout', 'undo', 'service/web', '--to-revision', '1')).stdout).toContain('as revision 5');
    const { code, stderr } = await inShop('rollout', 'undo', 'service/web', '--to-revision', '99');
    expect(code).toBe(3);
    expect(stderr).toContain('Revision 99 is not kept. There are: 5, 4, 3, 2, 1.');
  });

  it('restarts, pauses and resumes', async () => {
    const before = await specOf('web');
    expect((await inShop('rollout', 'restart', 'service/web')).stdout).toBe('service/web restarts\n');
    expect((await specOf('web'))?.restartedAt).not.toBe(before?.restartedAt);
    await inShop('rollout', 'pause', 'service/web');
    expect((await specOf('web'))?.rollout).toEqual({ ...before?.rollout, paused: true });
    await inShop('rollout', 'resume', 'service/web');
    expect((await specOf('web'))?.rollout.paused).toBe(false);
  });

  it('is for services', async () => {
    expect(await inShop('rollout', 'restart', 'guest/web-r2-0')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Rollouts are of services'),
    });
  });
});

describe('containr scale', () => {
  it('asks for another number of guests', async () => {
    expect((await inShop('scale', 'service/web', '--replicas', '3')).stdout).toBe('service/web scaled from 2 to 3\n');
    expect((await specOf('web'))?.replicas).toBe(3);
  });

  it('changes nothing when there are not as many as was thought', async () => {
    const { code, stderr } = await inShop('scale', 'service/web', '--replicas', '1', '--current-replicas', '7');
    expect(code).toBe(4);
    expect(stderr).toContain('has 3 replicas, not 7');
    expect((await specOf('web'))?.replicas).toBe(3);
  });
});

describe('containr suspend and resume', () => {
  it('stop a service and let it go on', async () => {
    expect((await inShop('suspend', 'service/web')).stdout).toBe('service/web suspended\n');
    expect((await specOf('web'))?.suspended).toBe(true);
    expect((await inShop('resume', 'service/web')).stdout).toBe('service/web resumed\n');
    expect((await specOf('web'))?.suspended).toBe(false);
  });

  it('are not for everything', async () => {
    expect(await inShop('suspend', 'guest/web-r2-0')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be suspended'),
    });
  });
});

describe('containr tree', () => {
  it('shows what belongs to a service, down to the vmid', async () => {
    const { stdout } = await inShop('tree', 'service/web');
    expect(stdout).toContain('service/web  Running, http://10.0.0.5\n');
    expect(stdout).toMatch(
      /├─ deployment\/web-r2 {2}Active\n│ {2}└─ guest\/web-r2-0 {2}.*vmid 20004 on pve1, 10\.0\.0\.5/,
    );
    expect(stdout.indexOf('web-r5')).toBeLessThan(stdout.indexOf('web-r1 '));
  });

  it('shows the services of a project', async () => {
    const { stdout } = await cli.run('tree', 'project/shop');
    expect(stdout).toMatch(/^project\/shop/);
    expect(stdout).toContain('└─ service/web');
  });
});
