import { describe, expect, it } from 'vitest';
import { Secret } from '../../crds/secret.ts';
import { openSealed } from '../../controller/secrets/open-sealed.ts';
import { sealFor } from '../testing/seal-for.ts';
import { API, createShop, secret, SHOP, type ApiFixture } from '../testing/api-fixture.ts';

const secrets = `${SHOP}/secrets`;
const one = `${secrets}/api`;
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const CANARY = 'canary-7d1f3a';

async function stored(api: ApiFixture): Promise<Record<string, string>> {
  const found = await api.store.get(Secret, { namespace: 'shop', name: 'api' });
  const data = found?.spec.data ?? {};
  return Object.fromEntries(
    Object.entries(data).map(([key, sealed]) => [key, api.box.open({ namespace: 'shop', name: 'api', key }, sealed)]),
  );
}

async function shopWith(data: Record<string, string>): Promise<ApiFixture> {
  const api = await createShop();
  await api.ask('POST', secrets, { body: secret('api', data) });
  return api;
}

describe('a Secret', () => {
  it('shows its keys with digests, and never a value in any form', async () => {
    const api = await createShop();
    const seen: unknown[] = [];
    const ask = async (...call: Parameters<ApiFixture['fetch']>) => {
      const response = await api.fetch(...call);
      seen.push(await response.text());
    };
    const applied = {
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(secret('api', { token: CANARY })),
    };
    await ask('POST', `${secrets}?dryRun=All`, { body: secret('api', { token: CANARY }) });
    await ask('POST', secrets, { body: secret('api', { token: CANARY }, { annotations: applied }) });
    await ask('PUT', one, { body: secret('api', { token: CANARY, other: CANARY }) });
    await ask('PATCH', one, { body: { spec: { data: { third: CANARY } } }, type: MERGE });
    await ask('PATCH', one, { body: [{ op: 'add', path: '/spec/data/fourth', value: CANARY }], type: JSON_PATCH });
    await ask('PATCH', `${one}?fieldManager=x&force=true`, {
      body: secret('api', { fifth: CANARY }),
      type: 'application/apply-patch+yaml',
    });
    await ask('POST', secrets, { body: secret('api', { token: CANARY, 'not a key': CANARY }) });
    await ask('POST', secrets, { body: { ...secret('api', { token: CANARY }), extra: 1 } });
    for (const accept of ['application/json', 'application/yaml', 'application/json;as=Table;v=v1;g=meta.k8s.io']) {
      await ask('GET', one, { headers: { accept } });
      await ask('GET', `${secrets}?includeObject=Object`, { headers: { accept } });
    }
    await ask('GET', `${secrets}?watch=1&timeoutSeconds=0`);
    await ask('DELETE', one);
    expect(seen).toHaveLength(16);
    const everything = JSON.stringify([seen, api.logged, await api.audit.list({ limit: 100 })]);
    expect(everything).not.toContain(CANARY);
    expect(everything).not.toContain(Buffer.from(CANARY).toString('base64'));
    expect(everything).not.toContain('enc:v1:');
  });

  it('is stored encrypted, for its place only', async () => {
    const api = await shopWith({ token: CANARY });
    const found = await api.store.get(Secret, { namespace: 'shop', name: 'api' });
    expect(JSON.stringify(found)).not.toContain(CANARY);
    expect(await stored(api)).toEqual({ token: CANARY });
  });

  it('has equal digests for equal values only', async () => {
    const api = await shopWith({ a: 'same', b: 'same', c: 'other' });
    const { body } = await api.ask('GET', one);
    expect(body).toMatchObject({ status: { keys: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } });
    const shown = Secret.read(body);
    const [a, b, c] = shown.status.keys.map(({ digest }) => digest);
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  it('does not change when the same values are written again', async () => {
    const api = await shopWith({ token: CANARY });
    const before = await api.ask('GET', one);
    await api.ask('PUT', one, { body: secret('api', { token: CANARY }) });
    await api.ask('PATCH', one, { body: { spec: { data: { token: CANARY } } }, type: MERGE });
    expect((await api.ask('GET', one)).body).toEqual(before.body);
  });

  it.each<[string, string, unknown, string, Record<string, string>]>([
    ['a PUT replaces all values', 'PUT', secret('api', { c: '3' }), 'application/json', { c: '3' }],
    [
      'a PUT without data, as it is read, keeps them',
      'PUT',
      secret('api', undefined),
      'application/json',
      { a: '1', b: '2' },
    ],
    ['a PUT with empty data removes them', 'PUT', secret('api', {}), 'application/json', {}],
    ['a merge patch changes key by key', 'PATCH', { spec: { data: { a: null, b: '9' } } }, MERGE, { b: '9' }],
    ['a merge patch of labels keeps them', 'PATCH', { metadata: { labels: { x: 'y' } } }, MERGE, { a: '1', b: '2' }],
    [
      'a JSON patch changes key by key',
      'PATCH',
      [
        { op: 'remove', path: '/spec/data/a' },
        { op: 'replace', path: '/spec/data/b', value: '9' },
      ],
      JSON_PATCH,
      { b: '9' },
    ],
  ])('%s', async (_, method, body, type, values) => {
    const api = await shopWith({ a: '1', b: '2' });
    expect((await api.ask(method, one, { body, type })).status).toBe(200);
    expect(await stored(api)).toEqual(values);
  });

  it('can be read, changed and written back without losing a value', async () => {
    const api = await shopWith({ a: '1' });
    const { body } = await api.ask('GET', one);
    expect((await api.ask('PUT', one, { body })).status).toBe(200);
    expect(await stored(api)).toEqual({ a: '1' });
  });

  it.each([
    [[{ op: 'copy', from: '/spec/data/a', path: '/metadata/annotations/a' }]],
    [[{ op: 'copy', from: '/spec', path: '/metadata/labels' }]],
    [[{ op: 'move', from: '/spec/data/a', path: '/spec/data/b' }]],
    [[{ op: 'test', path: '/spec/data/a', value: 'guess' }]],
    [[{ op: 'test', path: '', value: {} }]],
  ])('does not let %j look at values', async (body) => {
    const api = await shopWith({ a: '1' });
    expect((await api.ask('PATCH', one, { body, type: JSON_PATCH })).status).toBe(422);
    expect(await stored(api)).toEqual({ a: '1' });
  });

  it.each(['spec.data.a=enc', 'status.keys!=x'])('cannot be selected by %s', async (selector) => {
    const api = await shopWith({ a: '1' });
    for (const watch of ['', '&watch=1']) {
      const refused = await api.ask('GET', `${secrets}?fieldSelector=${encodeURIComponent(selector)}${watch}`);
      expect(refused.status).toBe(400);
    }
  });

  it('takes a text that only looks encrypted for the text that it is', async () => {
    const api = await shopWith({ a: '1' });
    const other = await api.store.get(Secret, { namespace: 'shop', name: 'api' });
    const sealed = other?.spec.data['a'] ?? '';
    await api.ask('PUT', one, { body: secret('api', { b: sealed }) });
    expect(await stored(api)).toEqual({ b: sealed });
  });

  it('replaces a value that can no longer be read', async () => {
    const api = await shopWith({ a: '1' });
    const found = await api.store.get(Secret, { namespace: 'shop', name: 'api' });
    if (!found) throw new Error('the Secret is gone');
    const lost = `enc:v1:bbbbbbbb:${'0'.repeat(32)}:${'A'.repeat(60)}`;
    await api.store.update(Secret, { ...found, spec: { data: { a: lost } } }, { manager: 'test' });
    expect((await api.ask('PATCH', one, { body: { spec: { data: { a: '1' } } }, type: MERGE })).status).toBe(200);
    expect(await stored(api)).toEqual({ a: '1' });
  });

  it.each([
    ['values that are no text', { pin: 4711 }, 'spec.data.pin'],
    ['values that are too large', { big: 'x'.repeat(200_000) }, 'spec.data.big'],
  ])('refuses %s', async (_, data, field) => {
    const api = await createShop();
    const refused = await api.ask('POST', secrets, { body: secret('api', data) });
    expect(refused).toMatchObject({ status: 422, body: { details: { causes: [{ field }] } } });
    expect(JSON.stringify(refused.body)).not.toContain('4711');
  });

  it('stores sealed values as they come, and refuses what is none without quoting it', async () => {
    const api = await createShop();
    const sealed = await sealFor(api, { namespace: 'shop', name: 'api', key: 'a', value: CANARY });
    const written = { ...secret('api', { b: '1' }), spec: { data: { b: '1' }, sealed: { a: sealed } } };
    expect(await api.ask('POST', secrets, { body: written })).toMatchObject({
      status: 201,
      body: { spec: { sealed: { a: sealed } }, status: { keys: [{ name: 'b' }] } },
    });
    for (const text of [
      CANARY,
      '',
      `-----BEGIN AGE ENCRYPTED FILE-----\n${CANARY}\n-----END AGE ENCRYPTED FILE-----\n`,
    ]) {
      const body = { ...secret('other', {}), spec: { sealed: { a: text } } };
      const refused = await api.ask('POST', secrets, { body });
      expect(refused).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'spec.sealed.a' }] } } });
      expect(JSON.stringify(refused.body)).not.toContain(CANARY);
    }
  });

  it('refuses a key that is written and sealed; one that is sealed later takes the place of what was written', async () => {
    const api = await shopWith({ a: '1', b: '2' });
    const sealed = await sealFor(api, { namespace: 'shop', name: 'api', key: 'a', value: '3' });
    const both = { ...secret('api', {}), spec: { data: { a: '1' }, sealed: { a: sealed } } };
    expect(await api.ask('PUT', one, { body: both })).toMatchObject({
      status: 422,
      body: { details: { causes: [{ field: 'spec.sealed.a' }] } },
    });
    expect(await stored(api)).toEqual({ a: '1', b: '2' });
    const alone = { ...secret('api', undefined), spec: { sealed: { a: sealed } } };
    expect((await api.ask('PUT', one, { body: alone })).status).toBe(200);
    expect(await stored(api)).toEqual({ b: '2' });
  });

  it('answers digests of what was opened, and never what it was opened to', async () => {
    const api = await createShop();
    const place = { namespace: 'shop', name: 'api', key: 'a' };
    const sealed = await sealFor(api, { ...place, value: CANARY });
    const lost = await sealFor(api, { ...place, namespace: 'other', key: 'c', value: CANARY });
    const written = { ...secret('api', {}), spec: { data: { b: CANARY }, sealed: { a: sealed, c: lost } } };
    await api.ask('POST', secrets, { body: written });
    const found = await api.store.get(Secret, { namespace: 'shop', name: 'api' });
    if (!found) throw new Error('the Secret is gone');
    const opened = await openSealed(found, api);
    await api.store.updateStatus(Secret, { ...found, status: { ...found.status, opened } }, { manager: 'test' });
    const answer = await api.ask('GET', one);
    const digest = api.box.digest('shop', CANARY);
    expect(answer.body).toMatchObject({
      status: {
        keys: [
          { name: 'a', digest },
          { name: 'b', digest },
          { name: 'c', digest: 'unreadable' },
        ],
      },
    });
    expect(JSON.stringify(answer.body)).not.toMatch(/enc:v1:|opened"/);
  });

  it('is not there for those who may not read it', async () => {
    const api = await shopWith({ a: '1' });
    const missing = await api.ask('GET', `${secrets}/missing`, { as: 'viewer' });
    const hidden = await api.ask('GET', one, { as: 'viewer' });
    expect(missing.status).toBe(404);
    expect(JSON.stringify(hidden.body).replace('\\"api\\"', '\\"missing\\"')).toBe(JSON.stringify(missing.body));
    expect((await api.ask('GET', `${API}/secrets`, { as: 'viewer' })).body).toMatchObject({ items: [] });
  });
});
