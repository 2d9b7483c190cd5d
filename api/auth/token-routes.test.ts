import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { API, createApi, make, project, service } from '../testing/api-fixture.ts';
import { Project } from '../../crds/project.ts';
import { anybody, as, logIn, register } from '../testing/people.ts';

const ann = { email: 'ann@example.com', password: 'correct horse', name: 'Ann' };
const bob = { email: 'bob@example.com', password: 'battery staple', name: 'Bob' };

/** Ann, an administrator, and Bob, who is nobody special, both logged in. */
async function world() {
  const clock = new FakeClock();
  const api = createApi({ clock });
  await register(api, ann);
  await register(api, bob);
  const [admin, token] = [await logIn(api, ann), await logIn(api, bob)];
  const create = (body: object, by = token) => api.ask('POST', '/api/tokens', { ...as(by), body });
  const text = async (body: object, by = token) => String(Reflect.get(Object((await create(body, by)).body), 'token'));
  const names = async (by: string, query = '') => {
    const { body } = await api.ask('GET', `/api/tokens${query}`, as(by));
    const items: unknown = Reflect.get(Object(body), 'items');
    return Array.isArray(items) ? items.map((item: { name: string }) => item.name) : [];
  };
  const revoke = async (id: string, by: string) => (await api.ask('DELETE', `/api/tokens/${id}`, as(by))).status;
  const check = async (by: string) => (await api.ask('GET', '/api/v1/user/profile', as(by))).status;
  return { clock, api, admin, token, create, text, names, revoke, check };
}

describe('tokens', () => {
  it('are made by people for themselves, and shown once', async () => {
    const { api, token, create, check } = await world();
    const { status, body } = await create({ name: 'ci', expiresAt: '2026-02-01T00:00:00Z' });
    expect({ status, body }).toEqual({
      status: 201,
      body: {
        id: expect.any(String),
        name: 'ci',
        user: 'bob@example.com',
        scope: 'write',
        createdAt: '2026-01-01T00:00:00.000Z',
        expiresAt: '2026-02-01T00:00:00.000Z',
        token: expect.stringMatching(/^ctr_/),
      },
    });
    const made = String(Reflect.get(Object(body), 'token'));
    expect(await check(made)).toBe(200);
    const listed = JSON.stringify((await api.ask('GET', '/api/tokens', as(token))).body);
    expect(listed).toContain('"lastUsedAt":"2026-01-01T00:00:00.000Z"');
    expect(listed).not.toContain(made.slice(4));
    expect((await api.ask('GET', '/api/tokens', anybody)).status).toBe(401);
  });

  it('end when they are to, and are gone from the list then', async () => {
    const { clock, api, names, text, check } = await world();
    const short = await text({ name: 'short', expiresAt: '2026-01-01T01:00:00+00:30' });
    expect(await check(short)).toBe(200);
    await clock.advance(30 * 60_000);
    expect(await check(short)).toBe(401);
    expect(await names(await logIn(api, bob))).toEqual([]);
  });

  it.each([
    ['without a name', {}, 422],
    ['with a name of several lines', { name: 'a\nb' }, 422],
    ['with a scope that is none', { name: 'a', scope: 'root' }, 422],
    ['that ended already', { name: 'a', expiresAt: '2025-01-01T00:00:00Z' }, 422],
    ['that ends at no time', { name: 'a', expiresAt: 'tomorrow' }, 422],
    ['with what nobody knows', { name: 'a', admin: true }, 422],
    ['of an administrator for somebody else', { name: 'a', scope: 'admin' }, 403],
  ])('are not made %s', async (_, body, status) => {
    const { create } = await world();
    expect((await create(body)).status).toBe(status);
  });

  it('have names of which each person has one', async () => {
    const { admin, create, text } = await world();
    await text({ name: 'ci' });
    expect(await create({ name: 'ci' })).toMatchObject({ status: 409, body: { reason: 'AlreadyExists' } });
    expect((await create({ name: 'ci' }, admin)).status).toBe(201);
  });

  it('give no more than what they are made with', async () => {
    const { admin, create, text } = await world();
    const write = await text({ name: 'w', scope: 'write', expiresAt: '2026-02-01T00:00:00Z' }, admin);
    const read = await text({ name: 'r', scope: 'read' }, admin);
    expect((await create({ name: 'a', scope: 'admin' }, write)).status).toBe(403);
    expect((await create({ name: 'a', scope: 'read' }, read)).status).toBe(403);
    expect((await create({ name: 'a', expiresAt: '2026-02-01T00:00:01Z' }, write)).status).toBe(422);
    expect((await create({ name: 'a' }, write)).body).toMatchObject({ expiresAt: '2026-02-01T00:00:00.000Z' });
    expect((await create({ name: 'b', scope: 'admin' }, admin)).status).toBe(201);
  });

  it('are a hundred for each person, besides those of logins', async () => {
    const { create } = await world();
    for (let made = 0; made < 100; made += 1) expect((await create({ name: `t${made}` })).status).toBe(201);
    expect((await create({ name: 'more' })).status).toBe(403);
    expect((await create({ name: 'laptop', login: true })).status).toBe(201);
  });

  it('of a login may make some that last longer, and only a login makes such', async () => {
    const { create, text } = await world();
    const kept = await text({ name: 'laptop', login: true, expiresAt: '2026-02-01T00:00:00Z' });
    expect((await create({ name: 'ci', expiresAt: '2027-01-01T00:00:00Z' }, kept)).status).toBe(201);
    expect((await create({ name: 'more', login: true }, kept)).status).toBe(403);
  });

  it('do as much as their scope and their owner', async () => {
    const { api, admin, text } = await world();
    await make(api, Project, project('shop', { bob: 'developer' }));
    const may = async (by: string) => {
      const options = { ...as(by), body: service('x') };
      const read = await api.ask('GET', `${API}/namespaces/shop/services`, as(by));
      const write = await api.ask('POST', `${API}/namespaces/shop/services?dryRun=All`, options);
      const admins = await api.ask('POST', `${API}/projects?dryRun=All`, { ...as(by), body: project('new', {}) });
      return [read.status, write.status, admins.status];
    };
    expect(await may(await text({ name: 'r', scope: 'read' }))).toEqual([200, 403, 403]);
    expect(await may(await text({ name: 'w' }))).toEqual([200, 201, 403]);
    expect(await may(await text({ name: 'r', scope: 'read' }, admin))).toEqual([200, 403, 403]);
    expect(await may(await text({ name: 'w' }, admin))).toEqual([200, 201, 403]);
    expect(await may(await text({ name: 'a', scope: 'admin' }, admin))).toEqual([200, 201, 201]);
  });

  it('are revoked by their owner, or by an administrator, and hidden from others', async () => {
    const { admin, token, create, names, revoke, check } = await world();
    const { body } = await create({ name: 'ci' });
    const [id, made] = [String(Reflect.get(Object(body), 'id')), String(Reflect.get(Object(body), 'token'))];
    const other = await create({ name: 'admins' }, admin);
    const otherId = String(Reflect.get(Object(other.body), 'id'));
    expect(await revoke(otherId, token)).toBe(404);
    expect(await revoke('nothing', token)).toBe(404);
    expect([await names(token), await names(admin), await names(admin, '?all=true')]).toEqual([
      ['ci'],
      ['admins'],
      ['ci', 'admins'],
    ]);
    expect(await check(made)).toBe(200);
    expect(await revoke(id, admin)).toBe(200);
    expect(await check(made)).toBe(401);
    expect(await names(token)).toEqual([]);
  });

  it('that may only read revoke nothing', async () => {
    const { text, revoke, check } = await world();
    const read = await text({ name: 'r', scope: 'read' });
    expect(await revoke('current', read)).toBe(403);
    expect(await check(read)).toBe(200);
  });
});

