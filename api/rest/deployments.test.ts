import { beforeEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Service } from '../../crds/service.ts';
import { createShop, make, service, type ApiFixture, type Person } from '../testing/api-fixture.ts';
import { sampleArtifact } from '../testing/sample-artifact.ts';
import { bodyOf, idOf } from '../testing/rest-body.ts';

let api: ApiFixture;
let web: Service;

const repository = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };

beforeEach(async () => {
  api = await createShop();
  web = await make(api, Service, service('web', { source: repository, env: [{ name: 'A', value: '1' }] }));
});

const deploy = (body?: object, as: Person = 'dev') =>
  api.ask('POST', `/api/v1/services/${web.metadata.uid}/deployments`, { as, ...(body && { body }) });

async function stored(id: string): Promise<Deployment> {
  const found = await api.store.getByUid(Deployment, id);
  if (!found) throw new Error('the deployment is there');
  return found;
}

/** What the loops would have made of a revision. */
async function finish(id: string, phase = 'Succeeded'): Promise<Deployment> {
  const deployment = await stored(id);
  const { build: name } = deployment.spec;
  const existing = await api.store.get(Build, { namespace: 'shop', name });
  const build =
    existing ??
    (await make(api, Build, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Build',
      metadata: { name, namespace: 'shop' },
      spec: { service: 'web', source: deployment.spec.source },
    }));
  const status = { ...build.status, phase, ...(phase === 'Succeeded' && { artifact: sampleArtifact }) };
  await api.store.updateStatus(Build, Build.read({ ...build, status }), { manager: 'test' });
  return deployment;
}

describe('deploying', () => {
  it('records a first revision that belongs to the service', async () => {
    const answer = await deploy();
    expect(bodyOf(answer, 201)).toMatchObject({ service_id: web.metadata.uid, status: 'pending' });
    const { metadata, spec } = await stored(idOf(answer));
    expect(metadata).toMatchObject({
      name: 'web-r1',
      labels: { 'containr.dev/service': 'web' },
      ownerReferences: [{ kind: 'Service', name: 'web', uid: web.metadata.uid, controller: true }],
    });
    expect(spec).toMatchObject({ service: 'web', revision: 1, build: 'web-b1', trigger: 'manual', source: repository });
    expect(spec.template.env).toEqual([{ name: 'A', value: '1' }]);
  });

  it('rolls the same image out again when nothing else is asked for', async () => {
    await finish(idOf(await deploy()));
    const again = await stored(idOf(await deploy({ trigger: 'restart' })));
    expect(again.spec).toMatchObject({ revision: 2, build: 'web-b1', trigger: 'restart' });
  });

  it('builds anew for a commit, a branch and a webhook, and when the last build came to nothing', async () => {
    await finish(idOf(await deploy()));
    const commit = await stored(idOf(await deploy({ commit_hash: 'abcdef1' })));
    expect(commit.spec).toMatchObject({ build: 'web-b2', source: { branch: 'main', commit: 'abcdef1' } });
    const branch = await stored(idOf(await deploy({ branch: 'next' })));
    expect(branch.spec).toMatchObject({ build: 'web-b3', source: { branch: 'next' } });
    const webhook = await finish(idOf(await deploy({ trigger: 'webhook' })), 'Failed');
    expect(webhook.spec).toMatchObject({ build: 'web-b4', source: repository });
    expect((await stored(idOf(await deploy()))).spec).toMatchObject({ build: 'web-b5', source: repository });
  });

  it('takes no number and no build that are taken', async () => {
    await deploy();
    await make(api, Build, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Build',
      metadata: { name: 'web-b2', namespace: 'shop' },
      spec: { service: 'web', source: repository },
    });
    expect((await stored(idOf(await deploy({ branch: 'next' })))).spec).toMatchObject({ revision: 3, build: 'web-b3' });
    const made = await Promise.all(Array.from({ length: 5 }, () => deploy()));
    const numbers = await Promise.all(made.map(async (answer) => (await stored(idOf(answer))).spec.revision));
    expect(numbers.toSorted()).toEqual([4, 5, 6, 7, 8]);
  });

  it('puts its own variables over those of the service', async () => {
    const { spec } = await stored(idOf(await deploy({ env_vars: { A: '2', B: '3' } })));
    expect(spec.template.env).toEqual([
      { name: 'A', value: '2' },
      { name: 'B', value: '3' },
    ]);
    expect((await stored(idOf(await deploy()))).spec.template.env).toEqual([{ name: 'A', value: '1' }]);
  });

  it.each([
    [{ commit_hash: 'HEAD' }, 'commit_hash'],
    [{ branch: '--upload-pack=x' }, 'branch'],
    [{ trigger: 'a\nb' }, 'trigger'],
    [{ env_vars: { 'A-B': '1' } }, 'env_vars.A-B'],
    [{ env_vars: { A: 1 } }, 'env_vars.A'],
    [{ image: 'x' }, 'image'],
  ])('refuses %j, naming the field', async (body, path) => {
    expect(bodyOf(await deploy(body), 400)).toMatchObject({
      details: { fields: expect.arrayContaining([{ path, message: expect.any(String) }]) },
    });
  });

  it('has no commits for a service that runs an image', async () => {
    web = await make(api, Service, service('proxy'));
    expect(bodyOf(await deploy({ branch: 'main' }), 400)).toMatchObject({ details: { fields: [{ path: 'branch' }] } });
    expect((await deploy()).status).toBe(201);
  });

  it.each([
    ['stranger', 404],
    ['viewer', 403],
    ['dev-read', 403],
    ['owner', 201],
  ] as const)('answers %s with %d', async (as, status) => {
    expect((await deploy({}, as)).status).toBe(status);
  });
});

