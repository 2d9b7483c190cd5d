import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import { createShop, make, service, type ApiFixture, type Person } from '../testing/api-fixture.ts';
import { bodyOf, idOf } from '../testing/rest-body.ts';

let api: ApiFixture;
let web: Service;
let projectId: string;
let folder: string;

const repository = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };
const image = { image_name: 'shop/web', image_tag: 'v1' };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containr-builds-'));
  api = await createShop({ rest: { buildRoot: join(folder, 'root') } });
  web = await make(
    api,
    Service,
    service('web', { source: repository, build: { args: { A: '1' }, startCommand: 'x' } }),
  );
  projectId = (await api.store.get(Project, { name: 'shop' }))?.metadata.uid ?? '';
});
afterEach(async () => {
  api.closing.abort();
  await rm(folder, { recursive: true });
});

const start = (body: object, as: Person = 'dev') =>
  api.ask('POST', '/api/v1/builds', { as, body: { ...image, ...body } });

async function stored(id: string): Promise<Build> {
  const found = await api.store.getByUid(Build, id);
  if (!found) throw new Error('the build is there');
  return found;
}

async function report(id: string, status: Partial<Build['status']>): Promise<void> {
  const build = await stored(id);
  await api.store.updateStatus(Build, { ...build, status: { ...build.status, ...status } }, { manager: 'test' });
}

describe('starting a build', () => {
  it('records it for a service, from its repository and with its settings', async () => {
    const answer = await start({
      service_id: web.metadata.uid,
      build_type: 'nixpacks',
      commit: 'abcdef1',
      environment: { CI: '1' },
      labels: { 'org.example/team': 'shop' },
      registry_url: 'registry.example:5000',
    });
    expect(bodyOf(answer, 201)).toMatchObject({ ...image, status: 'pending', success: true });
    const { metadata, spec } = await stored(idOf(answer));
    expect(metadata).toMatchObject({
      name: 'web-build',
      labels: { 'containr.dev/service': 'web' },
      ownerReferences: [{ uid: web.metadata.uid }],
    });
    expect(spec).toMatchObject({
      service: 'web',
      source: { ...repository, commit: 'abcdef1' },
      settings: { builder: 'nixpacks', args: { A: '1' }, environment: { CI: '1' } },
      image: { name: 'shop/web', tag: 'v1', labels: { 'org.example/team': 'shop' }, registry: 'registry.example:5000' },
    });
    expect(spec.settings.startCommand).toBeUndefined();
  });

  it('takes the repository that all services of a project share', async () => {
    const one = await stored(idOf(await start({ project_id: projectId, branch: 'next' })));
    expect(one.spec).toMatchObject({ source: { ...repository, branch: 'next' } });
    expect(one.spec.service).toBeUndefined();
    await make(api, Service, service('other', { source: { ...repository, repository: 'https://git.example/b.git' } }));
    expect(bodyOf(await start({ project_id: projectId }), 400)).toMatchObject({
      details: { fields: [{ path: 'service_id', message: expect.stringContaining('several repositories') }] },
    });
  });

  it('takes an image that exists', async () => {
    const { spec } = await stored(idOf(await start({ project_id: projectId, prebuilt_image: 'nginx:1.29' })));
    expect(spec.source).toMatchObject({ type: 'image', image: 'nginx:1.29' });
  });

  it.each([
    [{}, 'service_id'],
    [{ image_name: 'Not A Name' }, 'image_name'],
    [{ image_tag: '-x' }, 'image_tag'],
    [{ image_tag: undefined }, 'image_tag'],
    [{ build_type: 'magic' }, 'build_type'],
    [{ build_type: 'prebuilt' }, 'prebuilt_image'],
    [{ build_type: 'dockerfile', prebuilt_image: 'nginx' }, 'prebuilt_image'],
    [{ prebuilt_image: 'NOT ONE' }, 'prebuilt_image'],
    [{ commit: 'HEAD' }, 'commit'],
    [{ branch: '-x' }, 'branch'],
    [{ environment: { 'A B': 'x' } }, 'environment.A B'],
    [{ labels: { '': 'x' } }, 'labels'],
    [{ dockerfile: 'x' }, 'dockerfile'],
  ])('refuses %j, naming the field', async (change, path) => {
    const place = path === 'service_id' ? {} : { service_id: web.metadata.uid };
    const { details } = bodyOf(await start({ ...place, ...change }), 400);
    expect(details).toMatchObject({
      fields: expect.arrayContaining([expect.objectContaining({ path: expect.stringMatching(`^${path}`) })]),
    });
  });

  it.each([
    ['stranger', 404],
    ['viewer', 403],
    ['dev', 201],
  ] as const)('answers %s with %d', async (as, status) => {
    expect((await start({ service_id: web.metadata.uid }, as)).status).toBe(status);
    expect((await start({ project_id: projectId }, as)).status).toBe(status);
  });
});

