import { describe, expect, it } from 'vitest';
import { Database } from '../../crds/database.ts';
import { Project } from '../../crds/project.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { systemClock } from '../../controller/clock.ts';
import { Fault } from '../../controller/errors.ts';
import { MemoryAuditLog } from '../../controller/access/memory-audit-log.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { createShop, make, type ApiFixture, type Person } from '../testing/api-fixture.ts';

const TEMPLATES = '/api/v1/templates';

async function projectId({ store }: ApiFixture, name = 'shop'): Promise<string> {
  return (await store.get(Project, { name }))?.metadata.uid ?? '';
}

async function deploy(api: ApiFixture, id: string, body: object, as: Person = 'dev') {
  const project_id = await projectId(api);
  return api.ask('POST', `${TEMPLATES}/${id}/deploy`, { as, body: { project_id, name: 'Mine', ...body } });
}

async function database(api: ApiFixture, name: string, engine: string, namespace = 'shop'): Promise<Database> {
  const metadata = { name, namespace };
  return make(api, Database, { apiVersion: 'containr.dev/v1alpha1', kind: 'Database', metadata, spec: { engine } });
}

async function everything({ store }: ApiFixture): Promise<number> {
  const lists = await Promise.all([store.list(Service), store.list(Secret), store.list(Database)]);
  return lists.reduce((sum, { items }) => sum + items.length, 0);
}

