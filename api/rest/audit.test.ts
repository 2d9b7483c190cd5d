import { beforeEach, describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { createShop, SHOP, service, type Answer, type ApiFixture, type Person } from '../testing/api-fixture.ts';

let api: ApiFixture;
let uid: string;

beforeEach(async () => {
  api = await createShop();
  await api.ask('POST', `${SHOP}/services`, {
    as: 'dev',
    body: service('web', { env: [{ name: 'KEY', value: 'hunter2' }] }),
  });
  const change = { spec: { replicas: 3 } };
  await api.ask('PATCH', `${SHOP}/services/web`, { as: 'owner', body: change, type: 'application/merge-patch+json' });
  uid = (await api.store.get(Service, { namespace: 'shop', name: 'web' }))?.metadata.uid ?? '';
});

const ask = (path: string, as: Person): Promise<Answer> => api.ask('GET', `/api/v1${path}`, { as });

async function entries(path: string, as: Person): Promise<Record<string, unknown>[]> {
  const { status, body } = await ask(path, as);
  expect(status).toBe(200);
  return Object(body).audit_logs;
}

describe('GET /audit-logs', () => {
  it('shows what the asker did: who, what, when, from where', async () => {
    expect(await entries('/audit-logs', 'dev')).toEqual([
      expect.objectContaining({
        user_email: 'dev@example.com',
        resource: 'service',
        resource_id: uid,
        action: 'create',
        ip_address: '127.0.0.1',
        user_agent: 'test/1.0',
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      }),
    ]);
  });

  it('shows what changed, and no value that may be a secret', async () => {
    const [entry] = await entries('/audit-logs', 'owner');
    expect(JSON.parse(String(entry?.['details'])).changes).toEqual([
      { path: 'spec.replicas', before: '1', after: '3' },
    ]);
    expect(JSON.stringify(await entries('/audit-logs', 'dev'))).not.toContain('hunter2');
  });

  it('shows everything to administrators, and nothing to who did nothing', async () => {
    const users = (await entries('/audit-logs?resource=service', 'admin')).map((entry) => entry['user_email']);
    expect(users).toEqual(['owner@example.com', 'dev@example.com']);
    expect(await entries('/audit-logs', 'viewer')).toEqual([]);
  });

  it('answers by resource and action, a page at a time', async () => {
    expect(await entries('/audit-logs?resource=service&action=update', 'admin')).toMatchObject([{ action: 'update' }]);
    expect(await entries('/audit-logs?resource=git_provider', 'admin')).toEqual([]);
    expect(await entries('/audit-logs?resource=service&limit=1&page=2', 'admin')).toMatchObject([{ action: 'create' }]);
  });

  it.each(['resource=nothing', 'action=explode', 'page=0', 'limit=101', 'color=red'])('refuses ?%s', async (query) => {
    const { status, body } = await ask(`/audit-logs?${query}`, 'admin');
    expect([status, Object(body).details.fields]).toEqual([
      400,
      [expect.objectContaining({ path: query.split('=')[0] })],
    ]);
  });
});

describe('GET /audit-logs/{resource}/{id}', () => {
  it('shows all to owners of the project and administrators, to others what they did themselves', async () => {
    const path = `/audit-logs/service/${uid}`;
    const users = async (as: Person): Promise<unknown[]> =>
      (await entries(path, as)).map((entry) => entry['user_email']);
    const all = ['owner@example.com', 'dev@example.com'];
    expect(await users('owner')).toEqual(all);
    expect(await users('admin')).toEqual(all);
    expect(await users('dev')).toEqual(['dev@example.com']);
  });

  it('makes no difference between what is foreign and what is not there', async () => {
    const foreign = await ask(`/audit-logs/service/${uid}`, 'stranger');
    const absent = await ask('/audit-logs/service/00000000-0000-4000-8000-000000000000', 'stranger');
    expect([foreign.status, absent.status]).toEqual([404, 404]);
    expect(JSON.stringify(foreign.body).replace(uid, '')).toBe(
      JSON.stringify(absent.body).replace('00000000-0000-4000-8000-000000000000', ''),
    );
    expect((await ask(`/audit-logs/nonsense/${uid}`, 'owner')).status).toBe(404);
  });

  it('still shows what somebody did to an object that is gone', async () => {
    await api.ask('DELETE', `${SHOP}/services/web`, { as: 'dev' });
    expect((await entries(`/audit-logs/service/${uid}`, 'dev')).map(({ action }) => action)).toContain('create');
  });
});
