import { describe, expect, it } from 'vitest';
import { createShop, service, SHOP, API } from '../testing/api-fixture.ts';

const services = `${SHOP}/services`;
const web = `${services}/web`;
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

describe('create', () => {
  it('answers the object with its defaults and what the server adds', async () => {
    const api = await createShop();
    const made = await api.ask('POST', services, { body: service('web'), as: 'dev' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Service',
      metadata: {
        name: 'web',
        namespace: 'shop',
        generation: 1,
        uid: expect.any(String),
        resourceVersion: expect.any(String),
      },
      spec: { replicas: 1, resources: { cpu: '1' } },
    });
    expect((await api.ask('GET', web)).body).toEqual(made.body);
  });

  it('takes YAML', async () => {
    const api = await createShop();
    const yaml =
      'apiVersion: containr.dev/v1alpha1\nkind: Service\nmetadata: {name: web}\nspec: {source: {type: image, image: nginx}}';
    expect((await api.ask('POST', services, { body: yaml, type: 'application/yaml' })).status).toBe(201);
  });

  it('makes up a name where a beginning is given', async () => {
    const api = await createShop();
    const body = service('', {}, { name: undefined, generateName: 'web-' });
    const made = await api.ask('POST', services, { body });
    expect(made).toMatchObject({
      status: 201,
      body: { metadata: { name: expect.stringMatching(/^web-[0-9a-f]{5}$/) } },
    });
  });

  it('ignores what only the server sets, so that what was read can be written', async () => {
    const api = await createShop();
    const metadata = {
      uid: 'mine',
      resourceVersion: '77',
      generation: 9,
      creationTimestamp: '2020-01-01T00:00:00Z',
      managedFields: [],
    };
    const { body } = await api.ask('POST', services, {
      body: { ...service('web', {}, metadata), status: { phase: 'Running' } },
    });
    expect(body).toMatchObject({ metadata: { generation: 1 }, status: { conditions: [] } });
    expect(body).not.toMatchObject({ metadata: { uid: 'mine' } });
  });

  it('names every field that is wrong', async () => {
    const api = await createShop();
    const refused = await api.ask('POST', services, { body: service('web', { replicas: 'two', replica: 1 }) });
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'Invalid',
      code: 422,
      message: expect.stringContaining(
        'Service "web" in namespace "shop" is not valid: spec.replicas: expected a whole number, got "two"',
      ),
      details: {
        causes: [
          { field: 'spec.replicas', message: 'expected a whole number, got "two"' },
          { field: 'spec.replica', message: 'is not a known field; did you mean "replicas"?' },
        ],
      },
    });
  });

  it('writes nothing when the answer cannot be given as it is wanted', async () => {
    const api = await createShop();
    const accept = await api.ask('POST', services, { body: service('web'), headers: { accept: 'text/html' } });
    const include = await api.ask('POST', `${services}?includeObject=Some`, { body: service('web') });
    expect([accept.status, include.status]).toEqual([406, 400]);
    expect((await api.ask('GET', web)).status).toBe(404);
  });

  it.each([
    ['another kind', { ...service('web'), kind: 'Guest' }, 422],
    ['an unknown kind', { ...service('web'), kind: 'Servce' }, 422],
    ['another project', service('web', {}, { namespace: 'other' }), 400],
    ['no object', [1], 422],
    ['nothing', '', 422],
  ])('refuses %s', async (_, body, status) => {
    const api = await createShop();
    expect((await api.ask('POST', services, { body })).status).toBe(status);
  });

  it('refuses a name that is taken', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    expect(await api.ask('POST', services, { body: service('web') })).toMatchObject({
      status: 409,
      body: { reason: 'AlreadyExists' },
    });
  });

  it('needs the project, and one that is not going', async () => {
    const api = await createShop();
    const body = service('web', {}, { namespace: 'nowhere' });
    expect(await api.ask('POST', `${API}/namespaces/nowhere/services`, { body })).toMatchObject({
      status: 404,
      body: { message: 'There is no project "nowhere". Create it first: kind Project, metadata.name nowhere.' },
    });
    await api.ask('DELETE', `${API}/projects/shop`);
    expect(await api.ask('POST', services, { body: service('web') })).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('"shop" is being deleted') },
    });
  });

  it('keeps the namespace of the installation for its Secrets', async () => {
    const api = await createShop();
    const system = `${API}/namespaces/containr-system`;
    const body = service('web', {}, { namespace: 'containr-system' });
    expect((await api.ask('POST', `${system}/services`, { body })).status).toBe(422);
    const secret = { ...body, kind: 'Secret', spec: { data: { a: 'b' } } };
    expect((await api.ask('POST', `${system}/secrets`, { body: secret })).status).toBe(201);
    const project = { apiVersion: body['apiVersion'], kind: 'Project', metadata: { name: 'containr-system' } };
    expect((await api.ask('POST', `${API}/projects`, { body: project })).status).toBe(422);
  });
});

