import { describe, expect, it } from 'vitest';
import { Database } from '../../crds/database.ts';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import { createApi, createShop, make, service, type ApiFixture, type Person } from '../testing/api-fixture.ts';
import { bodyOf, idOf } from '../testing/rest-body.ts';

const PROJECTS = '/api/v1/projects';

async function create(api: ApiFixture, name: string, as: Person = 'stranger') {
  return bodyOf(await api.ask('POST', PROJECTS, { as, body: { name } }), 201);
}

describe('creating a project', () => {
  it('makes whoever asks its owner, under a name made from what they call it', async () => {
    const api = createApi();
    const answer = await api.ask('POST', PROJECTS, {
      as: 'stranger',
      body: { name: 'Café Zürich ☕', description: 'x' },
    });
    expect(bodyOf(answer, 201)).toMatchObject({
      name: 'Café Zürich ☕',
      description: 'x',
      owner_id: 'stranger@example.com',
      services_count: 0,
    });
    const stored = await api.store.getByUid(Project, idOf(answer));
    expect(stored?.metadata.name).toBe('cafe-zurich');
    expect(stored?.spec.members).toEqual([{ user: 'stranger@example.com', role: 'owner' }]);
  });

  it.each(['Shop', '東京', 'containr-system', '-', 'x'.repeat(128)])('finds a name of its own for %s', async (name) => {
    const api = await createShop();
    const [first, second] = [await create(api, name), await create(api, name)];
    expect(first['id']).not.toBe(second['id']);
    expect([first['name'], second['name']]).toEqual([name, name]);
  });

  it.each([
    [{}, 'name', 'is required'],
    [{ name: '' }, 'name', 'must not be blank'],
    [{ name: '  ' }, 'name', 'must not be blank'],
    [{ name: 'a\nb' }, 'name', 'must be one line of printable characters'],
    [{ name: 'x'.repeat(129) }, 'name', 'must be at most 128 characters long'],
    [{ name: 1 }, 'name', 'expected text, got 1'],
    [{ name: 'a', owner: 'me' }, 'owner', 'is not known here; check its spelling, or leave it out'],
    [{ name: 'a', description: null }, 'description', 'expected text, got nothing'],
    [[], '', 'expected a map of fields, got a list'],
  ])('refuses %j, naming the field', async (body, path, message) => {
    const answer = await createApi().ask('POST', PROJECTS, { body });
    expect(bodyOf(answer, 400)).toMatchObject({ code: 'invalid_request', details: { fields: [{ path, message }] } });
  });

  it('refuses bodies that cannot be read', async () => {
    const api = createApi();
    const tried = async (options: object) => bodyOf(await api.ask('POST', PROJECTS, options))['code'];
    expect(await tried({ body: '{"name":' })).toBe('invalid_request');
    expect(await tried({ body: '' })).toBe('invalid_request');
    expect(await tried({ body: 'name=a', type: 'application/x-www-form-urlencoded' })).toBe('unsupported_media_type');
    expect(await tried({ body: { name: 'x'.repeat(2 ** 20) } })).toBe('payload_too_large');
    expect(await tried({ body: '{"name":"a","__proto__":{"admin":true}}' })).toBe('invalid_request');
  });

  it('needs a token that may write', async () => {
    const answer = await createApi().ask('POST', PROJECTS, { as: 'dev-read', body: { name: 'a' } });
    expect(bodyOf(answer, 403)).toMatchObject({ code: 'forbidden' });
  });

  it('is audited', async () => {
    const api = createApi();
    await create(api, 'Mine');
    expect(await api.audit.list({ user: 'stranger@example.com', limit: 10 })).toMatchObject([
      { action: 'create', kind: 'Project', name: 'mine', manager: 'rest', address: '127.0.0.1' },
    ]);
  });
});

describe('listing projects', () => {
  it('shows those that one belongs to, by pages, newest first', async () => {
    const api = await createShop();
    for (const name of ['One', 'Two', 'Three']) await create(api, name);
    const first = bodyOf(await api.ask('GET', `${PROJECTS}?limit=2`, { as: 'stranger' }));
    expect(first).toMatchObject({ pagination: { page: 1, limit: 2, total: 3, total_pages: 2 } });
    expect(first['projects']).toHaveLength(2);
    const second = bodyOf(await api.ask('GET', `${PROJECTS}?limit=2&page=2`, { as: 'stranger' }));
    expect(second['projects']).toHaveLength(1);
    expect(bodyOf(await api.ask('GET', `${PROJECTS}?page=9`, { as: 'stranger' }))['projects']).toEqual([]);
    expect(bodyOf(await api.ask('GET', PROJECTS, { as: 'admin' }))).toMatchObject({
      pagination: { page: 1, limit: 20, total: 5, total_pages: 1 },
    });
  });

  it('searches names and descriptions in any case', async () => {
    const api = createApi();
    await create(api, 'Bakery');
    await api.ask('POST', PROJECTS, { as: 'stranger', body: { name: 'Other', description: 'Sells BREAD' } });
    const found = async (search: string) =>
      bodyOf(await api.ask('GET', `${PROJECTS}?search=${search}`, { as: 'stranger' }))['pagination'];
    expect(await found('bAKE')).toMatchObject({ total: 1 });
    expect(await found('bread')).toMatchObject({ total: 1 });
    expect(await found('%25')).toMatchObject({ total: 0 });
  });

  it.each(['page=0', 'limit=0', 'limit=1001', 'page=1.5', 'page=', 'page=1&page=2', 'serach=x'])(
    'refuses %s',
    async (query) => {
      expect(bodyOf(await createApi().ask('GET', `${PROJECTS}?${query}`), 400)).toMatchObject({
        code: 'invalid_request',
      });
    },
  );

  it('counts services, without those that are going', async () => {
    const api = await createShop();
    for (const name of ['a', 'b']) await make(api, Service, service(name));
    await api.store.delete(Service, { namespace: 'shop', name: 'b' }, { manager: 'test' });
    expect(bodyOf(await api.ask('GET', PROJECTS, { as: 'viewer' }))['projects']).toMatchObject([
      { name: 'shop', services_count: 1 },
    ]);
  });
});