describe('a session', () => {
  it('ends when it is revoked, and no other does', async () => {
    const { api, token, revoke, check } = await world();
    const second = await logIn(api, bob);
    expect([await check(token), await check(second)]).toEqual([200, 200]);
    expect(await revoke('current', token)).toBe(200);
    expect([await check(token), await check(second)]).toEqual([401, 200]);
  });

  it('ends with the password, as all of that account do, and tokens stay', async () => {
    const { api, admin, token, text, check } = await world();
    const [second, lasting] = [await logIn(api, bob), await text({ name: 'ci' })];
    const change = (body: object, by = token) => api.ask('POST', '/api/account/password', { ...as(by), body });
    const next = { ...bob, password: 'another horse' };
    const wrong = await change({ currentPassword: 'wrong', newPassword: next.password });
    expect(wrong).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'currentPassword' }] } } });
    expect((await change({ newPassword: next.password })).status).toBe(422);
    expect((await change({ currentPassword: bob.password, newPassword: 'short' })).status).toBe(422);
    expect((await change({ currentPassword: bob.password, newPassword: next.password }, 'admin')).status).toBe(400);
    expect((await change({ currentPassword: bob.password, newPassword: next.password })).status).toBe(200);
    expect([await check(token), await check(second), await check(lasting), await check(admin)]).toEqual([
      401, 401, 200, 200,
    ]);
    expect(await check(await logIn(api, next))).toBe(200);
  });

  it('of an administrator sets the password of somebody who forgot it', async () => {
    const { api, admin, token } = await world();
    const body = { email: bob.email, newPassword: 'another horse' };
    expect((await api.ask('POST', '/api/account/password', { ...as(token), body })).status).toBe(403);
    expect((await api.ask('POST', '/api/account/password', { ...as(admin), body })).status).toBe(200);
    expect(await logIn(api, { ...bob, password: 'another horse' })).toContain('.');
  });
});

describe('guessing the present password', () => {
  it('is slowed down like a login', async () => {
    const { api, token } = await world();
    const guess = () =>
      api.ask('POST', '/api/account/password', {
        ...as(token),
        body: { currentPassword: 'wrong', newPassword: 'another horse' },
      });
    const statuses = [];
    for (let tried = 0; tried < 11; tried += 1) statuses.push((await guess()).status);
    expect(statuses.slice(-2)).toEqual([422, 429]);
  });
});
