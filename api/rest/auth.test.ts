import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { createApi, make, project, type ApiFixture } from '../testing/api-fixture.ts';
import { Project } from '../../crds/project.ts';
import { anybody, as, logIn, register, userFields } from '../testing/people.ts';

const ann = { email: 'Ann@Example.com', password: 'correct horse', name: 'Ann' };
const bob = { email: 'bob@example.com', password: 'battery staple', name: 'Bob' };

describe('registration', () => {
  it('makes an account, and an administrator of the first', async () => {
    const api = createApi();
    const { status, body } = await register(api, ann);
    expect(status).toBe(201);
    expect(body).toEqual({ ...userFields, email: 'Ann@Example.com', name: 'Ann' });
    expect((await register(api, bob)).status).toBe(201);
    const [first, second] = [await logIn(api, ann), await logIn(api, bob)];
    expect((await api.ask('GET', '/api/tokens?all=true', as(first))).status).toBe(200);
    expect((await api.ask('GET', '/api/tokens?all=true', as(second))).status).toBe(403);
  });

  it('is open to the first only, unless told otherwise, and to whom an administrator makes an account for', async () => {
    const api = createApi({ registration: 'first-user' });
    expect((await register(api, ann)).status).toBe(201);
    expect(await register(api, bob)).toMatchObject({ status: 400, body: { code: 'registration_closed' } });
    const token = await logIn(api, ann);
    expect((await api.ask('POST', '/api/v1/auth/register', { ...as(token), body: bob })).status).toBe(201);
    const eve = { ...bob, email: 'eve@example.com' };
    const refused = await api.ask('POST', '/api/v1/auth/register', { ...as(await logIn(api, bob)), body: eve });
    expect(refused).toMatchObject({ status: 400, body: { code: 'registration_closed' } });
    expect((await api.ask('POST', '/api/v1/auth/register', { ...as('wrong'), body: eve })).status).toBe(401);
  });

  it('is open to nobody where it is closed', async () => {
    expect(await register(createApi({ registration: 'closed' }), ann)).toMatchObject({
      status: 400,
      body: { code: 'registration_closed' },
    });
  });

  it('says no more of an address that another has than that it cannot be used', async () => {
    const api = createApi();
    await register(api, ann);
    const { status, body } = await register(api, { ...bob, email: 'ANN@example.COM' });
    expect({ status, body }).toEqual({
      status: 400,
      body: {
        code: 'email_taken',
        error: 'This address cannot be used. Choose another.',
        details: { fields: [{ path: 'email', message: expect.any(String) }] },
      },
    });
  });

  it.each([
    ['a short password', { password: 'seven77' }, 'password'],
    ['a huge password', { password: 'x'.repeat(1_025) }, 'password'],
    ['a password that is no text', { password: 12_345_678 }, 'password'],
    ['no password', { password: undefined }, 'password'],
    ['no address', { email: 'ann' }, 'email'],
    ['an address with more behind it', { email: 'ann@example.com\nbcc: bob@example.com' }, 'email'],
    ['an endless address', { email: `${'a'.repeat(250)}@example.com` }, 'email'],
    ['an empty name', { name: '  ' }, 'name'],
    ['a name of several lines', { name: 'a\nb' }, 'name'],
    ['half a character as a name', { name: '\ud800' }, 'name'],
    ['what nobody asked for', { administrator: true }, 'administrator'],
  ])('refuses %s with 400, naming the field and never the password', async (_, change, field) => {
    const { status, body } = await register(createApi(), { ...ann, ...change });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', details: { fields: [{ path: field }] } },
    });
    expect(JSON.stringify(body)).not.toMatch(/seven77|12345678|12_345_678|correct horse/);
  });

  it('takes passwords of eight and of a thousand and twenty-four characters', async () => {
    const api = createApi();
    for (const password of ['eight888', 'x'.repeat(1_024)]) {
      const person = { ...ann, email: `p${password.length}@example.com`, password };
      expect((await register(api, person)).status).toBe(201);
      expect(await logIn(api, person)).toContain('.');
    }
  });
});

