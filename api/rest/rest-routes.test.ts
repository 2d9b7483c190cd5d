import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { createApi, createShop } from '../testing/api-fixture.ts';

const anybody = { headers: { authorization: '' } };

describe('the contract', () => {
  it('says that it is well to anybody', async () => {
    const { status, body } = await createApi().ask('GET', '/api/v1/health', anybody);
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 'ok', service: 'containr-api', version: '0.1.0' },
    });
  });

  it('asks everybody else who they are, also where nothing is', async () => {
    const api = createApi();
    for (const path of ['/api/v1/projects', '/api/v1/nothing', '/api/v1/healthy']) {
      const { status, body, headers } = await api.ask('GET', path, anybody);
      expect(status).toBe(401);
      expect(body).toMatchObject({ code: 'unauthorized', error: expect.stringContaining('token'), details: {} });
      expect(headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('answers 404 where nothing is and 405 where the method is not taken', async () => {
    const api = createApi();
    expect(await api.ask('GET', '/api/v1/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const { status, headers, body } = await api.ask('DELETE', '/api/v1/health');
    expect({ status, allow: headers.get('allow'), body }).toMatchObject({
      status: 405,
      allow: 'GET',
      body: { code: 'method_not_allowed', details: { allow: ['GET'] } },
    });
  });

  it('leaves to kubectl what kubectl asks for', async () => {
    const api = await createShop();
    expect((await api.ask('GET', '/api/v1?timeout=32s')).body).toEqual({
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [],
    });
    expect((await api.ask('GET', '/api/v1/namespaces/shop')).body).toMatchObject({ kind: 'Namespace' });
    expect((await api.ask('GET', '/api/v1/namespaces/none')).body).toMatchObject({ kind: 'Status', code: 404 });
  });
});

describe('a failure of the server', () => {
  it('says that the database is away, and when to try again', async () => {
    const store = createMemoryStore();
    const api = createApi({ store });
    await store.close();
    const { status, headers, body } = await api.ask('GET', '/api/v1/projects');
    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'unavailable', details: { retry_after: 1 } } });
    expect(headers.get('retry-after')).toBe('1');
  });

  it('tells the cause to the log alone', async () => {
    const store = { ...createMemoryStore(), list: () => Promise.reject(new TypeError('secret detail')) };
    const api = createApi({ store });
    const { status, body, headers } = await api.ask('GET', '/api/v1/projects');
    expect({ status, body }).toMatchObject({
      status: 500,
      body: { code: 'internal_error', details: { request_id: headers.get('x-request-id') } },
    });
    expect(JSON.stringify(body)).not.toContain('secret detail');
    expect(JSON.stringify(api.logged)).toContain('secret detail');
  });
});

describe('other origins', () => {
  it('are not allowed unless they are named', async () => {
    const asks = { headers: { origin: 'https://panel.example.com', 'access-control-request-method': 'GET' } };
    const closed = await createApi().fetch('OPTIONS', '/api/v1/projects', asks);
    expect(closed.headers.get('access-control-allow-origin')).toBeNull();
    const api = createApi({ rest: { corsOrigins: ['https://panel.example.com'] } });
    const allowed = await api.fetch('OPTIONS', '/api/v1/projects', { ...asks, ...anybody.headers });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://panel.example.com');
    const answered = await api.fetch('GET', '/api/v1/health', { headers: { origin: 'https://panel.example.com' } });
    expect(answered.headers.get('access-control-allow-origin')).toBe('https://panel.example.com');
    expect(answered.headers.get('vary')).toContain('Origin');
    const refused = await api.fetch('GET', '/api/v1/projects', {
      headers: { origin: 'https://panel.example.com', authorization: '' },
    });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://panel.example.com');
    const other = await api.fetch('GET', '/api/v1/health', { headers: { origin: 'https://evil.example' } });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });
});