describe('a source path', () => {
  const at = (source_path: string) => start({ project_id: projectId, source_path });

  beforeEach(async () => {
    await mkdir(join(folder, 'root', 'app', '.git'), { recursive: true });
    await mkdir(join(folder, 'root', 'plain'));
    await mkdir(join(folder, 'root-too', '.git'), { recursive: true });
    await symlink(join(folder, 'root-too'), join(folder, 'root', 'link'));
  });

  it.each(['app', './app/', 'plain/../app'])('may be below the root: %s', async (path) => {
    const { spec } = await stored(idOf(await at(path)));
    expect(spec.source.repository).toMatch(/^file:\/\/\/.*\/root\/app$/);
  });

  it.each([
    ['../root-too', 'must lie below'],
    ['/etc', 'must lie below'],
    ['link', 'must lie below'],
    ['app/../../root-too', 'must lie below'],
    ['gone', 'does not exist'],
    ['plain', 'is no Git repository'],
    ['app\u0000', 'must lie below'],
  ])('is refused at %j', async (path, message) => {
    expect(bodyOf(await at(path), 400)).toMatchObject({
      details: { fields: [{ path: 'source_path', message: expect.stringContaining(message) }] },
    });
  });

  it('is refused where no root is set', async () => {
    api = await createShop();
    const id = (await api.store.get(Project, { name: 'shop' }))?.metadata.uid;
    expect(bodyOf(await start({ project_id: id, source_path: 'app' }), 400)['error']).toContain('CONTAINR_BUILD_ROOT');
  });
});

describe('looking at builds', () => {
  it('shows how far one is and what came of it', async () => {
    const id = idOf(await start({ service_id: web.metadata.uid }));
    const path = `/api/v1/builds/${id}`;
    await report(id, { phase: 'Building', progress: 40, startedAt: '2026-01-01T00:00:00.000Z', commit: 'abc' });
    const uid = (await stored(id)).metadata.uid;
    await api.logs.append(`build/${uid}`, [{ position: 1, time: new Date(), source: 'stdout', text: 'step 1' }], 1);
    expect(bodyOf(await api.ask('GET', path, { as: 'viewer' }))).toMatchObject({
      id,
      project_id: projectId,
      service_id: web.metadata.uid,
      status: 'running',
      progress: 40,
      ...image,
      log: 'step 1\n',
      metadata: { phase: 'Building', commit: 'abc', branch: 'main' },
    });
    await report(id, { phase: 'Failed', failure: 'It broke.' });
    expect(bodyOf(await api.ask('GET', path, { as: 'viewer' }))).toMatchObject({
      status: 'failed',
      error: 'It broke.',
    });
    expect((await api.ask('GET', path, { as: 'stranger' })).status).toBe(404);
  });

  it('lists those one may see, by pages and what is asked for', async () => {
    const [first, second] = [await start({ service_id: web.metadata.uid }), await start({ project_id: projectId })];
    await report(idOf(second), { phase: 'Succeeded' });
    await make(api, Build, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Build',
      metadata: { name: 'hidden', namespace: 'other' },
      spec: { source: repository },
    });
    const found = async (query: string, as: Person = 'viewer') => {
      const { builds, ...rest } = bodyOf(await api.ask('GET', `/api/v1/builds${query}`, { as }), 200);
      return { ids: Array.isArray(builds) ? builds.map(({ id }) => id) : [], ...rest };
    };
    expect(await found('')).toMatchObject({ total: 2, page: 1, limit: 20 });
    expect(await found('', 'admin')).toMatchObject({ total: 3 });
    expect(await found('', 'stranger')).toMatchObject({ total: 0 });
    expect((await found(`?service_id=${web.metadata.uid}`)).ids).toEqual([idOf(first)]);
    expect((await found('?status=success')).ids).toEqual([idOf(second)]);
    expect(await found(`?project_id=${projectId}&limit=1&page=2`)).toMatchObject({
      total: 2,
      ids: [expect.any(String)],
    });
    expect((await found('?project_id=nowhere')).ids).toEqual([]);
    for (const query of ['?limit=101', '?page=0', '?status=done']) {
      expect((await api.ask('GET', `/api/v1/builds${query}`)).status).toBe(400);
    }
  });
});

describe('cancelling a build', () => {
  it('asks for its end, and again is as good as once', async () => {
    const id = idOf(await start({ service_id: web.metadata.uid }));
    const cancel = (as: Person) => api.ask('POST', `/api/v1/builds/${id}/cancel`, { as });
    expect((await cancel('stranger')).status).toBe(404);
    expect((await cancel('viewer')).status).toBe(403);
    expect(bodyOf(await cancel('dev'), 200)).toEqual({ message: 'The build is being cancelled.' });
    expect((await cancel('dev')).status).toBe(200);
    expect((await stored(id)).spec.cancelled).toBe(true);
    await report(id, { phase: 'Cancelled' });
    expect(bodyOf(await cancel('dev'), 200)).toEqual({ message: 'The build is over: cancelled.' });
  });
});

describe('the log of a build', () => {
  it('comes as text, and followed until the build is over', async () => {
    const id = idOf(await start({ service_id: web.metadata.uid }));
    const line = (position: number) => ({
      position,
      time: new Date(),
      source: 'stdout' as const,
      text: `line ${position}`,
    });
    await api.logs.append(`build/${id}`, [line(1), line(2)], 2);
    const whole = await api.fetch('GET', `/api/v1/builds/${id}/logs`, { as: 'viewer' });
    expect(whole.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await whole.text()).toBe('line 1\nline 2\n');
    const followed = (await api.fetch('GET', `/api/v1/builds/${id}/logs?follow=true`, { as: 'viewer' })).text();
    await api.logs.append(`build/${id}`, [line(3)], 3);
    await report(id, { phase: 'Succeeded' });
    expect(await followed).toBe('line 1\nline 2\nline 3\n');
    expect((await api.ask('GET', `/api/v1/builds/${id}/logs`, { as: 'stranger' })).status).toBe(404);
  });
});
