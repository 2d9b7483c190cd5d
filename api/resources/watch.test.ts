import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Project } from '../../crds/project.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import {
  API,
  createShop,
  make,
  project,
  secret,
  service,
  SHOP,
  type ApiFixture,
  type Person,
} from '../testing/api-fixture.ts';

const services = `${SHOP}/services`;

const Line = z.object({
  type: z.string(),
  object: z.looseObject({ metadata: z.looseObject({ name: z.string().optional() }).optional() }),
});
type Line = z.output<typeof Line>;

/** Reads the lines of a watch one by one; undefined when it ends. */
async function watch(api: ApiFixture, path: string, { as = 'admin' as Person, accept = 'application/json' } = {}) {
  const response = await api.fetch('GET', path, { as, headers: { accept } });
  if (!response.body) throw new Error('a watch has a body');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  async function next(): Promise<Line | undefined> {
    while (!text.includes('\n')) {
      const read = await reader.read();
      if (read.done) return undefined;
      text += read.value;
    }
    const line = text.slice(0, text.indexOf('\n'));
    text = text.slice(line.length + 1);
    return Line.parse(JSON.parse(line));
  }
  return {
    status: response.status,
    next,
    brief: async () => {
      const line = await next();
      return line && `${line.type} ${String(line.object.metadata?.name)}`;
    },
    cancel: () => reader.cancel(),
  };
}

async function change(api: ApiFixture, name: string, replicas: number): Promise<void> {
  const body = { spec: { replicas } };
  await api.ask('PATCH', `${services}/${name}`, { body, type: 'application/merge-patch+json' });
}

describe('watch', () => {
  it('tells each change after a version, once and in order', async () => {
    const api = await createShop();
    await make(api, Service, service('a'));
    const since = await api.store.currentVersion();
    await make(api, Service, service('b'));
    const watching = await watch(api, `${services}?watch=1&resourceVersion=${since}`);
    await change(api, 'a', 2);
    await api.ask('PATCH', `${services}/b`, {
      body: { metadata: { finalizers: [] } },
      type: 'application/merge-patch+json',
    });
    await api.ask('DELETE', `${services}/b`);
    const seen = [await watching.brief(), await watching.brief(), await watching.brief(), await watching.brief()];
    expect(seen).toEqual(['ADDED b', 'MODIFIED a', 'MODIFIED b', 'DELETED b']);
    await watching.cancel();
  });

  it('begins with what is there when no version is stated', async () => {
    const api = await createShop();
    await make(api, Service, service('a'));
    const watching = await watch(api, `${services}?watch=true`);
    expect(await watching.brief()).toBe('ADDED a');
    await make(api, Service, service('b'));
    expect(await watching.brief()).toBe('ADDED b');
    await watching.cancel();
  });

  it('marks the end of what was there when asked to send it', async () => {
    const api = await createShop();
    await make(api, Service, service('a'));
    const query = '?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watching = await watch(api, `${services}${query}`);
    expect(await watching.brief()).toBe('ADDED a');
    expect(await watching.next()).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    await watching.cancel();
  });

  it('tells of an object that enters or leaves the selection', async () => {
    const api = await createShop();
    await make(api, Service, service('a', {}, { labels: { tier: 'front' } }));
    const since = await api.store.currentVersion();
    const watching = await watch(api, `${services}?watch=1&labelSelector=tier%3Dback&resourceVersion=${since}`);
    for (const tier of ['back', 'front']) {
      const body = { metadata: { labels: { tier } } };
      await api.ask('PATCH', `${services}/a`, { body, type: 'application/merge-patch+json' });
    }
    expect([await watching.brief(), await watching.brief()]).toEqual(['ADDED a', 'DELETED a']);
    await watching.cancel();
  });

  it('comes as tables of one row', async () => {
    const api = await createShop();
    await make(api, Service, service('a'));
    const watching = await watch(api, `${services}?watch=1`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    expect(await watching.next()).toMatchObject({
      type: 'ADDED',
      object: { kind: 'Table', rows: [{ cells: ['a', null, null, null, null, null, '0s', null, null, null, null] }] },
    });
    await watching.cancel();
  });

  it('never shows the values of Secrets', async () => {
    const api = await createShop();
    await api.ask('POST', `${SHOP}/secrets`, { body: secret('api', { token: 'canary' }) });
    const watching = await watch(api, `${SHOP}/secrets?watch=1`);
    const first = await watching.next();
    expect(first).toMatchObject({ object: { status: { keys: [{ name: 'token' }] } } });
    expect(first?.object).not.toHaveProperty('spec.data');
    await watching.cancel();
  });

  it('says 410 in the stream when the version is too old', async () => {
    const api = await createShop();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(api, Service, service(name));
    await api.store.compact({ keepMs: 0, keepChanges: 1 });
    const watching = await watch(api, `${services}?watch=1&resourceVersion=1`);
    expect(await watching.next()).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    });
    expect(await watching.next()).toBeUndefined();
  });

  it('ends after the time that was asked for', async () => {
    const clock = new FakeClock();
    const api = await createShop({ clock });
    const watching = await watch(api, `${services}?watch=1&timeoutSeconds=7`);
    const end = watching.next();
    await clock.advance(8_000);
    expect(await end).toBeUndefined();
  });

  it('ends when the server stops', async () => {
    const api = await createShop();
    const watching = await watch(api, `${services}?watch=1`);
    const end = watching.next();
    api.closing.abort();
    expect(await end).toBeUndefined();
  });

  it('gives back everything when the client goes', async () => {
    const clock = new FakeClock();
    const api = await createShop({ clock });
    const watching = await watch(api, `${services}?watch=1`);
    const end = watching.next();
    await clock.advance(0);
    expect(clock.nextTimerMs).toBeDefined();
    await watching.cancel();
    await end;
    await clock.advance(0);
    expect(clock.nextTimerMs).toBeUndefined();
  });

  it('ends with 410 when the watcher may no longer see it', async () => {
    const clock = new FakeClock();
    const api = await createShop({ clock });
    const watching = await watch(api, `${services}?watch=1`, { as: 'dev' });
    const end = watching.next();
    const shop = await api.store.get(Project, { name: 'shop' });
    if (!shop) throw new Error('the project is gone');
    await api.store.update(Project, { ...shop, spec: { ...shop.spec, members: [] } }, { manager: 'test' });
    await clock.advance(31_000);
    expect(await end).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    expect(await watching.next()).toBeUndefined();
  });
});

