import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { API, createApi } from '../testing/api-fixture.ts';

const headers = (authorization: string) => ({ headers: { authorization } });

describe('authentication', () => {
  it.each([
    ['nothing', ''],
    ['another scheme', 'Basic YWRtaW46YWRtaW4='],
    ['an empty token', 'Bearer '],
    ['an unknown token', 'Bearer nobody'],
    ['a very long token', `Bearer ${'x'.repeat(10_000)}`],
  ])('refuses %s with 401 and says how to ask', async (_, authorization) => {
    const refused = await createApi().ask('GET', `${API}/services`, headers(authorization));
    expect(refused).toMatchObject({ status: 401, body: { kind: 'Status', reason: 'Unauthorized' } });
    expect(refused.headers.get('www-authenticate')).toContain('Bearer');
  });

  it.each(['/api', '/api/v1', '/apis', '/apis/containr.dev', API, `${API}/projects`, '/openapi/v3', '/apis/other/v1'])(
    'guards %s',
    async (path) => {
      const api = createApi();
      expect((await api.ask('GET', path, headers(''))).status).toBe(401);
      expect((await api.ask('GET', path)).status).not.toBe(401);
    },
  );

  it('takes the scheme in any case', async () => {
    expect((await createApi().ask('GET', `${API}/projects`, headers('bearer admin'))).status).toBe(200);
  });

  it('slows down an address that guesses, and no other', async () => {
    const clock = new FakeClock();
    const api = createApi({ clock });
    const guess = (from: string) => api.ask('GET', '/api', { ...headers('Bearer wrong'), from });
    for (let tried = 0; tried < 20; tried += 1) expect((await guess('10.0.0.1')).status).toBe(401);
    const slowed = await guess('10.0.0.1');
    expect(slowed).toMatchObject({ status: 429, body: { reason: 'TooManyRequests' } });
    expect(slowed.headers.get('retry-after')).toBe('3');
    expect((await guess('10.0.0.2')).status).toBe(401);
    await clock.advance(3_000);
    expect((await guess('10.0.0.1')).status).toBe(401);
    expect((await guess('10.0.0.1')).status).toBe(429);
  });

  it('does not try tokens while it is slowed down, but lets those in that were valid before', async () => {
    const clock = new FakeClock();
    const api = createApi({ clock });
    await api.ask('GET', '/api', { as: 'dev', from: '10.0.0.1' });
    for (let tried = 0; tried < 20; tried += 1)
      await api.ask('GET', '/api', { ...headers('Bearer wrong'), from: '10.0.0.1' });
    expect((await api.ask('GET', '/api', { as: 'viewer', from: '10.0.0.1' })).status).toBe(429);
    expect((await api.ask('GET', '/api', { as: 'dev', from: '10.0.0.1' })).status).toBe(200);
  });

  it('believes X-Forwarded-For from a trusted proxy only', async () => {
    const guess = async (trustedProxies: string[]) => {
      const api = createApi({ clock: new FakeClock(), trustedProxies });
      let last = 0;
      for (let tried = 0; tried <= 20; tried += 1) {
        const forged = { authorization: 'Bearer wrong', 'x-forwarded-for': `1.2.3.4, 10.9.9.${tried}` };
        last = (await api.ask('GET', '/api', { headers: forged, from: '10.0.0.1' })).status;
      }
      return last;
    };
    expect(await guess([])).toBe(429);
    expect(await guess(['10.0.0.1'])).toBe(401);
    // Behind two proxies of ours the address before both of them counts.
    expect(await guess(['10.0.0.0/8'])).toBe(429);
  });

  it.each(['proxy.lan', '10.0.0.0/33', '10.0.0.0/', '::1/129', '1.2.3.4/8/8'])(
    'refuses %s as a trusted proxy',
    (proxy) => {
      expect(() => createApi({ trustedProxies: [proxy] })).toThrow(/no address or network/);
    },
  );
});
