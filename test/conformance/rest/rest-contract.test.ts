import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Project } from '../../../crds/project.ts';
import { ContractClient, type ContractAnswer } from './contract-client.ts';
import { readContract } from './contract.ts';
import { createRestWorld, moveForge, type RestWorld } from './rest-world.ts';

const contract = readContract();
const NOWHERE = '00000000-0000-4000-8000-000000000000';
const Id = z.object({ id: z.string() });

let world: RestWorld;
let client: ContractClient;
let forge: Server;
/** Tokens of accounts that registered and logged in over the contract; the first became administrator. */
const tokens = { admin: '', owner: '', viewer: '', stranger: '' };
const people = ['admin', 'owner', 'viewer', 'stranger'] as const;

beforeAll(async () => {
  world = await createRestWorld();
  client = new ContractClient(world.url, contract);
  forge = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[]'));
  await new Promise<void>((resolve) => forge.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  forge.closeAllConnections();
  forge.close();
  await world.close();
});

function idOf(answer: ContractAnswer, status = 201): string {
  expect(answer.status).toBe(status);
  return Id.parse(answer.body).id;
}

function by(person: keyof typeof tokens): { token: string } {
  return { token: tokens[person] };
}

/** Every person's status for the same call, in the order admin, owner, viewer, stranger, nobody. */
async function statuses(name: string, options: Parameters<ContractClient['call']>[1] = {}): Promise<number[]> {
  const answers: number[] = [];
  for (const person of people) answers.push((await client.call(name, { ...options, ...by(person) })).status);
  return [...answers, (await client.call(name, options)).status];
}

describe('the contract, walked by an administrator, an owner, a viewer, a stranger and nobody', () => {
  it('has the operations that are walked here', () => {
    expect(contract.operations).toHaveLength(42);
  });

  it('answers health to anybody', async () => {
    expect((await client.call('GET /health')).fields).toMatchObject({ status: 'ok', service: 'containr-api' });
  });

  it('registers accounts and logs them in', async () => {
    for (const person of people) {
      const account = { email: `${person}@people.example`, password: `a long password of ${person}` };
      idOf(await client.call('POST /auth/register', { body: { ...account, name: person } }));
      const login = await client.call('POST /auth/login', { body: account });
      expect([login.status, login.fields['user']]).toEqual([200, expect.objectContaining({ email: account.email })]);
      tokens[person] = String(login.fields['token']);
    }
    const taken = { email: 'OWNER@people.example', password: 'another password', name: 'x' };
    expect((await client.call('POST /auth/register', { body: taken })).status).toBe(400);
    const wrong = { email: 'owner@people.example', password: 'not that one' };
    expect((await client.call('POST /auth/login', { body: wrong })).status).toBe(401);
  });

  it('shows and changes a profile', async () => {
    expect(await statuses('GET /user/profile')).toEqual([200, 200, 200, 200, 401]);
    const body = { name: 'Owen', avatar_url: 'https://people.example/owen.png' };
    expect((await client.call('PUT /user/profile', { ...by('owner'), body })).fields).toMatchObject(body);
    expect(
      (await client.call('PUT /user/profile', { ...by('owner'), body: { email: 'viewer@people.example' } })).status,
    ).toBe(400);
    expect((await client.call('PUT /user/profile', { body })).status).toBe(401);
  });

  let project = '';
  it('makes, finds and changes projects', async () => {
    const made = await client.call('POST /projects', {
      ...by('owner'),
      body: { name: 'Línea 1', description: 'First' },
    });
    project = idOf(made);
    expect((await client.call('POST /projects', { ...by('owner'), body: { name: '' } })).status).toBe(400);
    const found = await world.api.store.getByUid(Project, project);
    if (!found) throw new Error('The project is not there.');
    const members = [...found.spec.members, { user: 'viewer@people.example', role: 'viewer' as const }];
    await world.api.store.update(Project, { ...found, spec: { ...found.spec, members } }, { manager: 'test' });

    const params = { id: project };
    expect(await statuses('GET /projects/{id}', { params })).toEqual([200, 200, 200, 404, 401]);
    expect(await statuses('PUT /projects/{id}', { params, body: { description: 'Second' } })).toEqual([
      200, 200, 403, 404, 401,
    ]);
    const { fields } = await client.call('GET /projects/{id}', { ...by('viewer'), params });
    expect(fields).toMatchObject({ id: project, name: 'Línea 1', description: 'Second', services_count: 0 });
    const owner = await client.call('GET /user/profile', by('owner'));
    expect(fields['owner_id']).toBe(owner.fields['id']);

    const list = await client.call('GET /projects', {
      ...by('viewer'),
      query: { page: '1', limit: '1', search: 'LÍNEA' },
    });
    expect(list.fields).toMatchObject({
      projects: [{ id: project }],
      pagination: { page: 1, limit: 1, total: 1, total_pages: 1 },
    });
    expect((await client.call('GET /projects', { ...by('owner'), query: { limit: '0' } })).status).toBe(400);
  });

  let service = '';
  it('makes, finds and changes services', async () => {
    const body = {
      name: 'Shop front',
      type: 'web',
      source: { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main', dockerfile: 'Dockerfile' },
      build_config: { builder_type: 'dockerfile', environment_variables: { NODE_ENV: 'production' } },
      resources: { cpu: '500m', memory: '256Mi', storage: '2Gi' },
    };
    const params = { project_id: project };
    service = idOf(await client.call('POST /projects/{project_id}/services', { ...by('owner'), params, body }));
    const broken = { ...body, resources: { memory: 'plenty' } };
    expect(
      (await client.call('POST /projects/{project_id}/services', { ...by('owner'), params, body: broken })).status,
    ).toBe(400);
    const fields = { ...body, id: service, project_id: project, status: expect.any(String) };
    expect(
      (await client.call('GET /services/{id}', { ...by('viewer'), params: { id: service } })).fields,
    ).toMatchObject(fields);
    expect(await statuses('GET /projects/{project_id}/services', { params })).toEqual([200, 200, 200, 404, 401]);
    expect(await statuses('GET /services/{id}', { params: { id: service } })).toEqual([200, 200, 200, 404, 401]);
    const change = { name: 'Front', resources: { cpu: '1' } };
    expect(await statuses('PUT /services/{id}', { params: { id: service }, body: change })).toEqual([
      200, 200, 403, 404, 401,
    ]);
  });

  it('makes deployments and goes back to earlier ones', async () => {
    const params = { id: world.own.service };
    const body = { commit_hash: 'c'.repeat(40), branch: 'main', trigger: 'manual', env_vars: { LEVEL: 'debug' } };
    expect((await client.call('POST /services/{id}/deployments', { ...by('admin'), params, body })).status).toBe(201);
    expect((await client.call('POST /services/{id}/deployments', { ...by('admin'), params })).status).toBe(201);
    expect((await client.call('POST /services/{id}/deployments', { ...by('stranger'), params })).status).toBe(404);
    const list = await client.call('GET /services/{id}/deployments', { ...by('admin'), params });
    expect(z.object({ deployments: z.array(Id) }).parse(list.body).deployments).toHaveLength(4);
    const id = { id: world.own.deployment };
    expect((await client.call('GET /deployments/{id}', { ...by('admin'), params: id })).status).toBe(200);
    expect((await client.call('GET /deployments/{id}', { ...by('stranger'), params: id })).status).toBe(404);
    const back = await client.call('POST /deployments/{id}/rollback', { ...by('admin'), params: id });
    expect([back.status, back.fields['message']]).toEqual([201, expect.any(String)]);
    expect((await client.call('POST /deployments/{id}/rollback', { ...by('stranger'), params: id })).status).toBe(404);
  });

  it('shows logs', async () => {
    const query = { tail: '10' };
    const ofService = { params: { id: world.own.service }, query };
    expect((await client.call('GET /services/{id}/logs', { ...by('admin'), ...ofService })).status).toBe(200);
    expect(
      (await client.call('GET /services/{id}/logs', { ...by('admin'), ...ofService, query: { tail: 'x' } })).status,
    ).toBe(400);
    for (const type of ['all', 'build', 'runtime']) {
      const options = { params: { id: world.own.deployment }, query: { type } };
      const { status, fields } = await client.call('GET /deployments/{id}/logs', { ...by('admin'), ...options });
      expect(status).toBe(200);
      expect(String(fields['build_log'] ?? '').includes('Step 1/2')).toBe(type !== 'runtime');
    }
  });

  it('starts, shows and cancels builds', async () => {
    const body = {
      image_name: 'shop/web',
      image_tag: '1',
      build_type: 'dockerfile',
      project_id: project,
      service_id: service,
    };
    const build = idOf(await client.call('POST /builds', { ...by('owner'), body }));
    expect((await client.call('POST /builds', { ...by('owner'), body: { ...body, source_path: '/etc' } })).status).toBe(
      400,
    );
    expect((await client.call('POST /builds', { ...by('stranger'), body })).status).toBe(404);
    const params = { id: build };
    expect((await client.call('GET /builds/{id}', { ...by('viewer'), params })).fields).toMatchObject({
      status: 'pending',
      progress: 0,
      image_name: 'shop/web',
      image_tag: '1',
    });
    const query = { project_id: project, status: 'pending', page: '1', limit: '10' };
    expect((await client.call('GET /builds', { ...by('owner'), query })).fields).toMatchObject({
      total: 1,
      page: 1,
      limit: 10,
    });
    expect(await statuses('POST /builds/{id}/cancel', { params })).toEqual([200, 200, 403, 404, 401]);
    const log = await client.call('GET /builds/{id}/logs', { ...by('admin'), params: { id: world.own.build } });
    expect(log.body).toBe('Step 1/2\n');
    expect((await client.call('GET /builds/{id}/logs', { ...by('stranger'), params })).status).toBe(404);
  });

  it('lists templates and makes of them what they describe', async () => {
    const { fields } = await client.call('GET /templates', by('owner'));
    const { templates } = z.object({ templates: z.array(Id.extend({ category: z.string() })) }).parse(fields);
    expect(templates.length).toBeGreaterThan(36);
    const databases = await client.call('GET /templates', { ...by('owner'), query: { category: 'database' } });
    expect(z.object({ templates: z.array(Id) }).parse(databases.body).templates).toHaveLength(7);
    for (const { id } of templates) {
      expect((await client.call('GET /templates/{id}', { ...by('owner'), params: { id } })).status).toBe(200);
    }
    expect((await client.call('GET /templates/{id}', { ...by('owner'), params: { id: NOWHERE } })).status).toBe(404);
    const database = { project_id: project, name: 'Orders', plan: 'hobby', region: 'default' };
    const deploy = { params: { id: 'postgresql' }, body: database };
    expect((await client.call('POST /templates/{id}/deploy', { ...by('owner'), ...deploy })).fields).toMatchObject({
      resource: 'database',
      database_id: expect.any(String),
    });
    expect((await client.call('POST /templates/{id}/deploy', { ...by('stranger'), ...deploy })).status).toBe(404);
    const unknown = { ...deploy, body: { ...database, variables: { NO_SUCH_VARIABLE: '1' } } };
    expect((await client.call('POST /templates/{id}/deploy', { ...by('owner'), ...unknown })).status).toBe(400);
  });

  it('makes, steers, backs up and restores databases', async () => {
    const body = { name: 'Main', type: 'postgresql', plan: 'starter', region: 'default' };
    const made = idOf(await client.call('POST /databases', { ...by('owner'), body }));
    expect((await client.call('GET /databases/{id}', { ...by('owner'), params: { id: made } })).fields).toMatchObject({
      name: 'Main',
      type: 'postgresql',
      status: 'building',
    });
    const params = { id: world.own.database };
    expect((await client.call('GET /databases/{id}', { ...by('admin'), params })).fields).toMatchObject({
      status: 'running',
      version: '17.2',
      connection_url: expect.stringContaining('postgresql://'),
      metrics: { connections: 4 },
      backups: { backups: [{ id: world.own.backup, status: 'completed' }] },
    });
    expect((await client.call('GET /databases', by('stranger'))).body).toEqual({ databases: [] });
    expect(
      (await client.call('PUT /databases/{id}', { ...by('admin'), params, body: { plan: 'business' } })).status,
    ).toBe(200);
    for (const action of ['stop', 'start', 'restart']) {
      expect(
        (await client.call('POST /databases/{id}/action', { ...by('admin'), params, body: { action } })).status,
      ).toBe(200);
    }
    expect((await client.call('POST /databases/{id}/backup', { ...by('admin'), params })).fields).toMatchObject({
      status: 'in_progress',
      backup_id: expect.any(String),
    });
    const restore = { params, body: { backup_id: world.own.backup } };
    expect((await client.call('POST /databases/{id}/restore', { ...by('admin'), ...restore })).status).toBe(200);
    const foreign = { params, body: { backup_id: world.foreign.backup } };
    expect(
      (await client.call('POST /databases/{id}/restore', { ...by('admin'), ...foreign })).status,
    ).toBeGreaterThanOrEqual(400);
    expect((await client.call('DELETE /databases/{id}', { ...by('stranger'), params })).status).toBe(404);
    expect((await client.call('DELETE /databases/{id}', { ...by('owner'), params: { id: made } })).status).toBe(200);
  });

  it('shows the audit', async () => {
    const { fields } = await client.call('GET /audit-logs', {
      ...by('owner'),
      query: { resource: 'project', limit: '5' },
    });
    expect(fields['audit_logs']).toContainEqual(expect.objectContaining({ action: 'create', resource_id: project }));
    expect((await client.call('GET /audit-logs', { query: { limit: '5' } })).status).toBe(401);
    const params = { resource: 'project', id: project };
    expect(await statuses('GET /audit-logs/{resource}/{id}', { params })).toEqual([200, 200, 404, 404, 401]);
  });

  it('keeps accounts at Git forges and lists their repositories', async () => {
    const body = { type: 'gitlab', name: 'Work', access_token: 'glpat-canary' };
    const provider = idOf(await client.call('POST /git/providers', { ...by('owner'), body }));
    expect(
      (await client.call('POST /git/providers', { ...by('owner'), body: { ...body, access_token: '' } })).status,
    ).toBe(400);
    expect((await client.call('GET /git/providers', by('owner'))).body).toMatchObject([{ id: provider }]);
    expect((await client.call('GET /git/providers', by('admin'))).body).toEqual([]);
    const address = forge.address();
    await moveForge(world.api, provider, `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    const params = { providerId: provider };
    expect(await statuses('GET /git/providers/{providerId}/repositories', { params })).toEqual([
      404, 200, 404, 404, 401,
    ]);
  });

  it('deletes services and projects', async () => {
    const params = { id: service };
    expect((await client.call('DELETE /services/{id}', { ...by('viewer'), params })).status).toBe(403);
    expect((await client.call('DELETE /services/{id}', { ...by('stranger'), params })).status).toBe(404);
    expect((await client.call('DELETE /services/{id}', { ...by('owner'), params })).status).toBe(204);
    expect((await client.call('DELETE /projects/{id}', { ...by('viewer'), params: { id: project } })).status).toBe(403);
    expect((await client.call('DELETE /projects/{id}', { ...by('owner'), params: { id: project } })).status).toBe(204);
    expect((await client.call('DELETE /projects/{id}', { ...by('owner'), params: { id: NOWHERE } })).status).toBe(404);
  });

  it('answered each operation with each of the statuses that the contract names for it', () => {
    const missing = contract.operations.flatMap(({ name, statuses: named }) =>
      named.filter((status) => !client.seen.get(name)?.has(status)).map((status) => `${name}: ${status}`),
    );
    expect(missing).toEqual([]);
  });
});
