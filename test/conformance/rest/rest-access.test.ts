import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Person } from '../../../api/testing/api-fixture.ts';
import { ContractClient, type ContractAnswer } from './contract-client.ts';
import { readContract } from './contract.ts';
import { createRestWorld, type RestIds, type RestWorld } from './rest-world.ts';

/** The least role that may; nobody who is no member may know that the object is there at all. */
type Least = 'viewer' | 'developer' | 'owner';

interface Guarded {
  operation: string;
  least: Least;
  /** The object that is asked for, and what is asked with. */
  params?(ids: RestIds): Record<string, string>;
  query?(ids: RestIds): Record<string, string>;
  body?(ids: RestIds): object;
}

const image = { image_name: 'shop/web', image_tag: '1' };

/** Every operation that is about an object, or names one. */
const guarded: readonly Guarded[] = [
  { operation: 'GET /projects/{id}', least: 'viewer', params: ({ project }) => ({ id: project }) },
  {
    operation: 'PUT /projects/{id}',
    least: 'owner',
    params: ({ project }) => ({ id: project }),
    body: () => ({ description: 'x' }),
  },
  { operation: 'DELETE /projects/{id}', least: 'owner', params: ({ project }) => ({ id: project }) },
  {
    operation: 'GET /projects/{project_id}/services',
    least: 'viewer',
    params: ({ project }) => ({ project_id: project }),
  },
  {
    operation: 'POST /projects/{project_id}/services',
    least: 'developer',
    params: ({ project }) => ({ project_id: project }),
    body: () => ({ name: 'New', type: 'web', source: { type: 'image', image: 'nginx:1.29' } }),
  },
  { operation: 'GET /services/{id}', least: 'viewer', params: ({ service }) => ({ id: service }) },
  {
    operation: 'PUT /services/{id}',
    least: 'developer',
    params: ({ service }) => ({ id: service }),
    body: () => ({ name: 'x' }),
  },
  { operation: 'DELETE /services/{id}', least: 'developer', params: ({ service }) => ({ id: service }) },
  { operation: 'GET /services/{id}/deployments', least: 'viewer', params: ({ service }) => ({ id: service }) },
  { operation: 'POST /services/{id}/deployments', least: 'developer', params: ({ service }) => ({ id: service }) },
  { operation: 'GET /services/{id}/logs', least: 'viewer', params: ({ service }) => ({ id: service }) },
  { operation: 'GET /deployments/{id}', least: 'viewer', params: ({ deployment }) => ({ id: deployment }) },
  {
    operation: 'POST /deployments/{id}/rollback',
    least: 'developer',
    params: ({ deployment }) => ({ id: deployment }),
  },
  { operation: 'GET /deployments/{id}/logs', least: 'viewer', params: ({ deployment }) => ({ id: deployment }) },
  { operation: 'GET /builds', least: 'viewer', query: ({ project }) => ({ project_id: project }) },
  { operation: 'GET /builds', least: 'viewer', query: ({ service }) => ({ service_id: service }) },
  {
    operation: 'POST /builds',
    least: 'developer',
    body: ({ project, service }) => ({ ...image, project_id: project, service_id: service }),
  },
  { operation: 'POST /builds', least: 'developer', body: ({ service }) => ({ ...image, service_id: service }) },
  { operation: 'GET /builds/{id}', least: 'viewer', params: ({ build }) => ({ id: build }) },
  { operation: 'POST /builds/{id}/cancel', least: 'developer', params: ({ build }) => ({ id: build }) },
  { operation: 'GET /builds/{id}/logs', least: 'viewer', params: ({ build }) => ({ id: build }) },
  {
    operation: 'POST /templates/{id}/deploy',
    least: 'developer',
    params: () => ({ id: 'postgresql' }),
    body: ({ project }) => ({ project_id: project, name: 'Orders', plan: 'hobby', region: 'default' }),
  },
  { operation: 'GET /databases/{id}', least: 'viewer', params: ({ database }) => ({ id: database }) },
  {
    operation: 'PUT /databases/{id}',
    least: 'developer',
    params: ({ database }) => ({ id: database }),
    body: () => ({ name: 'x' }),
  },
  { operation: 'DELETE /databases/{id}', least: 'developer', params: ({ database }) => ({ id: database }) },
  {
    operation: 'POST /databases/{id}/action',
    least: 'developer',
    params: ({ database }) => ({ id: database }),
    body: () => ({ action: 'stop' }),
  },
  { operation: 'POST /databases/{id}/backup', least: 'developer', params: ({ database }) => ({ id: database }) },
  {
    operation: 'POST /databases/{id}/restore',
    least: 'developer',
    params: ({ database }) => ({ id: database }),
    body: ({ backup }) => ({ backup_id: backup }),
  },
  {
    operation: 'GET /audit-logs/{resource}/{id}',
    least: 'owner',
    params: ({ service }) => ({ resource: 'service', id: service }),
  },
];

/** What is about the asker alone, or about nothing in a project. */
const open = ['GET /health', 'POST /auth/login', 'POST /auth/register'];
const personal = [
  'GET /user/profile',
  'PUT /user/profile',
  'GET /projects',
  'POST /projects',
  'GET /builds',
  'GET /templates',
  'GET /templates/{id}',
  'GET /audit-logs',
  'GET /databases',
  'POST /databases',
  'GET /git/providers',
  'POST /git/providers',
  'GET /git/providers/{providerId}/repositories',
];