describe('update', () => {
  it('replaces the spec, the labels and the annotations', async () => {
    const api = await createShop();
    await api.ask('POST', services, {
      body: service('web', { replicas: 3 }, { labels: { a: '1' }, annotations: { b: '2' } }),
    });
    const changed = await api.ask('PUT', web, { body: service('web', { region: 'east' }, { labels: { c: '3' } }) });
    expect(changed).toMatchObject({
      status: 200,
      body: { metadata: { generation: 2, labels: { c: '3' } }, spec: { replicas: 1 } },
    });
    expect(changed.body).not.toHaveProperty('metadata.annotations');
    expect(changed.body).not.toHaveProperty('metadata.labels.a');
  });

  it('refuses an outdated version, and takes the newest when none is stated', async () => {
    const api = await createShop();
    const { body: old } = await api.ask('POST', services, { body: service('web') });
    await api.ask('PUT', web, { body: service('web', { replicas: 2 }) });
    const stale = await api.ask('PUT', web, { body: old });
    expect(stale).toMatchObject({
      status: 409,
      body: { reason: 'Conflict', message: expect.stringContaining('changed by somebody else') },
    });
    expect((await api.ask('GET', web)).body).toMatchObject({ spec: { replicas: 2 } });
  });

  it('makes no new version when nothing changes', async () => {
    const api = await createShop();
    const { body: made } = await api.ask('POST', services, { body: service('web') });
    expect((await api.ask('PUT', web, { body: service('web') })).body).toEqual(made);
  });

  it('does not make what is not there, and does not rename', async () => {
    const api = await createShop();
    expect((await api.ask('PUT', web, { body: service('web') })).status).toBe(404);
    await api.ask('POST', services, { body: service('web') });
    expect(await api.ask('PUT', web, { body: service('api') })).toMatchObject({
      status: 400,
      body: { message: 'metadata.name is "api", but the address of the request says "web".' },
    });
  });

  it('names the field of a spec that may not change', async () => {
    const api = await createShop();
    const build = { ...service('b1', {}), kind: 'Build', spec: { source: { type: 'image', image: 'nginx' } } };
    await api.ask('POST', `${SHOP}/builds`, { body: build });
    const changed = await api.ask('PATCH', `${SHOP}/builds/b1`, { body: { spec: { region: 'east' } }, type: MERGE });
    expect(changed).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'spec.region' }] } } });
    const cancelled = await api.ask('PATCH', `${SHOP}/builds/b1`, { body: { spec: { cancelled: true } }, type: MERGE });
    expect(cancelled.status).toBe(200);
  });

  it('leaves finalizers alone that are not stated', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const { body } = await api.ask('PUT', web, { body: service('web', { replicas: 2 }) });
    expect(body).toMatchObject({ metadata: { finalizers: ['containr.dev/service'] } });
  });

  it('lets only administrators change finalizers and owners', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const owner = { apiVersion: 'v1', kind: 'Service', name: 'x', uid: 'y' };
    for (const metadata of [{ finalizers: [] }, { finalizers: null }, { ownerReferences: [owner] }]) {
      const body = { metadata };
      const refused = await api.ask('PATCH', web, { body, type: MERGE, as: 'dev' });
      expect([refused.status, body]).toEqual([
        'finalizers' in metadata && metadata.finalizers === null ? 200 : 403,
        body,
      ]);
    }
    expect((await api.ask('GET', web)).body).toMatchObject({ metadata: { finalizers: ['containr.dev/service'] } });
    expect((await api.ask('PATCH', web, { body: { metadata: { finalizers: [] } }, type: MERGE })).status).toBe(200);
  });

  it('refuses annotations without measure', async () => {
    const api = await createShop();
    const annotations = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`a${n}`, 'x'.repeat(60_000)]));
    const refused = await api.ask('POST', services, { body: service('web', {}, { annotations }) });
    expect(refused).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'metadata.annotations' }] } } });
  });
});

describe('dry run', () => {
  it.each([
    ['POST', services, service('new'), 'application/json'],
    ['PUT', web, service('web', { replicas: 9 }), 'application/json'],
    ['PATCH', web, { spec: { replicas: 9 } }, MERGE],
    ['PATCH', web, [{ op: 'replace', path: '/spec/replicas', value: 9 }], JSON_PATCH],
    ['PATCH', `${web}/status`, { status: { phase: 'Running' } }, MERGE],
    ['DELETE', web, undefined, 'application/json'],
    ['DELETE', services, undefined, 'application/json'],
  ])('checks everything and writes nothing on %s %s', async (method, path, body, type) => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    const before = await api.store.currentVersion();
    const query = path.includes('?') ? '&dryRun=All' : '?dryRun=All';
    expect((await api.ask(method, `${path}${query}`, { body, type })).status).toBeLessThan(300);
    expect(await api.store.currentVersion()).toBe(before);
  });

  it('refuses what it would refuse', async () => {
    const api = await createShop();
    expect((await api.ask('POST', `${services}?dryRun=All`, { body: service('web', { replicas: -1 }) })).status).toBe(
      422,
    );
    expect((await api.ask('POST', `${services}?dryRun=Some`, { body: service('web') })).status).toBe(400);
  });
});

describe('the audit', () => {
  it('knows who wrote what from where', async () => {
    const api = await createShop();
    await api.ask('POST', `${services}?fieldManager=containr-cli`, {
      body: service('web'),
      as: 'dev',
      from: '::ffff:10.0.0.7',
    });
    const [entry] = await api.audit.list({ limit: 1 });
    expect(entry).toMatchObject({
      user: 'dev@example.com',
      manager: 'containr-cli',
      address: '10.0.0.7',
      userAgent: 'test/1.0',
      action: 'create',
      kind: 'Service',
      name: 'web',
    });
  });

  it('knows the program of who states no manager, and lets nobody sign as a loop', async () => {
    const api = await createShop();
    await api.ask('POST', services, { body: service('web') });
    expect((await api.audit.list({ limit: 1 }))[0]?.manager).toBe('test');
    expect((await api.ask('POST', `${services}?fieldManager=controller/guest`, { body: service('x') })).status).toBe(
      400,
    );
  });
});
