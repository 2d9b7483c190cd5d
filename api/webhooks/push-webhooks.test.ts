import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { API_VERSION, WEBHOOK_REQUESTED_AT } from '../../crds/meta.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { createApi, type ApiFixture } from '../testing/api-fixture.ts';

const PATH = '/webhooks/reposync/shop/site';
const key = { namespace: 'shop', name: 'site' };
let api: ApiFixture;

beforeEach(async () => {
  api = createApi();
  const sealed = api.box.seal({ namespace: 'shop', name: 'hook', key: 'secret' }, 'right');
  await api.store.create(
    Secret,
    {
      apiVersion: API_VERSION,
      kind: 'Secret',
      metadata: { namespace: 'shop', name: 'hook' },
      spec: { data: { secret: sealed } },
    },
    { manager: 'test' },
  );
  await make('site', { webhookSecretRef: { name: 'hook', key: 'secret' } });
});

async function make(name: string, spec: Record<string, unknown>): Promise<void> {
  const whole = RepoSync.specSchema.parse({ url: 'https://git.example.com/site.git', branch: 'main', ...spec });
  const metadata = { namespace: 'shop', name };
  await api.store.create(
    RepoSync,
    { apiVersion: API_VERSION, kind: 'RepoSync', metadata, spec: whole },
    { manager: 'test' },
  );
}

async function asked(): Promise<boolean> {
  return (await api.store.get(RepoSync, key))?.metadata.annotations?.[WEBHOOK_REQUESTED_AT] !== undefined;
}

const push = JSON.stringify({ ref: 'refs/heads/main' });
const bitbucketPush = JSON.stringify({ push: { changes: [{ new: { type: 'branch', name: 'main' } }] } });

function hmac(body: string, secret = 'right'): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

function send(headers: Record<string, string>, body = push, path = PATH): Promise<Response> {
  return Promise.resolve(
    api.app.request(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }),
  );
}

function github(body = push, more: Record<string, string> = {}): Record<string, string> {
  return { 'x-github-event': 'push', 'x-github-delivery': '1', 'x-hub-signature-256': `sha256=${hmac(body)}`, ...more };
}

const form = new URLSearchParams({ payload: push }).toString();

describe('POST /webhooks/reposync', () => {
  it.each([
    ['GitHub', push, github()],
    ['GitHub, as a form', form, { ...github(form), 'content-type': 'application/x-www-form-urlencoded' }],
    ['GitLab', push, { 'x-gitlab-event': 'Push Hook', 'x-gitlab-event-uuid': '1', 'x-gitlab-token': 'right' }],
    [
      'Gitea',
      push,
      { 'x-gitea-event': 'push', 'x-gitea-delivery': '1', 'x-gitea-signature': hmac(push), 'x-github-event': 'push' },
    ],
    [
      'Bitbucket',
      bitbucketPush,
      { 'x-event-key': 'repo:push', 'x-request-uuid': '1', 'x-hub-signature': `sha256=${hmac(bitbucketPush)}` },
    ],
  ])('takes a push that %s tells of', async (_, body, headers) => {
    expect((await send(headers, body)).status).toBe(202);
    expect(await asked()).toBe(true);
  });

  it.each([
    ['no proof', {}],
    ['a wrong signature', github(push, { 'x-hub-signature-256': `sha256=${hmac(push, 'wrong')}` })],
    ['the signature of another body', github('{}')],
    ['a signature under an empty secret', github(push, { 'x-hub-signature-256': `sha256=${hmac(push, '')}` })],
    ['an empty signature', github(push, { 'x-hub-signature-256': '' })],
    ['a wrong token', { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': 'wrong' }],
    ['an empty token', { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': '' }],
  ])('answers %s as if there were nothing', async (_, headers) => {
    const [refused, nothing] = [await send(headers), await send(headers, push, '/webhooks/reposync/shop/none')];
    expect([refused.status, nothing.status]).toEqual([404, 404]);
    const words = async (answer: Response): Promise<string> => (await answer.text()).replaceAll(/none|site/g, '');
    expect(await words(refused)).toBe(await words(nothing));
    expect(await asked()).toBe(false);
  });

  it('has no endpoint where no secret is named, or the Secret is not there', async () => {
    await make('open', {});
    await make('lost', { webhookSecretRef: { name: 'lost', key: 'secret' } });
    for (const name of ['open', 'lost'])
      expect(
        (
          await send(
            github(push, { 'x-hub-signature-256': `sha256=${hmac(push, '')}` }),
            push,
            `/webhooks/reposync/shop/${name}`,
          )
        ).status,
      ).toBe(404);
  });

  it.each([
    ['another branch', JSON.stringify({ ref: 'refs/heads/other' }), {}],
    ['a tag of the same name', JSON.stringify({ ref: 'refs/tags/main' }), {}],
    ['another event', push, { 'x-github-event': 'pull_request' }],
    ['a body that is no JSON', 'push', {}],
  ])('takes note of %s and does nothing', async (_, body, more) => {
    expect((await send({ ...github(body), ...more }, body)).status).toBe(202);
    expect(await asked()).toBe(false);
  });

  it.each([
    ['as it was', '1'],
    ['under another id', '2'],
  ])('counts a delivery once that is sent again %s', async (_, id) => {
    await send(github());
    const before = await api.store.currentVersion();
    expect((await send(github(push, { 'x-github-delivery': id }))).status).toBe(202);
    expect(await api.store.currentVersion()).toBe(before);
  });

  it('reads no endless body', async () => {
    expect((await send(github(), 'x'.repeat(6 * 2 ** 20))).status).toBe(413);
  });
});

describe('POST /webhooks/service', () => {
  async function makeService(name: string, source: Record<string, unknown>): Promise<void> {
    const spec = Service.specSchema.parse({
      source: { type: 'git', repository: 'https://git.example.com/web.git', ...source },
      webhookSecretRef: { name: 'hook', key: 'secret' },
    });
    const metadata = { namespace: 'shop', name };
    await api.store.create(Service, { apiVersion: API_VERSION, kind: 'Service', metadata, spec }, { manager: 'test' });
  }

  async function isAsked(name: string): Promise<boolean> {
    const service = await api.store.get(Service, { namespace: 'shop', name });
    return service?.metadata.annotations?.[WEBHOOK_REQUESTED_AT] !== undefined;
  }

  it('takes a push to the branch that is followed, and no other', async () => {
    await makeService('web', { branch: 'main' });
    const other = JSON.stringify({ ref: 'refs/heads/other' });
    expect((await send(github(other, { 'x-github-delivery': '2' }), other, '/webhooks/service/shop/web')).status).toBe(
      202,
    );
    expect(await isAsked('web')).toBe(false);
    expect(
      (await send(github(push, { 'x-hub-signature-256': 'sha256=00' }), push, '/webhooks/service/shop/web')).status,
    ).toBe(404);
    expect((await send(github(), push, '/webhooks/service/shop/web')).status).toBe(202);
    expect(await isAsked('web')).toBe(true);
  });

  it('has no endpoint for a service that stays at one commit', async () => {
    await makeService('pinned', { commit: 'abcdef1' });
    expect((await send(github(), push, '/webhooks/service/shop/pinned')).status).toBe(404);
  });
});
