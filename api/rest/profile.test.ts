import { describe, expect, it } from 'vitest';
import { Project } from '../../crds/project.ts';
import { createApi, make, project } from '../testing/api-fixture.ts';
import { anybody, as, logIn, register, userFields } from '../testing/people.ts';

const ann = { email: 'ann@example.com', password: 'correct horse', name: 'Ann' };
const bob = { email: 'bob@example.com', password: 'battery staple', name: 'Bob' };

async function world() {
  const api = createApi();
  await register(api, ann);
  await register(api, bob);
  const token = await logIn(api, bob);
  const put = (body: object, how = as(token)) => api.ask('PUT', '/api/v1/user/profile', { ...how, body });
  return { api, token, put, get: () => api.ask('GET', '/api/v1/user/profile', as(token)) };
}

describe('the profile', () => {
  it('is that of whoever asks, and of nobody without a token', async () => {
    const { api, get } = await world();
    expect(await get()).toMatchObject({ status: 200, body: { ...userFields, email: 'bob@example.com', name: 'Bob' } });
    expect((await api.ask('GET', '/api/v1/user/profile', anybody)).status).toBe(401);
  });

  it('changes as told, and only so far, and shows at once', async () => {
    const { put, get } = await world();
    expect((await put({ avatar_url: 'https://example.com/b.png' })).status).toBe(200);
    const { status, body } = await put({ name: 'Robert' });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { email: 'bob@example.com', name: 'Robert', avatar_url: 'https://example.com/b.png' },
    });
    expect((await get()).body).toEqual(body);
    expect((await put({ avatar_url: '' })).body).not.toHaveProperty('avatar_url');
    expect((await put({})).status).toBe(200);
  });

  it('lets people log in by their new address only', async () => {
    const { api, put } = await world();
    expect((await put({ email: 'Rob@example.com' })).body).toMatchObject({ email: 'Rob@example.com' });
    expect(await logIn(api, { ...bob, email: 'rob@example.com' })).toContain('.');
    const old = await api.ask('POST', '/api/v1/auth/login', {
      ...anybody,
      body: { email: bob.email, password: bob.password },
    });
    expect(old.status).toBe(401);
  });

  it.each([
    ['what is no address', { email: 'rob' }],
    ['an empty name', { name: '' }],
    ['a script for a picture', { avatar_url: 'javascript:alert(1)' }],
    ['a field that is not theirs', { administrator: true }],
    ['a field of another type', { name: null }],
  ])('refuses %s with 400', async (_, change) => {
    const { put } = await world();
    expect(await put(change)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('gives nobody an address of another, nor one that a project has granted something to', async () => {
    const { api, put } = await world();
    await make(api, Project, project('shop', { boss: 'owner' }));
    for (const email of ['ANN@example.com', 'Boss@example.com'])
      expect(await put({ email })).toMatchObject({ status: 400, body: { code: 'email_taken' } });
    const annPut = await put({ email: 'boss@example.com' }, as(await logIn(api, ann)));
    expect(annPut.status).toBe(200);
  });

  it('is not changed by a token that may only read, nor by one that belongs to no account', async () => {
    const { api, token, put } = await world();
    const { body } = await api.ask('POST', '/api/tokens', { ...as(token), body: { name: 'r', scope: 'read' } });
    const readOnly = as(String(Reflect.get(Object(body), 'token')));
    expect((await put({ name: 'Rob' }, readOnly)).status).toBe(403);
    expect((await api.ask('GET', '/api/v1/user/profile', readOnly)).body).toMatchObject({ name: 'Bob' });
    expect((await api.ask('GET', '/api/v1/user/profile')).body).toEqual({ id: 'admin', name: 'admin' });
    expect((await put({ name: 'Rob' }, as('admin'))).status).toBe(400);
  });
});