describe('templates', () => {
  it('are listed for anybody with a token, by category', async () => {
    const api = await createShop();
    const all = await api.ask('GET', TEMPLATES, { as: 'stranger' });
    expect(all.status).toBe(200);
    expect(all.body).toMatchObject({
      templates: expect.arrayContaining([
        expect.objectContaining({ id: 'n8n', is_official: true, category: 'automation' }),
      ]),
    });
    const { body } = await api.ask('GET', `${TEMPLATES}?category=database`);
    expect(body).toHaveProperty('templates.length', 7);
    expect((await api.ask('GET', `${TEMPLATES}?category=nothing`)).body).toEqual({ templates: [] });
  });

  it('are shown with what they make and what has to be chosen', async () => {
    const { body } = await (await createShop()).ask('GET', `${TEMPLATES}/vaultwarden`);
    expect(body).toMatchObject({
      template: { id: 'vaultwarden', name: 'Vaultwarden', config: expect.any(String), variables: expect.any(String) },
      config: {
        type: 'web',
        runtime: expect.stringContaining('vaultwarden/server:'),
        port: 80,
        health_check: '/alive',
      },
      variables: [
        { key: 'PUBLIC_URL', required: true, secret: false },
        { key: 'ADMIN_TOKEN', required: false, secret: true },
        { key: 'SIGNUPS_ALLOWED', default: 'true' },
      ],
    });
  });

  it('that are not there are 404', async () => {
    const api = await createShop();
    expect(await api.ask('GET', `${TEMPLATES}/none`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await deploy(api, 'none', {})).toMatchObject({ status: 404 });
  });
});

describe('deploying a template', () => {
  it('makes a Service, and a Secret for what is secret', async () => {
    const api = await createShop();
    const variables = { PUBLIC_URL: 'https://vault.example.com', ADMIN_TOKEN: 'sesame-open-up' };
    const { status, body } = await deploy(api, 'vaultwarden', { name: 'Our Vault', variables, region: 'attic' });
    expect(status).toBe(201);
    expect(body).toMatchObject({ resource: 'service', service_id: expect.any(String) });

    const [service] = (await api.store.list(Service)).items;
    const [secret] = (await api.store.list(Secret)).items;
    expect(service).toMatchObject({
      metadata: { name: 'our-vault', namespace: 'shop' },
      spec: {
        displayName: 'Our Vault',
        region: 'attic',
        source: { type: 'image' },
        ports: [{ name: 'http', port: 80 }],
        healthCheck: { http: { path: '/alive', port: 80 } },
        volumes: [{ name: 'data', mountPath: '/data', retain: true }],
        env: [
          { name: 'DOMAIN', value: 'https://vault.example.com' },
          { name: 'ADMIN_TOKEN', valueFrom: { secretRef: { name: 'our-vault-env', key: 'ADMIN_TOKEN' } } },
          { name: 'SIGNUPS_ALLOWED', value: 'true' },
        ],
      },
    });
    const sealed = secret?.spec.data['ADMIN_TOKEN'] ?? '';
    const place = { namespace: 'shop', name: 'our-vault-env', key: 'ADMIN_TOKEN' };
    expect(api.box.open(place, sealed)).toBe('sesame-open-up');
    expect(JSON.stringify([service, await api.audit.list({ limit: 100 }), api.logged])).not.toContain('sesame');
  });

  it('may be done twice by the same name', async () => {
    const api = await createShop();
    for (const _ of [1, 2]) expect((await deploy(api, 'grafana', {})).status).toBe(201);
    const services = (await api.store.list(Service)).items;
    const secrets = (await api.store.list(Secret)).items;
    expect(new Set(services.map(({ metadata }) => metadata.name)).size).toBe(2);
    const named = services.flatMap(({ spec }) => spec.env.flatMap(({ valueFrom }) => valueFrom?.secretRef?.name ?? []));
    expect(named.toSorted()).toEqual(secrets.map(({ metadata }) => metadata.name).toSorted());
  });

  it('links a Database of the project by name or id, if its engine fits', async () => {
    const api = await createShop();
    const main = await database(api, 'main', 'postgresql');
    await database(api, 'cache', 'redis');
    const foreign = await database(api, 'foreign', 'postgresql', 'other');
    for (const DATABASE of ['main', main.metadata.uid]) {
      expect((await deploy(api, 'umami', { variables: { DATABASE } })).status).toBe(201);
    }
    for (const { spec } of (await api.store.list(Service)).items) {
      expect(spec.env[0]).toEqual({ name: 'DATABASE_URL', valueFrom: { databaseRef: { name: 'main', key: 'url' } } });
    }
    const before = await everything(api);
    for (const [DATABASE, words] of [
      ['none', 'variables.DATABASE names no database of this project; deploy the template "postgresql" there first'],
      ['foreign', 'names no database'],
      [foreign.metadata.uid, 'names no database'],
      ['cache', 'variables.DATABASE names a database of redis; this needs postgresql'],
    ]) {
      const { status, body } = await deploy(api, 'umami', { variables: { DATABASE } });
      expect({ status, body }).toMatchObject({ status: 400, body: { error: expect.stringContaining(words ?? '') } });
    }
    expect(await everything(api)).toBe(before);
  });

  it('makes a Database of a database', async () => {
    const api = await createShop();
    const { status, body } = await deploy(api, 'postgresql', { name: 'Main DB', plan: 'hobby', region: 'attic' });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { resource: 'database', database_id: expect.any(String) },
    });
    expect((await api.store.list(Database)).items).toMatchObject([
      {
        metadata: { name: 'main-db', namespace: 'shop' },
        spec: { engine: 'postgresql', plan: 'hobby', region: 'attic' },
      },
    ]);
    const extra = await deploy(api, 'postgresql', { variables: { A: 'b' } });
    expect(extra).toMatchObject({ status: 400, body: { details: { fields: [{ path: 'variables.A' }] } } });
  });

  it.each<[string, string, object, string]>([
    ['a missing variable', 'vaultwarden', {}, 'variables.PUBLIC_URL'],
    ['an unknown variable', 'n8n', { variables: { NOPE: 'x' } }, 'variables.NOPE'],
    ['a plan for a service', 'n8n', { plan: 'hobby' }, 'plan'],
    ['an impossible region', 'n8n', { region: 'Under the stairs' }, 'region'],
    ['an impossible region of a database', 'redis', { region: 'Under the stairs' }, 'region'],
    ['an unknown field', 'n8n', { colour: 'red' }, 'colour'],
    ['a name that is blank', 'n8n', { name: ' ' }, 'name'],
    [
      'a branch that git would not take',
      'node-app',
      { variables: { REPOSITORY: 'https://git.example/a', BRANCH: '-x' } },
      'variables.BRANCH',
    ],
    [
      'a repository with a password',
      'node-app',
      { variables: { REPOSITORY: 'https://u:p@git.example/a' } },
      'variables.REPOSITORY',
    ],
  ])('refuses %s by name and writes nothing', async (_what, id, body, path) => {
    const api = await createShop();
    const answered = await deploy(api, id, body);
    expect(answered).toMatchObject({ status: 400, body: { code: 'invalid_request', details: { fields: [{ path }] } } });
    expect(await everything(api)).toBe(0);
  });

  it('is for developers of the project', async () => {
    const api = await createShop();
    expect((await deploy(api, 'it-tools', {}, 'viewer')).status).toBe(403);
    expect((await deploy(api, 'it-tools', {}, 'dev-read')).status).toBe(403);
    expect(await deploy(api, 'it-tools', {}, 'stranger')).toMatchObject({ status: 404 });
    const other = await deploy(api, 'it-tools', { project_id: await projectId(api, 'other') });
    expect(other).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await deploy(api, 'it-tools', { project_id: '../../shop' })).status).toBe(404);
    expect(await everything(api)).toBe(0);
  });

  it('leaves nothing behind when the Service cannot be written', async () => {
    const memory = createMemoryStore({ clock: systemClock, audit: new MemoryAuditLog() });
    const store: ResourceStore = new Proxy(memory, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (property === 'create' && args[0] === Service) throw new Fault('Unavailable', 'The store is away.');
          return Reflect.apply(value, target, args);
        };
      },
    });
    const api = await createShop({ store });
    expect((await deploy(api, 'grafana', {})).status).toBe(503);
    expect(await everything(api)).toBe(0);
  });
});
