import { describe, expect, it } from 'vitest';
import { allKinds } from '../../crds/kinds.ts';
import {
  API,
  createShop,
  make,
  project,
  secret,
  service,
  type ApiFixture,
  type Person,
} from '../testing/api-fixture.ts';
import { may, specs } from '../testing/access-table.ts';

const apiVersion = 'containr.dev/v1alpha1';

/** In the project: the object "x" of every kind; beside it, the same in a project of others. */
async function world(): Promise<ApiFixture> {
  const api = await createShop();
  const object = (kind: string, namespace?: string) => ({
    apiVersion,
    kind,
    metadata: { name: 'x', ...(namespace && { namespace }) },
    spec: specs[kind],
  });
  for (const kind of allKinds) {
    if (kind.scope === 'Namespaced')
      for (const namespace of ['shop', 'other']) await make(api, kind, object(kind.kind, namespace));
    else if (kind.kind !== 'Project') await make(api, kind, object(kind.kind));
  }
  return api;
}

const verbs = {
  g: { method: 'GET', named: true },
  l: { method: 'GET', named: false },
  w: { method: 'GET', named: false, query: 'watch=1&timeoutSeconds=0&resourceVersion=1&' },
  c: { method: 'POST', named: false },
  u: { method: 'PUT', named: true },
  p: { method: 'PATCH', named: true },
  d: { method: 'DELETE', named: true },
  D: { method: 'DELETE', named: false },
  s: { method: 'PATCH', named: true, subresource: '/status' },
} as const satisfies Record<string, { method: string; named: boolean; query?: string; subresource?: string }>;
type Letter = keyof typeof verbs;
const letters = Object.keys(verbs).filter((letter): letter is Letter => letter in verbs);

async function tryVerb(
  api: ApiFixture,
  letter: Letter,
  kindName: string,
  as: Person,
  namespace = 'shop',
): Promise<number> {
  const kind = allKinds.find((candidate) => candidate.kind === kindName);
  if (!kind) throw new Error(`there is no kind ${kindName}`);
  const {
    method,
    named,
    query = '',
    subresource = '',
  }: { method: string; named: boolean; query?: string; subresource?: string } = verbs[letter];
  const name = kindName === 'Project' ? namespace : 'x';
  const folder =
    kind.scope === 'Namespaced' ? `${API}/namespaces/${namespace}/${kind.plural}` : `${API}/${kind.plural}`;
  const selected = letter === 'D' ? 'fieldSelector=metadata.name%3Dx&' : query;
  const path = `${folder}${named ? `/${name}` : ''}${subresource}?${selected}${method === 'GET' ? '' : 'dryRun=All'}`;
  const manifest = {
    apiVersion,
    kind: kindName,
    metadata: { name: method === 'POST' ? 'fresh' : name },
    spec: specs[kindName],
  };
  const body = method === 'PATCH' ? { metadata: { labels: { a: 'b' } } } : manifest;
  const writes = method === 'POST' || method === 'PUT' || method === 'PATCH';
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const response = await api.fetch(method, path, { as, ...(writes && { body, type }) });
  await response.text();
  return response.status;
}