describe('a watch by a token', () => {
  it('ends with 410 when the token is revoked', async () => {
    const clock = new FakeClock();
    const api = await createShop({ clock });
    const watching = await watch(api, `${services}?watch=1`, { as: 'admin' });
    const end = watching.next();
    api.revoke('admin');
    await clock.advance(31_000);
    expect(await end).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  });
});

describe('a watch over all projects', () => {
  it('shows members their own projects only', async () => {
    const api = await createShop();
    const watching = await watch(api, `${API}/services?watch=1`, { as: 'viewer' });
    await make(api, Service, service('theirs', {}, { namespace: 'other' }));
    await make(api, Service, service('ours'));
    expect(await watching.brief()).toBe('ADDED ours');
    await watching.cancel();
  });

  it('shows a project that somebody became a member of', async () => {
    const api = await createShop();
    const watching = await watch(api, `${API}/projects?watch=1`, { as: 'viewer' });
    expect(await watching.brief()).toBe('ADDED shop');
    await make(api, Project, project('secretive', {}));
    await make(api, Project, project('new', { viewer: 'viewer' }));
    expect(await watching.brief()).toBe('ADDED new');
    await watching.cancel();
  });

  it('ends with 410 when memberships change, so that the watcher lists again', async () => {
    const clock = new FakeClock();
    const api = await createShop({ clock });
    const watching = await watch(api, `${API}/secrets?watch=1`, { as: 'dev' });
    const next = watching.next();
    await make(api, Project, project('new', { dev: 'viewer' }));
    await make(api, Secret, secret('api', {}, { namespace: 'other' }));
    await clock.advance(31_000);
    expect(await next).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  });
});