describe('a login', () => {
  it('answers a token that says who asks, and the account', async () => {
    const api = createApi();
    await register(api, ann);
    const body = { email: 'ann@EXAMPLE.com', password: ann.password };
    const answered = await api.ask('POST', '/api/v1/auth/login', { ...anybody, body });
    expect(answered).toMatchObject({ status: 200, body: { user: { email: 'Ann@Example.com' } } });
    const token = await logIn(api, ann);
    expect((await api.ask('GET', '/api/v1/user/profile', as(token))).body).toMatchObject({ email: 'Ann@Example.com' });
  });

  it('says the same whether address or password is wrong', async () => {
    const api = createApi();
    await register(api, ann);
    const texts = new Set<string>();
    for (const body of [
      { email: ann.email, password: 'wrong horse' },
      { email: ann.email, password: '' },
      { email: ann.email, password: 'x'.repeat(2_000) },
      { email: 'nobody@example.com', password: ann.password },
      { email: 'no address', password: ann.password },
      { email: '\u0000', password: '\u0000' },
      { email: '', password: '' },
    ]) {
      const { status, body: said } = await api.ask('POST', '/api/v1/auth/login', { ...anybody, body });
      texts.add(JSON.stringify({ status, said }));
    }
    expect([...texts]).toEqual([expect.stringContaining('"status":401')]);
  });

  it('ends after an hour', async () => {
    const clock = new FakeClock();
    const api = createApi({ clock });
    await register(api, ann);
    const token = await logIn(api, ann);
    await clock.advance(3_599_000);
    expect((await api.ask('GET', '/api/v1/user/profile', as(token))).status).toBe(200);
    await clock.advance(1_000);
    expect((await api.ask('GET', '/api/v1/user/profile', as(token))).status).toBe(401);
  });

  it('gives the rights of its account in projects, by any address that the account had', async () => {
    const api = createApi();
    await register(api, ann);
    const { body } = await register(api, bob);
    const token = await logIn(api, bob);
    const see = async (name: string) =>
      (await api.ask('GET', `/apis/containr.dev/v1alpha1/projects/${name}`, as(token))).status;
    await make(api, Project, project('shop', { bob: 'viewer' }));
    const id = String(Reflect.get(Object(body), 'id'));
    await make(api, Project, { ...project('own', {}), spec: { members: [{ user: id, role: 'owner' }] } });
    await make(api, Project, {
      ...project('loud', {}),
      spec: { members: [{ user: 'BOB@EXAMPLE.COM', role: 'viewer' }] },
    });
    await make(api, Project, project('other', { ann: 'owner' }));
    await api.ask('PUT', '/api/v1/user/profile', { ...as(token), body: { email: 'rob@example.com' } });
    expect([await see('shop'), await see('own'), await see('loud'), await see('other')]).toEqual([200, 200, 200, 404]);
    expect(await register(api, bob)).toMatchObject({ status: 400, body: { code: 'email_taken' } });
  });

  it('is slowed down by account, wherever the guesses come from and whatever they say they come from', async () => {
    const clock = new FakeClock();
    const api = createApi({ clock });
    await register(api, ann);
    const guess = (at: number, email = ann.email) =>
      api.ask('POST', '/api/v1/auth/login', {
        headers: { authorization: '', 'x-forwarded-for': `1.2.3.${at}` },
        from: `10.0.0.${at}`,
        body: { email, password: 'wrong horse' },
      });
    for (const email of [ann.email, 'nobody@example.com']) {
      for (let at = 0; at < 10; at += 1) expect((await guess(at, email)).status).toBe(401);
      const slowed = await guess(99, email.toUpperCase());
      expect(slowed).toMatchObject({ status: 429, body: { code: 'rate_limited', details: { retry_after: 30 } } });
      expect(slowed.headers.get('retry-after')).toBe('30');
    }
    await clock.advance(30_000);
    expect((await guess(5)).status).toBe(401);
    expect((await guess(6)).status).toBe(429);
  });

  it('is slowed down by address, which nobody chooses by a header', async () => {
    const api = createApi({ clock: new FakeClock() });
    const statuses: number[] = [];
    for (let at = 0; at <= 30; at += 1) {
      const body = { email: `p${at}@example.com`, password: 'wrong horse' };
      const headers = { authorization: '', 'x-forwarded-for': `1.2.3.${at}` };
      statuses.push((await api.ask('POST', '/api/v1/auth/login', { headers, body, from: `2001:db8::${at}` })).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 30 }, () => 401), 429]);
  });

  it('counts guesses that come all at once', async () => {
    const api = createApi({ clock: new FakeClock() });
    await register(api, ann);
    const body = { email: ann.email, password: 'wrong horse' };
    const all = await Promise.all(
      Array.from({ length: 25 }, () => api.ask('POST', '/api/v1/auth/login', { ...anybody, body })),
    );
    expect(all.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(15);
  });

  it('stays open to whoever logged in from where they are, however much others guess', async () => {
    const api = createApi({ clock: new FakeClock() });
    await register(api, ann);
    for (let tried = 0; tried < 40; tried += 1) await logIn(api, ann);
    const wrong = { email: ann.email, password: 'wrong horse' };
    for (let tried = 0; tried < 12; tried += 1)
      await api.ask('POST', '/api/v1/auth/login', { ...anybody, body: wrong, from: '10.9.9.9' });
    expect(await logIn(api, ann)).toContain('.');
  });
});

