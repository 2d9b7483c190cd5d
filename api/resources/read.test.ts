import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { allKinds } from '../../crds/kinds.ts';
import { Service } from '../../crds/service.ts';
import { API, createShop, make, service, SHOP, type ApiFixture, type Person } from '../testing/api-fixture.ts';

const services = `${SHOP}/services`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

async function shopWith(...names: string[]): Promise<ApiFixture> {
  const api = await createShop();
  for (const name of names)
    await make(api, Service, service(name, {}, { labels: { tier: name < 'c' ? 'front' : 'back' } }));
  return api;
}

const List = z.object({
  kind: z.string(),
  metadata: z.object({
    resourceVersion: z.string(),
    continue: z.string().optional(),
    remainingItemCount: z.number().optional(),
  }),
  items: z.array(z.object({ metadata: z.object({ name: z.string() }) })),
});

async function list(
  api: ApiFixture,
  query = '',
): Promise<{ names: string[]; metadata: z.output<typeof List>['metadata'] }> {
  const { body } = await api.ask('GET', `${services}${query}`);
  const { items, metadata } = List.parse(body);
  return { names: items.map((item) => item.metadata.name), metadata };
}

describe('list', () => {
  it('answers the objects of a project, and of all projects', async () => {
    const api = await shopWith('a', 'b');
    await make(api, Service, service('c', {}, { namespace: 'other' }));
    expect(await api.ask('GET', services)).toMatchObject({
      status: 200,
      body: { apiVersion: 'containr.dev/v1alpha1', kind: 'ServiceList' },
    });
    expect((await list(api)).names).toEqual(['a', 'b']);
    expect((await api.ask('GET', `${API}/services`)).body).toMatchObject({
      items: [{ metadata: { name: 'c' } }, { metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
    });
  });

  it.each([
    ['?labelSelector=tier%3Dfront', ['a', 'b']],
    ['?labelSelector=tier%21%3Dfront', ['c', 'd']],
    ['?labelSelector=tier%20in%20(front,back),tier', ['a', 'b', 'c', 'd']],
    ['?fieldSelector=metadata.name%3Db', ['b']],
    ['?fieldSelector=spec.replicas%3D2', []],
  ])('selects with %s', async (query, names) => {
    expect((await list(await shopWith('a', 'b', 'c', 'd'), query)).names).toEqual(names);
  });

  it('comes in pages that are one list', async () => {
    const api = await shopWith('a', 'b', 'c', 'd', 'e');
    const first = await list(api, '?limit=2');
    expect(first).toMatchObject({ names: ['a', 'b'], metadata: { remainingItemCount: 3 } });
    await make(api, Service, service('bb'));
    const second = await list(api, `?limit=2&continue=${first.metadata.continue}`);
    const third = await list(api, `?limit=2&continue=${second.metadata.continue}`);
    expect([...second.names, ...third.names]).toEqual(['c', 'd', 'e']);
    expect(third.metadata.continue).toBeUndefined();
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it.each([
    ['?limit=two', 'The parameter limit must be a whole number.'],
    ['?labelSelector=a b', 'The label selector "a b" is not of the form'],
    ['?fieldSelector=a', 'The field selector "a" is not of the form'],
    ['?continue=rubbish', 'The continue token is not one'],
    ['?resourceVersion=abc', 'The parameter resourceVersion must be'],
    ['?resourceVersion=1&resourceVersionMatch=Exact', 'always of the newest version'],
  ])('refuses %s', async (query, message) => {
    const api = await shopWith();
    expect(await api.ask('GET', `${services}${query}`)).toMatchObject({
      status: 400,
      body: { reason: 'BadRequest', message: expect.stringContaining(message) },
    });
  });

  it('comes as a table, as bare metadata, or as YAML', async () => {
    const api = await shopWith('a');
    const as = (accept: string, path = services) => api.fetch('GET', path, { headers: { accept } });
    expect(await (await as(TABLE)).json()).toMatchObject({
      kind: 'Table',
      rows: [{ cells: ['a', null, null, null, null, null, '0s', null, null, null, null] }],
    });
    expect(await (await as(TABLE, `${services}/a`)).json()).toMatchObject({
      kind: 'Table',
      rows: [{ object: { kind: 'PartialObjectMetadata' } }],
    });
    const bare = await as('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io');
    expect(await bare.json()).toMatchObject({
      kind: 'PartialObjectMetadataList',
      items: [{ kind: 'PartialObjectMetadata' }],
    });
    const yaml = await as('application/yaml');
    expect(yaml.headers.get('content-type')).toBe('application/yaml');
    expect(parse(await yaml.text())).toMatchObject({ kind: 'ServiceList' });
  });

  it('takes the first form that it can give', async () => {
    const api = await shopWith('a');
    const kubectl = `${TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`;
    expect(await api.ask('GET', services, { headers: { accept: kubectl } })).toMatchObject({ body: { kind: 'Table' } });
    const protobuf = 'application/vnd.kubernetes.protobuf, application/json';
    expect(await api.ask('GET', services, { headers: { accept: protobuf } })).toMatchObject({
      body: { kind: 'ServiceList' },
    });
    expect(await api.ask('GET', services, { headers: { accept: 'text/html' } })).toMatchObject({ status: 406 });
  });

  it('compresses what is large, for those who can read it', async () => {
    const api = await shopWith(...Array.from({ length: 40 }, (_, n) => `s${n}`));
    const packed = await api.fetch('GET', services, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    const text = gunzipSync(Buffer.from(await packed.arrayBuffer())).toString();
    expect(List.parse(JSON.parse(text)).items).toHaveLength(40);
    for (const refuses of ['', 'br', 'gzip;q=0']) {
      const plain = await api.fetch('GET', services, { headers: { 'accept-encoding': refuses } });
      expect(plain.headers.get('content-encoding')).toBeNull();
    }
  });
});

describe('addresses', () => {
  it.each([
    ['GET', `${SHOP}/pods`, 404],
    ['GET', `${SHOP}/projects`, 404],
    ['GET', `${API}/services/web`, 404],
    ['GET', `${SHOP}/services/web/exec`, 404],
    ['GET', `${SHOP}/services/web/status/more`, 404],
    ['GET', `${API}/namespaces/shop`, 404],
    ['GET', `${SHOP}/services/`, 404],
    ['GET', `${SHOP}/secrets/x/log`, 404],
    ['GET', '/apis/apps/v1/deployments', 404],
    ['GET', '/nothing', 404],
    ['POST', `${API}/services`, 405],
    ['DELETE', `${API}/services`, 405],
    ['PUT', services, 405],
    ['POST', `${services}/web`, 405],
    ['DELETE', `${services}/web/status`, 405],
    ['POST', `${services}/web/log`, 405],
  ])('%s %s is answered with %d and a Status', async (method, path, status) => {
    const api = await createShop();
    expect(await api.ask(method, path)).toMatchObject({ status, body: { kind: 'Status', code: status } });
  });
});

describe('namespaces', () => {
  it('are projects, to those who may see them', async () => {
    const api = await createShop();
    const ask = (name: string, as: Person) => api.ask('GET', `/api/v1/namespaces/${name}`, { as });
    expect(await ask('shop', 'viewer')).toMatchObject({
      status: 200,
      body: { kind: 'Namespace', status: { phase: 'Active' } },
    });
    expect(await ask('containr-system', 'admin')).toMatchObject({ status: 200 });
    expect((await ask('other', 'viewer')).status).toBe(404);
    expect((await ask('containr-system', 'owner')).status).toBe(404);
    expect((await ask('nowhere', 'admin')).status).toBe(404);
  });
});

describe('discovery', () => {
  it('names the group, its version, and every kind with its verbs', async () => {
    const api = await createShop();
    expect((await api.ask('GET', '/api')).body).toMatchObject({ kind: 'APIVersions', versions: [] });
    expect((await api.ask('GET', '/api/v1')).body).toMatchObject({
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [],
    });
    expect((await api.ask('GET', '/apis')).body).toMatchObject({
      kind: 'APIGroupList',
      groups: [{ name: 'containr.dev' }, { name: 'authorization.k8s.io' }, { name: 'authentication.k8s.io' }],
    });
    expect((await api.ask('GET', '/apis/containr.dev')).body).toMatchObject({
      kind: 'APIGroup',
      preferredVersion: { version: 'v1alpha1' },
    });
    const { body } = await api.ask('GET', API);
    const { resources } = z.object({ resources: z.array(z.looseObject({ name: z.string() })) }).parse(body);
    expect(resources.find(({ name }) => name === 'services')).toEqual({
      name: 'services',
      singularName: 'service',
      namespaced: true,
      kind: 'Service',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['svc'],
      categories: ['containr'],
    });
    for (const { plural } of allKinds) expect(resources.map(({ name }) => name)).toContain(`${plural}/status`);
  });

  it('has an OpenAPI document with every kind, and a way to patch it', async () => {
    const api = await createShop();
    const index = z
      .object({ paths: z.record(z.string(), z.object({ serverRelativeURL: z.string() })) })
      .parse((await api.ask('GET', '/openapi/v3')).body);
    const { body } = await api.ask('GET', index.paths['apis/containr.dev/v1alpha1']?.serverRelativeURL ?? '');
    expect(body).toMatchObject({
      openapi: '3.0.0',
      paths: { [`${API}/namespaces/{namespace}/services/{name}`]: { patch: { 'x-kubernetes-action': 'patch' } } },
      components: { schemas: { 'dev.containr.v1alpha1.Service': { type: 'object' } } },
    });
  });
});
