import { beforeEach, describe, expect, it } from 'vitest';
import { createShop, type ApiFixture, type Person } from '../testing/api-fixture.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await createShop();
});

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

interface Asked {
  verb: string;
  resource: string;
  group?: string;
  namespace?: string;
  subresource?: string;
}

async function ask(as: Person, asked: Asked): Promise<unknown> {
  const body = { spec: { resourceAttributes: { group: 'containr.dev', namespace: 'shop', ...asked } } };
  const answer = await api.ask('POST', REVIEWS, { as, body });
  expect(answer.status).toBe(201);
  return answer.body;
}

const allowed = { status: { allowed: true } };
const refused = { status: { allowed: false } };

describe("a review of the asker's access", () => {
  it.each<[Person, Asked, object]>([
    ['viewer', { verb: 'list', resource: 'services' }, allowed],
    ['viewer', { verb: 'create', resource: 'services' }, refused],
    ['dev', { verb: 'create', resource: 'services' }, allowed],
    ['dev', { verb: 'patch', resource: 'services', subresource: 'scale' }, allowed],
    ['dev', { verb: 'patch', resource: 'services', subresource: 'status' }, refused],
    ['dev', { verb: 'get', resource: 'services', subresource: 'nothing' }, refused],
    ['dev-read', { verb: 'delete', resource: 'services' }, refused],
    ['dev', { verb: 'create', resource: 'services', namespace: 'other' }, refused],
    ['dev', { verb: 'create', resource: 'pods', group: '' }, refused],
    ['dev', { verb: 'fly', resource: 'services' }, refused],
    ['dev', { verb: '*', resource: '*' }, refused],
    ['admin', { verb: '*', resource: '*', group: '*', namespace: '' }, allowed],
    ['admin-write', { verb: 'create', resource: 'proxmoxclusters', namespace: '' }, refused],
  ])('answers %s who wants to %j as the API would', async (as, asked, expected) => {
    expect(await ask(as, asked)).toMatchObject(expected);
  });

  it('says why not', async () => {
    expect(await ask('viewer', { verb: 'delete', resource: 'services' })).toMatchObject({
      status: { reason: expect.stringContaining('The roles developer and owner may.') },
    });
  });

  it('answers about addresses, of which only administrators read the metrics', async () => {
    const about = async (as: Person, path: string) =>
      (await api.ask('POST', REVIEWS, { as, body: { spec: { nonResourceAttributes: { path, verb: 'get' } } } })).body;
    expect(await about('viewer', '/apis')).toMatchObject(allowed);
    expect(await about('viewer', '/metrics')).toMatchObject(refused);
    expect(await about('admin', '/metrics')).toMatchObject(allowed);
  });

  it('refuses a question without anything in it', async () => {
    expect((await api.ask('POST', REVIEWS, { body: { spec: {} } })).status).toBe(422);
    expect((await api.ask('POST', REVIEWS, { body: 'no', type: 'application/json' })).status).toBe(400);
  });
});

describe("a review of the asker's identity", () => {
  it('names the user and the scope of the token', async () => {
    const answer = await api.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { as: 'dev', body: {} });
    expect(answer).toMatchObject({
      status: 201,
      body: { status: { userInfo: { username: 'dev@example.com', extra: { 'containr.dev/scope': ['write'] } } } },
    });
  });
});