describe('one project', () => {
  it('is changed by its owner in what the request states alone', async () => {
    const api = await createShop();
    const { metadata } = await shop(api);
    const path = `${PROJECTS}/${metadata.uid}`;
    const changed = bodyOf(await api.ask('PUT', path, { as: 'owner', body: { description: 'All of it' } }));
    expect(changed).toMatchObject({ name: 'shop', description: 'All of it' });
    expect((await shop(api)).spec.members).toHaveLength(3);
    expect(bodyOf(await api.ask('PUT', path, { as: 'owner', body: { name: 'The Shop' } }))).toMatchObject({
      name: 'The Shop',
      description: 'All of it',
    });
    expect(bodyOf(await api.ask('PUT', path, { as: 'owner', body: {} }))).toMatchObject({ name: 'The Shop' });
  });

  it('tells a client whose view is old to read again', async () => {
    const api = await createShop();
    const path = `${PROJECTS}/${(await shop(api)).metadata.uid}`;
    const tag = (await api.ask('GET', path, { as: 'owner' })).headers.get('etag') ?? '';
    const put = (name: string) => api.ask('PUT', path, { as: 'owner', body: { name }, headers: { 'if-match': tag } });
    const first = await put('First');
    expect(first.status).toBe(200);
    expect(first.headers.get('etag')).not.toBe(tag);
    expect(bodyOf(await put('Second'), 409)).toMatchObject({ code: 'conflict' });
    expect((await shop(api)).spec.displayName).toBe('First');
  });

  it.each([
    ['viewer', 200, 403, 403],
    ['dev', 200, 403, 403],
    ['owner', 200, 200, 204],
    ['admin', 200, 200, 204],
    ['admin-read', 200, 403, 403],
    ['stranger', 404, 404, 404],
  ] as const)('answers %s by their role', async (as, get, put, remove) => {
    const api = await createShop();
    const path = `${PROJECTS}/${(await shop(api)).metadata.uid}`;
    expect((await api.ask('GET', path, { as })).status).toBe(get);
    expect((await api.ask('PUT', path, { as, body: { name: 'x' } })).status).toBe(put);
    expect((await api.ask('DELETE', path, { as })).status).toBe(remove);
  });

  it('looks the same to a stranger whether it exists or not', async () => {
    const api = await createShop();
    const there = (await shop(api)).metadata.uid;
    const nowhere = '00000000-0000-4000-8000-000000000000';
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const [a, b] = await Promise.all(
        [there, nowhere].map((id) =>
          api.ask(method, `${PROJECTS}/${id}`, { as: 'stranger', ...(method === 'PUT' && { body: { name: 'x' } }) }),
        ),
      );
      expect(JSON.stringify(a?.body).replaceAll(there, nowhere)).toBe(JSON.stringify(b?.body));
    }
    for (const id of ['shop', '%00', '..%2f', there.toUpperCase()]) {
      expect((await api.ask('GET', `${PROJECTS}/${id}`)).status).toBe(404);
    }
  });

  it('is refused while the project holds a protected database', async () => {
    const api = await createShop();
    const shop = await api.store.get(Project, { name: 'shop' });
    await make(api, Database, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Database',
      metadata: { name: 'main', namespace: 'shop' },
      spec: { engine: 'postgresql', deletionProtection: true },
    });
    const answer = await api.ask('DELETE', `${PROJECTS}/${shop?.metadata.uid}`, { as: 'owner' });
    expect(bodyOf(answer, 409)['error']).toContain('protected against deletion');
    expect((await api.store.get(Project, { name: 'shop' }))?.metadata.deletionTimestamp).toBeUndefined();
  });

  it('is gone for the contract once its deletion was asked for, and takes its objects along first', async () => {
    const api = await createShop();
    const { metadata } = await shop(api);
    const path = `${PROJECTS}/${metadata.uid}`;
    expect((await api.ask('DELETE', path, { as: 'owner' })).status).toBe(204);
    expect((await api.ask('GET', path, { as: 'owner' })).status).toBe(404);
    expect((await api.ask('DELETE', path, { as: 'owner' })).status).toBe(404);
    expect((await shop(api)).metadata).toMatchObject({
      deletionTimestamp: expect.any(String),
      finalizers: expect.arrayContaining(['foregroundDeletion']),
    });
  });
});

async function shop({ store }: ApiFixture): Promise<Project> {
  const project = await store.get(Project, { name: 'shop' });
  if (!project) throw new Error('the fixture has a shop');
  return project;
}