const nowhere: RestIds = {
  project: '00000000-0000-4000-8000-000000000001',
  service: '00000000-0000-4000-8000-000000000002',
  deployment: '00000000-0000-4000-8000-000000000003',
  build: '00000000-0000-4000-8000-000000000004',
  database: '00000000-0000-4000-8000-000000000005',
  backup: '00000000-0000-4000-8000-000000000006',
};

const contract = readContract();
const roles = { viewer: 1, dev: 2, owner: 3, admin: 4 } as const;
const least = { viewer: 1, developer: 2, owner: 3 } as const;

let world: RestWorld;
let client: ContractClient;
beforeEach(async () => {
  world = await createRestWorld();
  client = new ContractClient(world.url, contract);
});
afterEach(() => world.close());

function ask({ operation, params, query, body }: Guarded, ids: RestIds, person?: Person): Promise<ContractAnswer> {
  return client.call(operation, {
    token: person,
    ...(params && { params: params(ids) }),
    ...(query && { query: query(ids) }),
    ...(body && { body: body(ids) }),
  });
}

function titleOf({ operation, query, body, least: role }: Guarded): string {
  const named = query
    ? ` ?${Object.keys(query(nowhere)).join('&')}`
    : body
      ? ` with ${Object.keys(body(nowhere)).join(', ')}`
      : '';
  return `${operation}${named} for ${role}s`;
}

/** An answer with the ids that were asked for taken out. */
function withoutIds(text: string, ids: RestIds): string {
  return Object.values(ids).reduce((shown, id: string) => shown.replaceAll(id, 'ID'), text);
}

describe('who may do what over the contract', () => {
  it('is decided here for every operation', () => {
    const decided = new Set([...guarded.map(({ operation }) => operation), ...open, ...personal]);
    expect(contract.operations.map(({ name }) => name).filter((name) => !decided.has(name))).toEqual([]);
  });

  describe.each(guarded.map((one) => [titleOf(one), one] as const))('%s', (_, one) => {
    it.each(['viewer', 'dev', 'owner', 'admin'] as const)(
      'answers a %s of the project by their role',
      async (person) => {
        const { status } = await ask(one, world.own, person);
        const may = roles[person] >= least[one.least];
        // The trail of an object holds what one did oneself, whatever one's role is; nothing of it is nothing at all.
        const refusal = one.operation.startsWith('GET /audit-logs') ? 404 : 403;
        if (may) expect([200, 201, 204, 409]).toContain(status);
        else expect(status).toBe(refusal);
      },
    );

    it('makes no difference between what is foreign and what is not there', async () => {
      for (const person of ['stranger', 'owner', 'dev', 'viewer'] as const) {
        const foreign = await ask(one, world.foreign, person);
        const absent = await ask(one, nowhere, person);
        expect([person, foreign.status]).toEqual([person, absent.status]);
        expect(withoutIds(JSON.stringify(foreign.body), world.foreign)).toBe(
          withoutIds(JSON.stringify(absent.body), nowhere),
        );
        if (foreign.status === 200) expect(JSON.stringify(foreign.body)).not.toContain('web');
        else expect(foreign.status).toBe(404);
      }
    });

    it('tells who shows no token to show one, and nothing else', async () => {
      const [own, absent] = [await ask(one, world.own), await ask(one, nowhere)];
      expect([own.status, absent.status]).toEqual([401, 401]);
      expect(own.body).toEqual(absent.body);
    });

    it('changes nothing for a token that may only read', async () => {
      const before = await world.api.store.currentVersion();
      const { status } = await ask(one, world.own, 'dev-read');
      if (!one.operation.startsWith('GET')) expect(status).toBe(403);
      expect(await world.api.store.currentVersion()).toBe(before);
    });
  });

  it.each(personal)('%s needs a token', async (operation) => {
    const { status } = await client.call(operation, { params: { id: 'x', providerId: nowhere.project } });
    expect(status).toBe(401);
  });

  it.each(['GET /projects', 'GET /builds', 'GET /databases', 'GET /audit-logs', 'GET /git/providers'])(
    '%s shows a stranger nothing of anybody',
    async (operation) => {
      const { status, body } = await client.call(operation, { token: 'stranger' });
      expect(status).toBe(200);
      for (const ids of [world.own, world.foreign])
        for (const id of Object.values(ids)) expect(JSON.stringify(body)).not.toContain(id);
    },
  );

  it('does not restore a backup of another project, whoever asks', async () => {
    // An administrator may know of it, and is told that it is of another database.
    for (const [person, refusal] of [
      ['dev', 404],
      ['owner', 404],
      ['admin', 409],
    ] as const) {
      const { status } = await client.call('POST /databases/{id}/restore', {
        token: person,
        params: { id: world.own.database },
        body: { backup_id: world.foreign.backup },
      });
      expect([person, status]).toEqual([person, refusal]);
    }
  });

  it('shows the connection URL to those who may use the database alone', async () => {
    const urlFor = async (token: Person): Promise<unknown> =>
      (await client.call('GET /databases/{id}', { token, params: { id: world.own.database } })).fields[
        'connection_url'
      ];
    expect(String(await urlFor('dev'))).toContain('canary');
    expect(String(await urlFor('viewer'))).not.toContain('canary');
  });
});
