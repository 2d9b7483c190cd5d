import { describe, expect, it } from 'vitest';
import {
  createShop,
  secret,
  service,
  SHOP,
  type Answer,
  type ApiFixture,
  type Person,
} from '../testing/api-fixture.ts';

const web = `${SHOP}/services/web`;
const APPLY = 'application/apply-patch+yaml';

function apply(
  api: ApiFixture,
  manager: string,
  body: unknown,
  { query = '', as = 'admin' as Person } = {},
): Promise<Answer> {
  return api.ask('PATCH', `${web}?fieldManager=${encodeURIComponent(manager)}${query}`, { body, type: APPLY, as });
}

const head = { apiVersion: 'containr.dev/v1alpha1', kind: 'Service', metadata: { name: 'web' } };

describe('server-side apply', () => {
  it('makes what is not there, then changes it, and changes nothing the third time', async () => {
    const api = await createShop();
    expect((await apply(api, 'cli', service('web'))).status).toBe(201);
    const changed = await apply(api, 'cli', service('web', { replicas: 2 }));
    expect(changed).toMatchObject({ status: 200, body: { spec: { replicas: 2 }, metadata: { generation: 2 } } });
    expect((await apply(api, 'cli', service('web', { replicas: 2 }))).body).toEqual(changed.body);
  });

  it('takes YAML and JSON', async () => {
    const api = await createShop();
    const yaml =
      'apiVersion: containr.dev/v1alpha1\nkind: Service\nmetadata: {name: web}\nspec: {source: {type: image, image: nginx}}';
    expect((await apply(api, 'cli', yaml)).status).toBe(201);
    const path = `${web}?fieldManager=cli`;
    expect((await api.ask('PATCH', path, { body: service('web'), type: 'application/apply-patch+json' })).status).toBe(
      200,
    );
  });

  it('goes back to the default of a field that is no longer stated', async () => {
    const api = await createShop();
    const labels = { tier: 'front' };
    await apply(api, 'cli', service('web', { replicas: 3, healthCheck: { http: { port: 80 } } }, { labels }));
    const { body } = await apply(api, 'cli', service('web', { healthCheck: { tcp: { port: 80 } } }));
    expect(body).toMatchObject({ spec: { replicas: 1, healthCheck: { tcp: { port: 80 } } } });
    expect(body).not.toHaveProperty('spec.healthCheck.http');
    expect(body).not.toHaveProperty('metadata.labels');
  });

  it('merges lists with keys item by item, and shows who owns which', async () => {
    const api = await createShop();
    const env = (...names: string[]) => names.map((name) => ({ name, value: '1' }));
    const source = { type: 'image', image: 'nginx' };
    await apply(api, 'cli', { ...head, spec: { source, env: env('A'), ports: [{ port: 80 }] } });
    const { body } = await apply(api, 'platform', { ...head, spec: { env: env('B') } });
    expect(body).toMatchObject({
      spec: { env: [{ name: 'A' }, { name: 'B' }], ports: [{ name: 'http', port: 80 }] },
      metadata: {
        managedFields: [
          {
            manager: 'cli',
            fieldsV1: {
              'f:spec': {
                'f:env': { 'k:{"name":"A"}': {} },
                'f:ports': { 'k:{"name":"http"}': { '.': {}, 'f:name': {}, 'f:port': {} } },
              },
            },
          },
          { manager: 'platform', fieldsV1: { 'f:spec': { 'f:env': { 'k:{"name":"B"}': {} } } } },
        ],
      },
    });
    const refused = await apply(api, 'platform', { ...head, spec: { env: [{ name: 'A', value: '2' }] } });
    expect(refused).toMatchObject({
      status: 409,
      body: { details: { causes: [{ message: 'conflict with "cli"', field: '.spec.env[name="A"]' }] } },
    });
    const left = await apply(api, 'platform', { ...head, spec: {} });
    expect(left.body).toMatchObject({ spec: { env: [{ name: 'A', value: '1' }] } });
  });

  it('lets nobody sign as a RepoSync, nor write what one owns out of the record', async () => {
    const api = await createShop();
    expect(await apply(api, 'reposync/shop', service('web'))).toMatchObject({ status: 400 });
    await apply(api, 'cli', service('web'));
    const forged = [
      {
        manager: 'reposync/shop',
        operation: 'Apply',
        apiVersion: head.apiVersion,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:source': {} } },
      },
    ];
    const { body } = await api.ask('PATCH', web, {
      body: { metadata: { managedFields: forged } },
      type: 'application/merge-patch+json',
    });
    expect(JSON.stringify(body)).not.toContain('reposync/shop');
  });

  it('shows who owns what', async () => {
    const api = await createShop();
    const { body } = await apply(api, 'cli', { ...head, spec: { source: { type: 'image', image: 'nginx' } } });
    expect(body).toMatchObject({
      metadata: {
        managedFields: [
          {
            manager: 'cli',
            operation: 'Apply',
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:spec': { 'f:source': { 'f:type': {}, 'f:image': {} } } },
          },
        ],
      },
    });
    expect(body).not.toHaveProperty('metadata.annotations');
  });

  it('names manager and field of a conflict, and takes the field when forced', async () => {
    const api = await createShop();
    await apply(api, 'cli', service('web', { replicas: 2 }));
    const refused = await apply(api, 'autoscaler', { ...head, spec: { replicas: 5 } });
    expect(refused).toMatchObject({
      status: 409,
      body: {
        reason: 'Conflict',
        message: expect.stringContaining('.spec.replicas belongs to "cli"'),
        details: {
          causes: [{ reason: 'FieldManagerConflict', field: '.spec.replicas', message: 'conflict with "cli"' }],
        },
      },
    });
    const forced = await apply(api, 'autoscaler', { ...head, spec: { replicas: 5 } }, { query: '&force=true' });
    expect(forced).toMatchObject({ status: 200, body: { spec: { replicas: 5, source: { image: 'nginx:1.29' } } } });
    expect((await apply(api, 'cli', service('web', { replicas: 2 }))).status).toBe(409);
  });

  it('conflicts with what somebody edited since', async () => {
    const api = await createShop();
    await apply(api, 'cli', service('web', { replicas: 2 }));
    const body = { spec: { replicas: 7 } };
    await api.ask('PATCH', `${web}?fieldManager=kubectl-edit`, { body, type: 'application/merge-patch+json' });
    expect(await apply(api, 'cli', service('web', { replicas: 2 }))).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('"kubectl-edit"') },
    });
  });

  it('sees equal values however they are written', async () => {
    const api = await createShop();
    await apply(api, 'cli', service('web', { resources: { cpu: '1' } }));
    expect((await apply(api, 'other', { ...head, spec: { resources: { cpu: 1 } } })).status).toBe(200);
  });

  it('writes nothing on a dry run, and refuses what it would refuse', async () => {
    const api = await createShop();
    const before = await api.store.currentVersion();
    expect((await apply(api, 'cli', service('web'), { query: '&dryRun=All' })).status).toBe(201);
    expect((await apply(api, 'cli', service('web', { replicas: -1 }), { query: '&dryRun=All' })).status).toBe(422);
    expect(await api.store.currentVersion()).toBe(before);
  });

  it('needs a manager', async () => {
    const api = await createShop();
    expect(await apply(api, '', service('web'))).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('fieldManager') },
    });
  });

  it.each([
    ['an unknown field of the metadata', { ...head, metadata: { name: 'web', label: {} } }, 'metadata.label'],
    ['an unknown field of the spec', service('web', { replica: 1 }), 'spec.replica'],
    ['an unknown field beside them', { ...service('web'), specs: {} }, 'specs'],
  ])('names %s', async (_, body, field) => {
    const api = await createShop();
    const refused = await apply(api, 'cli', body);
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).toContain(`"field":"${field}"`);
  });

  it('makes nothing for who may only change', async () => {
    const api = await createShop();
    const project = {
      apiVersion: head.apiVersion,
      kind: 'Project',
      metadata: { name: 'shop' },
      spec: { displayName: 'Shop' },
    };
    const path = '/apis/containr.dev/v1alpha1/projects/shop?fieldManager=cli';
    expect((await api.ask('PATCH', path, { body: project, type: APPLY, as: 'owner' })).status).toBe(200);
    expect((await apply(api, 'cli', service('web'), { as: 'viewer' })).status).toBe(403);
  });

  it('hides the record from clients, who can neither read nor write it', async () => {
    const api = await createShop();
    const forged = { 'containr.dev/field-record': '[]', mine: 'x' };
    await apply(api, 'cli', service('web', { replicas: 2 }));
    const { body } = await api.ask('PATCH', web, {
      body: { metadata: { annotations: forged } },
      type: 'application/merge-patch+json',
    });
    expect(body).toMatchObject({ metadata: { annotations: { mine: 'x' } } });
    expect(JSON.stringify(body)).not.toContain('field-record');
    expect((await apply(api, 'other', { ...head, spec: { replicas: 3 } })).status).toBe(409);
  });

  it('applies Secrets: equal values change nothing, left out keys go', async () => {
    const api = await createShop();
    const path = `${SHOP}/secrets/api?fieldManager=cli`;
    const first = await api.ask('PATCH', path, { body: secret('api', { a: 'one', b: 'two' }), type: APPLY });
    expect(first.status).toBe(201);
    const same = await api.ask('PATCH', path, { body: secret('api', { a: 'one', b: 'two' }), type: APPLY });
    expect(same.body).toEqual(first.body);
    const less = await api.ask('PATCH', path, { body: secret('api', { a: 'one' }), type: APPLY });
    expect(less.body).toMatchObject({ metadata: { generation: 2 }, status: { keys: [{ name: 'a' }] } });
    const other = await api.ask('PATCH', path.replace('cli', 'x'), { body: secret('api', { a: 'uno' }), type: APPLY });
    expect(other).toMatchObject({ status: 409, body: { details: { causes: [{ field: '.spec.data.a' }] } } });
    expect(JSON.stringify([first, less, other])).not.toMatch(/one|uno|two|enc:v1/);
  });
});
