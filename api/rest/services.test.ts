import { beforeEach, describe, expect, it } from 'vitest';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import { createShop, make, people, service, SHOP, type ApiFixture } from '../testing/api-fixture.ts';
import { bodyOf, idOf } from '../testing/rest-body.ts';

let api: ApiFixture;
let projectId: string;

beforeEach(async () => {
  api = await createShop();
  projectId = (await api.store.get(Project, { name: 'shop' }))?.metadata.uid ?? '';
});

const image = { type: 'image', image: 'nginx:1.29' };
const create = (body: object, as: keyof typeof people = 'dev') =>
  api.ask('POST', `/api/v1/projects/${projectId}/services`, { as, body });

describe('creating a service', () => {
  it('answers it as it is stored, with what is usual filled in', async () => {
    const answer = await create({
      name: 'Web ✨',
      type: 'web',
      source: { repository: 'https://git.example/shop/web.git', branch: 'main', root_directory: '/app' },
      build_config: { builder_type: 'dockerfile', start_command: 'serve', environment_variables: { CI: '1' } },
      resources: { cpu: '500m', memory: '256Mi' },
    });
    expect(bodyOf(answer, 201)).toEqual({
      id: expect.any(String),
      project_id: projectId,
      name: 'Web ✨',
      type: 'web',
      status: 'building',
      source: {
        type: 'git',
        repository: 'https://git.example/shop/web.git',
        branch: 'main',
        root_directory: '/app',
        dockerfile: 'Dockerfile',
      },
      build_config: { builder_type: 'dockerfile', start_command: 'serve', environment_variables: { CI: '1' } },
      resources: { cpu: '500m', memory: '256Mi', storage: '4Gi' },
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const stored = await api.store.getByUid(Service, idOf(answer));
    expect(stored?.metadata).toMatchObject({ namespace: 'shop', name: 'web', finalizers: ['containr.dev/service'] });
    expect(bodyOf(await api.ask('GET', `/api/v1/services/${idOf(answer)}`, { as: 'viewer' }))).toEqual(answer.body);
  });

  it.each([
    [{ source: undefined }, 'source', /is required/],
    [{ source: {} }, 'source.repository', /is required/],
    [{ source: { type: 'image' } }, 'source.image', /is required/],
    [{ source: { ...image, image: 'NOT AN IMAGE' } }, 'source.image', /image reference/],
    [{ source: { type: 'git', repository: 'ext::sh -c id' } }, 'source.repository', /./],
    [{ source: { repository: 'https://a/b', root_directory: '../..' } }, 'source.root_directory', /"\.\."/],
    [{ resources: { cpu: 'lots' } }, 'resources.cpu', /CPU quantity/],
    [{ resources: { memory: '-1' } }, 'resources.memory', /size/],
    [{ resources: { memory: 1 } }, 'resources.memory', /expected text/],
    [{ build_config: { environment_variables: { 'A B': 'x' } } }, 'build_config.environment_variables["A B"]', /./],
    [{ build_config: { builder_type: 'magic' } }, 'build_config.builder_type', /nixpacks/],
    [{ type: 'cron' }, 'type', /spec\.schedule/],
    [{ type: 'job' }, 'type', /must be one of/],
    [{ ports: [80] }, 'ports', /not known/],
  ])('refuses %j, naming the field in the words of the contract', async (change, path, message) => {
    const body = bodyOf(await create({ name: 'web', type: 'web', source: image, ...change }), 400);
    expect(body).toMatchObject({
      code: 'invalid_request',
      details: { fields: expect.arrayContaining([{ path, message: expect.stringMatching(message) }]) },
    });
  });

  it.each([
    ['viewer', 403],
    ['dev-read', 403],
    ['dev', 201],
    ['owner', 201],
    ['admin', 201],
    ['stranger', 404],
  ] as const)('answers %s with %d', async (as, status) => {
    expect((await create({ name: 'web', type: 'web', source: image }, as)).status).toBe(status);
  });

  it('lists what is in the project', async () => {
    await create({ name: 'One', type: 'web', source: image });
    await create({ name: 'Two', type: 'worker', source: image });
    const { body } = await api.ask('GET', `/api/v1/projects/${projectId}/services`, { as: 'viewer' });
    expect(body).toMatchObject([{ name: 'One' }, { name: 'Two', type: 'worker', project_id: projectId }]);
  });
});

describe('changing a service', () => {
  const rich = {
    replicas: 3,
    ports: [{ port: 80 }],
    env: [{ name: 'A', value: '1' }],
    build: { args: { B: '2' }, builder: 'railpack' },
    rollout: { drain: '42s' },
  };

  it('leaves alone what a manifest set', async () => {
    const made = await make(api, Service, service('web', rich));
    const path = `/api/v1/services/${made.metadata.uid}`;
    const shown = bodyOf(await api.ask('GET', path, { as: 'dev' }));
    const { name, build_config, resources } = shown;
    const same = await api.ask('PUT', path, { as: 'dev', body: { build_config, resources } });
    expect(bodyOf(same, 200)).toEqual(shown);
    expect((await stored(made)).metadata.generation).toBe(1);
    await api.ask('PUT', path, { as: 'dev', body: { name, resources: { memory: '1Gi' }, build_config: {} } });
    const now = await stored(made);
    expect(now.spec).toEqual({
      ...made.spec,
      displayName: 'web',
      resources: { ...made.spec.resources, memory: '1Gi' },
    });
  });

  it('takes an empty command for none', async () => {
    const made = await make(api, Service, service('web', { build: { buildCommand: 'make', startCommand: 'serve' } }));
    const body = { build_config: { start_command: '' } };
    const answer = await api.ask('PUT', `/api/v1/services/${made.metadata.uid}`, { as: 'dev', body });
    expect(bodyOf(answer, 200)['build_config']).toEqual({
      build_command: 'make',
      builder_type: 'image',
      environment_variables: {},
    });
  });

  it('makes the fields it states its own, so that an apply that says otherwise is told', async () => {
    const made = await make(api, Service, service('web'));
    await api.ask('PUT', `/api/v1/services/${made.metadata.uid}`, { as: 'dev', body: { resources: { cpu: '2' } } });
    const manifest = service('web', { resources: { cpu: '1' } });
    const applied = await api.ask('PATCH', `${SHOP}/services/web?fieldManager=containr-cli`, {
      as: 'dev',
      type: 'application/apply-patch+yaml',
      body: manifest,
    });
    expect(applied.status).toBe(409);
    expect(JSON.stringify(applied.body)).toContain('spec.resources.cpu belongs to \\"rest\\"');
  });

  it('loses no update between two clients and an apply', async () => {
    const made = await make(api, Service, service('web'));
    const path = `/api/v1/services/${made.metadata.uid}`;
    const manifest = service('web', { replicas: 4, env: [{ name: 'A', value: '1' }] });
    const [cpu, memory, applied] = await Promise.all([
      api.ask('PUT', path, { as: 'dev', body: { resources: { cpu: '2' } } }),
      api.ask('PUT', path, { as: 'owner', body: { resources: { memory: '2Gi' } } }),
      api.ask('PATCH', `${SHOP}/services/web?fieldManager=containr-cli`, {
        as: 'dev',
        type: 'application/apply-patch+yaml',
        body: manifest,
      }),
    ]);
    expect([cpu.status, memory.status, applied.status]).toEqual([200, 200, 200]);
    expect((await stored(made)).spec).toMatchObject({
      resources: { cpu: '2', memory: '2Gi' },
      replicas: 4,
      env: [{ name: 'A', value: '1' }],
    });
  });

  it('lets one of two that state the same field win, and tells the other', async () => {
    const made = await make(api, Service, service('web'));
    const put = (cpu: string) =>
      api.ask('PUT', `/api/v1/services/${made.metadata.uid}`, { as: 'dev', body: { resources: { cpu } } });
    const answers = await Promise.all(['1500m', '2', '3'].map(put));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
    expect(won[0]?.body).toMatchObject({ resources: { cpu: (await stored(made)).spec.resources.cpu } });
  });

  it('does not take what loops report for a change', async () => {
    const made = await make(api, Service, service('web'));
    const path = `/api/v1/services/${made.metadata.uid}`;
    const etag = (await api.ask('GET', path, { as: 'dev' })).headers.get('etag') ?? '';
    await api.store.updateStatus(
      Service,
      { ...made, status: { ...made.status, phase: 'Running' } },
      { manager: 'test' },
    );
    const put = await api.ask('PUT', path, { as: 'dev', body: { name: 'Web' }, headers: { 'if-match': etag } });
    expect(bodyOf(put, 200)).toMatchObject({ name: 'Web', status: 'running' });
  });

  async function stored({ metadata }: Service): Promise<Service> {
    const found = await api.store.getByUid(Service, metadata.uid);
    if (!found) throw new Error('the service is there');
    return found;
  }
});

describe('deleting a service', () => {
  it('is for developers, and ends it for the contract', async () => {
    const { metadata } = await make(api, Service, service('web'));
    const path = `/api/v1/services/${metadata.uid}`;
    expect((await api.ask('DELETE', path, { as: 'stranger' })).status).toBe(404);
    expect((await api.ask('DELETE', path, { as: 'viewer' })).status).toBe(403);
    expect((await api.ask('DELETE', path, { as: 'dev' })).status).toBe(204);
    expect((await api.ask('GET', path, { as: 'dev' })).status).toBe(404);
    expect((await api.store.getByUid(Service, metadata.uid))?.metadata.deletionTimestamp).toEqual(expect.any(String));
  });
});
