import { describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { createShop, service, SHOP } from '../testing/api-fixture.ts';

const services = `${SHOP}/services`;
const web = `${services}/web`;
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

describe('patch', () => {
  it('merges', async () => {
    const api = await createShop();
    await api.ask('POST', services, {
      body: service('web', { replicas: 3, displayName: 'Web' }, { labels: { a: '1', b: '2' } }),
    });
    const body = { metadata: { labels: { a: null, c: '3' } }, spec: { displayName: null, region: 'east' } };
    const patched = await api.ask('PATCH', web, { body, type: MERGE });
    expect(patched).toMatchObject({
      status: 200,
      body: { metadata: { labels: { b: '2', c: '3' } }, spec: { replicas: 3, region: 'east' } },
    });
    expect(patched.body).not.toHaveProperty('spec.displayName');
    expect(patched.body).not.toHaveProperty('metadata.labels.a');
  });

  it('applies a JSON patch, all of it or nothing', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web', { replicas: 3 }) });
    const held = [
      { op: 'test', path: '/spec/replicas', value: 3 },
      { op: 'replace', path: '/spec/replicas', value: 4 },
      { op: 'add', path: '/spec/env/-', value: { name: 'A', value: '1' } },
    ];
    expect(await api.ask('PATCH', web, { body: held, type: JSON_PATCH })).toMatchObject({
      status: 200,
      body: { spec: { replicas: 4, env: [{ name: 'A' }] } },
    });
    const failed = await api.ask('PATCH', web, { body: held, type: JSON_PATCH });
    expect(failed).toMatchObject({ status: 422, body: { message: expect.stringContaining('Operation 1 (test)') } });
    expect((await api.ask('GET', web)).body).toMatchObject({ spec: { replicas: 4 } });
  });

  it('honours a version in the patch', async () => {
    const api = await createShop();
    const { body: made } = await api.ask('POST', services, { body: service('web') });
    await api.ask('PATCH', web, { body: { spec: { replicas: 2 } }, type: MERGE });
    const metadata = {
      resourceVersion: (await api.store.get(Service, { namespace: 'shop', name: 'web' }))?.metadata.resourceVersion,
    };
    expect((await api.ask('PATCH', web, { body: { metadata, spec: { replicas: 3 } }, type: MERGE })).status).toBe(200);
    expect(made).toBeDefined();
    expect((await api.ask('PATCH', web, { body: { metadata, spec: { replicas: 4 } }, type: MERGE })).status).toBe(409);
  });

  it('loses no field when many patch at once', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const patches = Array.from({ length: 6 }, (_, n) =>
      api.ask('PATCH', web, { body: { metadata: { labels: { [`l${n}`]: 'x' } } }, type: MERGE }),
    );
    expect((await Promise.all(patches)).map(({ status }) => status)).toEqual(Array(6).fill(200));
    const stored = await api.store.get(Service, { namespace: 'shop', name: 'web' });
    expect(Object.keys(stored?.metadata.labels ?? {})).toHaveLength(6);
  });

  it('cannot touch the status, and the status cannot touch the spec', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const body = { spec: { replicas: 5 }, status: { phase: 'Running' } };
    await api.ask('PATCH', web, { body: { status: body.status }, type: MERGE });
    expect((await api.ask('GET', web)).body).not.toHaveProperty('status.phase');
    const status = await api.ask('PATCH', `${web}/status`, { body, type: MERGE });
    expect(status).toMatchObject({
      status: 200,
      body: { status: { phase: 'Running' }, spec: { replicas: 1 }, metadata: { generation: 1 } },
    });
    expect((await api.ask('GET', `${web}/status`)).body).toEqual(status.body);
  });

  it('names the field of a status that is wrong', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const body = { ...service('web'), status: { phase: 'Dancing' } };
    expect(await api.ask('PUT', `${web}/status`, { body })).toMatchObject({
      status: 422,
      body: { details: { causes: [{ field: 'status.phase' }] } },
    });
  });

  it('takes no strategic merge patch, as Kubernetes does not for such kinds', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const refused = await api.ask('PATCH', web, { body: {}, type: 'application/strategic-merge-patch+json' });
    expect(refused).toMatchObject({ status: 415, body: { reason: 'UnsupportedMediaType' } });
  });
});
