import { describe, expect, it } from 'vitest';
import { createShop, service, SHOP, API } from '../testing/api-fixture.ts';

const services = `${SHOP}/services`;
const web = `${services}/web`;
const MERGE = 'application/merge-patch+json';

describe('delete', () => {
  it('answers the object while something is still to be cleaned up', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    expect(await api.ask('DELETE', web)).toMatchObject({
      status: 200,
      body: { metadata: { deletionTimestamp: expect.any(String) } },
    });
    await api.ask('PATCH', web, { body: { metadata: { finalizers: [] } }, type: MERGE });
    expect((await api.ask('GET', web)).status).toBe(404);
  });

  it('answers a success with the uid when the object is gone', async () => {
    const api = await createShop();
    const body = { ...service('s'), kind: 'Secret', spec: { data: {} } };
    const { body: made } = await api.ask('POST', `${SHOP}/secrets`, { body });
    const gone = await api.ask('DELETE', `${SHOP}/secrets/s`);
    expect(made).toHaveProperty('metadata.uid');
    expect(gone).toMatchObject({
      status: 200,
      body: { kind: 'Status', status: 'Success', details: { name: 's', kind: 'secrets' } },
    });
  });

  it('honours preconditions and the kind of propagation', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    expect((await api.ask('DELETE', web, { body: { preconditions: { uid: 'another' } } })).status).toBe(409);
    expect((await api.ask('DELETE', web, { body: { propagationPolicy: 'Sideways' } })).status).toBe(400);
    expect(await api.ask('DELETE', web, { body: { propagationPolicy: 'Foreground' } })).toMatchObject({
      status: 200,
      body: { metadata: { finalizers: ['containr.dev/service', 'foregroundDeletion'] } },
    });
  });

  it('does not delete all projects at once', async () => {
    const api = await createShop();
    expect(await api.ask('DELETE', `${API}/projects`)).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
    expect(await api.ask('GET', `${API}/projects`)).toMatchObject({ body: { items: [{}, {}] } });
  });

  it('deletes what a selector selects', async () => {
    const api = await createShop();
    for (const name of ['a', 'b', 'c']) {
      const body = {
        ...service(name, {}, { labels: { tier: name === 'c' ? 'back' : 'front' } }),
        kind: 'Secret',
        spec: { data: {} },
      };
      await api.ask('POST', `${SHOP}/secrets`, { body });
    }
    const deleted = await api.ask('DELETE', `${SHOP}/secrets?labelSelector=tier%3Dfront`);
    expect(deleted).toMatchObject({
      status: 200,
      body: { items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }] },
    });
    expect((await api.ask('GET', `${SHOP}/secrets`)).body).toMatchObject({ items: [{ metadata: { name: 'c' } }] });
  });
});