describe('access', () => {
  it('is written down for every kind', () => {
    expect(Object.keys(may).toSorted()).toEqual(allKinds.map(({ kind }) => kind).toSorted());
  });

  it.each(
    Object.entries(may).flatMap(([kind, byPerson]) =>
      Object.entries(byPerson).map(([person]) => [kind, person] as const),
    ),
  )('to %s by %s is as written', async (kind, name) => {
    const api = await world();
    const person = Object.keys(may[kind] ?? {}).find((candidate): candidate is Person => candidate === name);
    if (!person) throw new Error('nobody is called that');
    const allowed = may[kind]?.[person] ?? '';
    const sees = allowed.includes('g');
    for (const letter of letters) {
      const status = await tryVerb(api, letter, kind, person);
      const refusal = sees || !verbs[letter].named ? 403 : 404;
      const expected = allowed.includes(letter)
        ? expect.toSatisfy((code: number) => code === 200 || code === 201)
        : refusal;
      expect({ letter, status }).toEqual({ letter, status: expected });
    }
  });

  it('lets administrators with a token for it do everything', async () => {
    const api = await world();
    for (const { kind } of allKinds) {
      for (const letter of letters) {
        expect([kind, letter, await tryVerb(api, letter, kind, 'admin')]).toEqual([
          kind,
          letter,
          letter === 'c' ? 201 : 200,
        ]);
      }
    }
  });

  it.each(['stranger', 'owner', 'dev', 'viewer'] as const)('hides what belongs to others from %s', async (person) => {
    const api = await world();
    for (const { kind, scope } of allKinds) {
      for (const letter of letters) {
        if (kind === 'Project' && !verbs[letter].named) continue;
        const status = await tryVerb(api, letter, kind, person, 'other');
        expect({ kind, letter, status }).toEqual({
          kind,
          letter,
          status: scope === 'Cluster' && !verbs[letter].named ? 403 : 404,
        });
      }
    }
  });

  it('answers the same for what is hidden as for what is not there', async () => {
    const api = await world();
    const texts = async (namespace: string) => {
      const paths = [
        `${API}/namespaces/${namespace}/services`,
        `${API}/namespaces/${namespace}/services/x`,
        `${API}/projects/${namespace}`,
      ];
      const answers = await Promise.all(paths.map((path) => api.ask('GET', path, { as: 'dev' })));
      return JSON.stringify(answers.map(({ status, body }) => ({ status, body }))).replaceAll(namespace, 'NAME');
    };
    expect(await texts('other')).toBe(await texts('nowhere'));
    expect(await texts('containr-system')).toBe(await texts('nowhere'));
  });

  it('keeps the Secrets of the installation from everybody but administrators', async () => {
    const api = await world();
    const body = { ...secret('pve', { token: 'x' }), metadata: { name: 'pve' } };
    await api.ask('POST', `${API}/namespaces/containr-system/secrets`, { body });
    for (const as of ['owner', 'dev', 'viewer', 'stranger'] as const) {
      expect((await api.ask('GET', `${API}/namespaces/containr-system/secrets`, { as })).status).toBe(404);
      expect((await api.ask('GET', `${API}/namespaces/containr-system/secrets/pve`, { as })).status).toBe(404);
    }
    expect((await api.ask('GET', `${API}/namespaces/containr-system/secrets/pve`)).status).toBe(200);
  });

  it('lists over all projects what is in those of the asker', async () => {
    const api = await world();
    const list = async (plural: string, as: Person) => (await api.ask('GET', `${API}/${plural}`, { as })).body;
    expect(await list('services', 'viewer')).toMatchObject({ items: [{ metadata: { namespace: 'shop' } }] });
    expect(await list('secrets', 'viewer')).toMatchObject({ items: [] });
    expect(await list('projects', 'viewer')).toMatchObject({ items: [{ metadata: { name: 'shop' } }] });
    expect(await list('services', 'stranger')).toMatchObject({ items: [] });
    expect(await list('services', 'admin')).toMatchObject({ items: [{}, {}] });
  });

  it('leaves quota and isolation of a project to administrators', async () => {
    const api = await world();
    const patch = (spec: object, as: Person) =>
      api.ask('PATCH', `${API}/projects/shop`, { body: { spec }, type: 'application/merge-patch+json', as });
    expect((await patch({ description: 'Mine' }, 'owner')).status).toBe(200);
    expect(await patch({ quota: { guests: 1000 } }, 'owner')).toMatchObject({
      status: 403,
      body: { details: { causes: [{ field: 'spec.quota' }] } },
    });
    expect((await patch({ network: { isolated: true } }, 'owner')).status).toBe(403);
    expect((await patch({ quota: { guests: 1000 } }, 'admin')).status).toBe(200);
  });

  it('lets owners alone say who belongs to a project, and in which role', async () => {
    const api = await world();
    const grant = (as: Person, member: object) =>
      api.ask('PATCH', `${API}/projects/shop`, {
        body: { spec: { members: [{ user: 'owner@example.com', role: 'owner' }, member] } },
        type: 'application/merge-patch+json',
        as,
      });
    for (const as of ['dev', 'viewer'] as const) {
      for (const role of ['owner', 'developer', 'viewer'])
        expect((await grant(as, { user: `${as}@example.com`, role })).status).toBe(403);
    }
    expect((await grant('stranger', { user: 'stranger@example.com', role: 'viewer' })).status).toBe(404);
    expect((await grant('owner', { user: 'stranger@example.com', role: 'owner' })).status).toBe(200);
    expect((await grant('dev', { user: 'dev@example.com', role: 'viewer' })).status).toBe(404);
    expect((await grant('stranger', { user: 'dev@example.com', role: 'viewer' })).status).toBe(200);
  });

  it('gives whoever is named twice the role that may do more', async () => {
    const api = await world();
    const members = ['viewer', 'developer', 'viewer'].map((role) => ({ user: 'Stranger@example.com', role }));
    await api.ask('PUT', `${API}/projects/shop`, { body: { ...project('shop', {}), spec: { members } } });
    expect(await tryVerb(api, 'c', 'Service', 'stranger')).toBe(201);
  });

  it('takes effect at once when somebody is removed', async () => {
    const api = await world();
    const path = `${API}/namespaces/shop/services/x`;
    expect((await api.ask('GET', path, { as: 'dev' })).status).toBe(200);
    await api.ask('PUT', `${API}/projects/shop`, { body: project('shop', {}) });
    expect((await api.ask('GET', path, { as: 'dev' })).status).toBe(404);
  });

  it('says who may do what is refused', async () => {
    const api = await world();
    const refused = await api.ask('POST', `${API}/namespaces/shop/services`, { body: service('y'), as: 'viewer' });
    expect(refused.body).toMatchObject({
      message: 'Your role viewer may not create Service objects here. The roles developer and owner may.',
    });
    expect((await api.ask('POST', `${API}/projects`, { body: project('y', {}), as: 'dev' })).body).toMatchObject({
      message: 'You may not create Project objects here. Administrators may.',
    });
  });
});