describe('what is kept of all that', () => {
  it('is who, what, when and from where, and never a password or a token', async () => {
    const api = createApi();
    const secrets = ['canary-password-1', 'canary-password-2', 'canary-password-3'];
    const person = { ...ann, password: 'canary-password-1' };
    const said: unknown[] = [];
    const ask: ApiFixture['ask'] = async (...asked) => {
      const answered = await api.ask(...asked);
      said.push([...answered.headers], answered.status >= 400 ? answered.body : undefined);
      return answered;
    };
    await register(api, person);
    const session = await logIn(api, person);
    const made = await api.ask('POST', '/api/tokens', { ...as(session), body: { name: 'ci' } });
    const lasting = String(Reflect.get(Object(made.body), 'token'));
    secrets.push(session, session.split('.')[2] ?? '', lasting);
    await ask('POST', '/api/v1/auth/login', { ...anybody, body: { ...person, password: 'canary-password-2' } });
    await ask('POST', '/api/v1/auth/login', { ...anybody, body: { password: ['canary-password-2'], email: {} } });
    await ask('POST', '/api/v1/auth/login', { ...anybody, body: '{"password":"canary-password-2"' });
    await ask('POST', '/api/v1/auth/register', { ...anybody, body: { ...person, name: '' } });
    await ask('POST', '/api/v1/auth/register', { ...anybody, body: person });
    await ask('POST', `/api/v1/auth/login?password=canary-password-2`, anybody);
    const change = { currentPassword: 'canary-password-2', newPassword: 'canary-password-3' };
    await ask('POST', '/api/account/password', { ...as(session), body: change });
    await ask('POST', '/api/account/password', { ...as(session), body: { ...change, newPassword: 1 } });
    await ask('GET', '/api/tokens', as(session));
    await ask('GET', `/api/v1/projects?token=${lasting}`, as(`${lasting}x`));
    for (const secret of [lasting, session])
      expect((await ask('DELETE', `/api/tokens/${secret}`, as(session))).status).toBe(404);
    await ask('DELETE', '/api/tokens/current', as(lasting));
    await ask('POST', '/api/account/password', {
      ...as(session),
      body: { ...change, currentPassword: 'canary-password-1' },
    });
    const entries = await api.audit.list({ limit: 100 });
    expect(entries.map(({ action, kind, user }) => `${action} ${kind} ${user}`)).toEqual([
      'update User ann@example.com',
      'delete Token ann@example.com',
      'create Token ann@example.com',
      'login User ann@example.com',
      'create User ann@example.com',
    ]);
    expect(entries[4]).toMatchObject({ manager: 'rest', address: '127.0.0.1', userAgent: 'test/1.0' });
    const kept = JSON.stringify([entries, api.logged, said]);
    for (const secret of secrets) expect([secret, kept.includes(secret)]).toEqual([secret, false]);
  });
});
