import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../controller/store/memory-store.ts';
import { Fault } from '../controller/errors.ts';
import { startServer } from './server.ts';
import { createApi, createShop, service, SHOP } from './testing/api-fixture.ts';

describe('probes', () => {
  it('answer anybody', async () => {
    const api = createApi();
    const anybody = { headers: { authorization: '' }, from: '10.0.0.1' };
    for (const path of ['/healthz', '/livez']) expect(await (await api.fetch('GET', path, anybody)).text()).toBe('ok');
    const ready = await api.fetch('GET', '/readyz', anybody);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('[-] store failed');
  });

  it('give reasons on this machine only', async () => {
    const api = createApi();
    expect(await (await api.fetch('GET', '/readyz', { from: '10.0.0.1' })).text()).not.toContain('connection refused');
    expect(await (await api.fetch('GET', '/readyz', { from: '::1' })).text()).toContain('connection refused');
    const passedOn = { from: '127.0.0.1', headers: { 'x-forwarded-for': '10.0.0.1' } };
    expect(await (await api.fetch('GET', '/readyz', passedOn)).text()).not.toContain('connection refused');
  });

  it('tell the version as Kubernetes does', async () => {
    expect((await createApi().ask('GET', '/version')).body).toMatchObject({
      major: '0',
      minor: '1',
      gitVersion: 'v0.1.0',
    });
  });
});

describe('metrics', () => {
  it.each([
    ['this machine', { headers: { authorization: '' }, from: '127.0.0.1' }, 200],
    ['an administrator', { as: 'admin', from: '10.0.0.1' }, 200],
    ['a member', { as: 'dev', from: '10.0.0.1' }, 403],
    ['anybody else', { headers: { authorization: '' }, from: '10.0.0.1' }, 401],
    [
      'a proxy on this machine',
      { headers: { authorization: '', 'x-forwarded-for': '10.0.0.1' }, from: '127.0.0.1' },
      401,
    ],
  ] as const)('answer %s with the right status', async (_, options, status) => {
    expect((await createApi().fetch('GET', '/metrics', options)).status).toBe(status);
  });
});

describe('every answer', () => {
  it('carries an id and headers that keep browsers quiet, and allows no other origin', async () => {
    const api = createApi();
    const { headers } = await api.fetch('GET', '/api', { headers: { origin: 'https://evil.example' } });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('keeps a well-formed id of the client, and no other', async () => {
    const api = createApi();
    const idFor = async (id: string) =>
      (await api.fetch('GET', '/api', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idFor('build-4711-a')).toBe('build-4711-a');
    expect(await idFor('short')).not.toBe('short');
    expect(await idFor('a"; drop table')).not.toContain('drop');
  });

  it('is logged with who, what and how long, and without query or body', async () => {
    const api = await createShop();
    await api.ask('POST', `${SHOP}/services?fieldManager=canary-query`, {
      body: service('web', { displayName: 'canary-body' }),
      as: 'dev',
    });
    const entry = api.logged.at(-1);
    expect(entry).toMatchObject({
      method: 'POST',
      path: `${SHOP}/services`,
      status: 201,
      user: 'dev@example.com',
      address: '127.0.0.1',
    });
    expect(JSON.stringify(api.logged)).not.toContain('canary');
  });

  it('to something nobody foresaw shows an id, and the log the cause', async () => {
    const store = createMemoryStore();
    const api = createApi({
      store: { ...store, list: () => Promise.reject(new Error('pool exploded: password=hunter2')) },
    });
    const { status, body, headers } = await api.ask('GET', `${SHOP}/services`);
    expect(status).toBe(500);
    expect(JSON.stringify(body)).toContain(headers.get('x-request-id'));
    expect(JSON.stringify(body)).not.toContain('exploded');
    expect(JSON.stringify(api.logged)).toContain('pool exploded');
  });

  it('needs no log entry of ours when the client goes in mid-request', async () => {
    const api = await createShop();
    const server = await startServer({ app: api.app, host: '127.0.0.1', port: 0 });
    for (const length of ['Content-Length: 5000', 'Transfer-Encoding: chunked']) {
      const socket = connect(server.port, '127.0.0.1');
      const head = [`POST ${SHOP}/services HTTP/1.1`, 'Host: x', 'Authorization: Bearer admin', length, '', ''].join(
        '\r\n',
      );
      await new Promise<void>((resolve) => socket.write(`${head}{"a":`, () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.destroy();
    }
    await expect.poll(() => api.logged.length).toBe(2);
    await server.close();
    expect(JSON.stringify(api.logged)).not.toContain('unexpectedly');
  });

  it('while the store is away says so, and when to try again', async () => {
    const away = new Fault('Unavailable', 'The database does not answer.', { retryAfterMs: 1_500 });
    const api = createApi({ store: { ...createMemoryStore(), list: () => Promise.reject(away) } });
    const answer = await api.ask('GET', `${SHOP}/services`);
    expect(answer).toMatchObject({
      status: 503,
      body: { reason: 'ServiceUnavailable', message: 'The database does not answer.' },
    });
    expect(answer.headers.get('retry-after')).toBe('2');
  });
});
