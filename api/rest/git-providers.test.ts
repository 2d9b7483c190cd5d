import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GitProvider } from '../../crds/git-provider.ts';
import { createShop, type Answer, type ApiFixture, type Person } from '../testing/api-fixture.ts';
import { Secret } from '../../crds/secret.ts';

const TOKEN = 'glpat-canary-4711';
const PATH = '/api/v1/git/providers';
let api: ApiFixture;
let forge: Server | undefined;

beforeEach(async () => {
  api = await createShop();
});
afterEach(() => {
  forge?.closeAllConnections();
  forge?.close();
  forge = undefined;
});

function add(as: Person, body: object): Promise<Answer> {
  return api.ask('POST', PATH, { as, body });
}

/** Lets an account be at a forge on loopback. */
async function moveTo(id: string, answer: RequestListener): Promise<void> {
  const server = createServer(answer);
  forge = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const baseUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const provider = await api.store.getByUid(GitProvider, id);
  if (!provider) throw new Error('There is no such account.');
  await api.store.update(GitProvider, { ...provider, spec: { ...provider.spec, baseUrl } }, { manager: 'test' });
}

describe('git providers', () => {
  it('keep a token that never comes out again', async () => {
    const { status, body } = await add('dev', { type: 'gitlab', name: 'Work', access_token: TOKEN });
    expect([status, Object(body).error]).toEqual([201, undefined]);
    expect(body).toEqual({
      id: expect.any(String),
      type: 'gitlab',
      name: 'Work',
      access_token: '********',
      created_at: expect.any(String),
    });
    expect((await api.ask('GET', PATH, { as: 'dev' })).body).toEqual([body]);
    const everything = JSON.stringify([
      (await api.store.list(GitProvider)).items,
      (await api.store.list(Secret)).items,
      await api.audit.list({ limit: 10 }),
      api.logged,
    ]);
    expect(everything).not.toContain(TOKEN);
    expect(everything).toContain('enc:v1:');
  });

  it('are nobody else’s, not even an administrator’s', async () => {
    const { body } = await add('dev', { type: 'github', access_token: TOKEN });
    for (const person of ['owner', 'stranger', 'admin'] as const) {
      expect((await api.ask('GET', PATH, { as: person })).body).toEqual([]);
      const { status } = await api.ask('GET', `${PATH}/${Object(body).id}/repositories`, { as: person });
      expect([person, status]).toEqual([person, 404]);
    }
  });

  it.each<[string, object, string]>([
    ['a forge that is none', { type: 'sourceforge', access_token: 'x' }, 'type'],
    ['no token', { type: 'github' }, 'access_token'],
    ['an empty token', { type: 'github', access_token: '' }, 'access_token'],
    ['a token that breaks out of a header', { type: 'github', access_token: 'a\r\nX-Admin: 1' }, 'access_token'],
    ['an unknown field', { type: 'github', access_token: 'x', base_url: 'http://169.254.169.254' }, 'base_url'],
  ])('refuse %s, and keep nothing', async (_, body, path) => {
    const answer = await add('dev', body);
    expect([answer.status, Object(answer.body).details.fields[0].path]).toEqual([400, path]);
    expect((await api.store.list(GitProvider)).items).toEqual([]);
  });

  it('are not made with a token that may only read', async () => {
    expect((await add('dev-read', { type: 'github', access_token: TOKEN })).status).toBe(403);
  });

  it('list the repositories of the forge', async () => {
    const { body } = await add('dev', { type: 'gitlab', access_token: TOKEN });
    const asked: unknown[] = [];
    await moveTo(Object(body).id, (request, response) => {
      asked.push(request.headers.authorization);
      const project = {
        id: 7,
        path: 'web',
        path_with_namespace: 'shop/web',
        description: null,
        visibility: 'private',
        default_branch: 'main',
        http_url_to_repo: 'https://git.example/shop/web.git',
        web_url: 'https://git.example/shop/web',
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([project]));
    });
    const { status, body: repositories } = await api.ask('GET', `${PATH}/${Object(body).id}/repositories`, {
      as: 'dev',
    });
    expect(status).toBe(200);
    expect(repositories).toEqual([
      {
        id: '7',
        name: 'web',
        full_name: 'shop/web',
        description: '',
        private: true,
        default_branch: 'main',
        clone_url: 'https://git.example/shop/web.git',
        web_url: 'https://git.example/shop/web',
      },
    ]);
    expect(asked).toEqual([`Bearer ${TOKEN}`]);
  });

  it.each<[number, number, string]>([
    [401, 403, 'refused the access token'],
    [429, 429, 'fewer requests'],
    [500, 503, 'Try again later'],
  ])('say clearly what an answer %i of the forge means', async (status, ours, words) => {
    const { body } = await add('dev', { type: 'bitbucket', access_token: TOKEN });
    await moveTo(Object(body).id, (_, response) => response.writeHead(status).end('{}'));
    const answer = await api.ask('GET', `${PATH}/${Object(body).id}/repositories`, { as: 'dev' });
    expect([answer.status, Object(answer.body).error]).toEqual([ours, expect.stringContaining(words)]);
  });

  it('say so when the token cannot be read any more', async () => {
    const { body } = await add('dev', { type: 'github', access_token: TOKEN });
    const [secret] = (await api.store.list(Secret)).items;
    if (!secret) throw new Error('There is no Secret.');
    const spec = { data: { token: 'enc:v1:ffffffff:00000000000000000000000000000000:' + 'A'.repeat(60) } };
    await api.store.update(Secret, { ...secret, spec }, { manager: 'test' });
    const answer = await api.ask('GET', `${PATH}/${Object(body).id}/repositories`, { as: 'dev' });
    expect([answer.status, Object(answer.body).error]).toEqual([409, expect.stringContaining('Add the account again')]);
  });
});