describe('looking at deployments', () => {
  it('lists them newest first, with what was built', async () => {
    const first = await deploy();
    await finish(idOf(first));
    const second = await deploy({ branch: 'next' });
    const { body } = await api.ask('GET', `/api/v1/services/${web.metadata.uid}/deployments`, { as: 'viewer' });
    expect(body).toMatchObject({
      deployments: [
        { id: idOf(second), status: 'pending' },
        { id: idOf(first), image_name: 'registry.example:5000/shop/web', image_tag: 'v3' },
      ],
    });
  });

  it('shows one with the ends of its logs', async () => {
    const id = idOf(await deploy());
    const deployment = await finish(id, 'Failed');
    const build = await api.store.get(Build, { namespace: 'shop', name: 'web-b1' });
    const line = { position: 1, time: new Date(), source: 'stdout', text: 'step 1' } as const;
    await api.logs.append(`build/${build?.metadata.uid ?? ''}`, [line], 1);
    const status = { ...deployment.status, phase: 'Failed', failure: 'The build failed.', startedAt: 'then' };
    await api.store.updateStatus(Deployment, Deployment.read({ ...deployment, status }), { manager: 'test' });
    expect((await api.ask('GET', `/api/v1/deployments/${id}`, { as: 'viewer' })).body).toMatchObject({
      deployment: { id, status: 'failed', error: 'The build failed.', started_at: 'then', build_log: 'step 1\n' },
    });
    expect((await api.ask('GET', `/api/v1/deployments/${id}`, { as: 'stranger' })).status).toBe(404);
  });
});

describe('rolling back', () => {
  const rollBack = (id: string, as: Person = 'dev') => api.ask('POST', `/api/v1/deployments/${id}/rollback`, { as });

  it('makes a new revision of the image and the configuration of the old one', async () => {
    const first = idOf(await deploy({ env_vars: { A: 'old' } }));
    await finish(first);
    await finish(idOf(await deploy({ branch: 'next' })));
    const answer = bodyOf(await rollBack(first), 201);
    expect(answer).toMatchObject({ message: 'Going back to revision 1, as revision 3.' });
    const [newest] = (await api.store.list(Deployment)).items.toSorted((a, b) => b.spec.revision - a.spec.revision);
    expect(newest?.spec).toMatchObject({ revision: 3, build: 'web-b1', rollbackOf: 'web-r1', trigger: 'rollback' });
    expect(newest?.spec.template.env).toEqual([{ name: 'A', value: 'old' }]);
    const restarted = await stored(idOf(await deploy({ trigger: 'restart' })));
    expect(restarted.spec.template.env).toEqual([{ name: 'A', value: 'old' }]);
  });

  it('says why it cannot', async () => {
    const first = idOf(await deploy());
    const why = async (id: string) => bodyOf(await rollBack(id), 409)['error'];
    expect(await why(first)).toContain('newest deployment already');
    await deploy({ branch: 'next' });
    expect(await why(first)).toContain('no longer kept');
    await finish(first, 'Building');
    expect(await why(first)).toContain('still being built');
    await finish(first, 'Failed');
    expect(await why(first)).toContain('its build failed');
  });

  it('is for developers', async () => {
    const first = idOf(await deploy());
    await deploy({ branch: 'next' });
    expect((await rollBack(first, 'viewer')).status).toBe(403);
    expect((await rollBack(first, 'stranger')).status).toBe(404);
  });
});
