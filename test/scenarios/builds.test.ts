import { afterEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import { findCondition } from '../../crds/condition.ts';
import { KEEP_UNUSED_MS, REPOSITORY, SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];
const HOUR_MS = 3_600_000;
const git = { type: 'git', repository: REPOSITORY };
const bait = '$(touch bitten); `id` "\' && --privileged \n| * \u00e9';

afterEach(() => {
  for (const spine of worlds.splice(0)) spine.dispose();
});

async function prepared(): Promise<SpineWorld> {
  const spine = new SpineWorld();
  worlds.push(spine);
  await spine.prepare();
  return spine;
}

async function build(spine: SpineWorld, name: string, spec: Record<string, unknown> = {}): Promise<void> {
  await spine.create(Build, name, { source: git, ...spec }, 'shop');
}

async function found(spine: SpineWorld, name = 'web'): Promise<Build> {
  const object = await spine.store.get(Build, { namespace: 'shop', name });
  if (!object) throw new Error(`There is no Build ${name}.`);
  return object;
}

async function logOf(spine: SpineWorld, name = 'web'): Promise<string> {
  const { metadata } = await found(spine, name);
  return (spine.logs.lines.get(`build/${metadata.uid}`) ?? []).map(({ text }) => text).join('\n');
}

/** A source that no Dockerfile says how to build. */
function bare(spine: SpineWorld): void {
  spine.git.commit(REPOSITORY, { 'package.json': '{}' });
}

describe('the way to build', () => {
  it('is the Dockerfile where there is one, whatever is installed', async () => {
    const spine = await prepared();
    spine.buildpacks.install('railpack', '0.17.1');
    await build(spine, 'web');
    await spine.world.runUntilQuiet();
    expect((await found(spine)).status).toMatchObject({ phase: 'Succeeded', strategy: 'dockerfile', progress: 100 });
  });

  it('is Railpack where there is none, with the version on record', async () => {
    const spine = await prepared();
    bare(spine);
    spine.buildpacks.install('railpack', '0.17.1');
    spine.buildpacks.install('nixpacks', '1.41.0');
    spine.docker.installBuildx('0.30.0');
    const settings = { buildCommand: bait, startCommand: bait, environment: { A: bait }, args: { LD_PRELOAD: bait } };
    await build(spine, 'web', { settings });
    await spine.world.runUntilQuiet();
    const { status } = await found(spine);
    expect(status).toMatchObject({ phase: 'Succeeded', strategy: 'railpack', tool: 'railpack 0.17.1' });
    expect(spine.buildpacks.requests[0]?.request).toMatchObject({ buildCommand: bait, startCommand: bait });
    expect(spine.docker.builds[0]?.buildkit?.secrets).toEqual({ A: bait, LD_PRELOAD: bait });
    expect(spine.docker.builds[0]?.args).toEqual({});
  });

  it('is Nixpacks where Railpack is missing, or what it needs', async () => {
    const spine = await prepared();
    bare(spine);
    spine.buildpacks.install('railpack', '0.17.1');
    spine.buildpacks.install('nixpacks', '1.41.0');
    await build(spine, 'web');
    await spine.world.runUntilQuiet();
    expect((await found(spine)).status).toMatchObject({ phase: 'Succeeded', tool: 'nixpacks 1.41.0' });
    expect(await logOf(spine)).toMatch(/BuildKit, which it needs, is not reached/);
  });

  it.each([
    [{ builder: 'auto' }, /install Railpack there: curl/],
    [{ builder: 'railpack' }, /railpack is not installed.*Install it there: curl/],
    [{ builder: 'nixpacks' }, /nixpacks is not installed.*Install it there: curl/],
  ])('%j is held up, calmly, by a program that is missing, and goes on once it is there', async (settings, words) => {
    const spine = await prepared();
    bare(spine);
    await build(spine, 'web', { settings });
    await spine.world.run(5 * 60_000);
    const { status } = await found(spine);
    for (const type of ['Stalled', 'Ready'])
      expect(findCondition(status.conditions, type)).toMatchObject({
        reason: 'ToolMissing',
        message: expect.stringMatching(words),
      });
    expect(spine.world.passesOf.get('Build shop/web') ?? 0).toBeLessThan(60);
    spine.buildpacks.install(settings.builder === 'nixpacks' ? 'nixpacks' : 'railpack', '1.0.0');
    spine.docker.installBuildx('0.30.0');
    await spine.world.run(5 * 60_000);
    expect((await found(spine)).status.phase).toBe('Succeeded');
  });

  it.each([
    [{ buildCommand: 'make' }, /Remove build.buildCommand/],
    [{ builder: 'image' }, /Set source.type to "image"/],
  ])('%j is refused in words where it makes no sense', async (settings, words) => {
    const spine = await prepared();
    await build(spine, 'web', { settings });
    await spine.world.runUntilQuiet();
    expect((await found(spine)).status).toMatchObject({ phase: 'Failed', failure: expect.stringMatching(words) });
  });
});

describe('what a build is told in confidence', () => {
  it('is mounted, and shows in no argument, label, log, event or status', async () => {
    const spine = await prepared();
    spine.secrets.set('npm', { token: 'hunter2-hunter2' });
    spine.redactor.add('hunter2-hunter2');
    spine.docker.installBuildx('0.30.0');
    spine.git.commit(REPOSITORY, { Dockerfile: 'FROM scratch\nRUN exit 1 hunter2-hunter2\n' });
    await build(spine, 'web', { settings: { secrets: [{ name: 'NPM', secretRef: { name: 'npm', key: 'token' } }] } });
    await spine.world.runUntilQuiet();
    const [{ buildkit, ...request } = { buildkit: undefined }] = spine.docker.builds;
    expect(buildkit?.secrets).toEqual({ NPM: 'hunter2-hunter2' });
    expect(JSON.stringify(request)).not.toContain('hunter2');
    expect(await logOf(spine)).toContain('[redacted]');
    expect(await logOf(spine)).not.toContain('hunter2');
    const { status } = await found(spine);
    expect(status.failure).toContain('[redacted]');
    expect(JSON.stringify(await spine.all(Build)) + JSON.stringify(spine.world.events)).not.toContain('hunter2');
  });

  it('is missed by name', async () => {
    const spine = await prepared();
    spine.secrets.set('npm', {});
    await build(spine, 'web', { settings: { secrets: [{ name: 'NPM', secretRef: { name: 'npm', key: 'token' } }] } });
    await spine.world.run(60_000);
    expect(findCondition((await found(spine)).status.conditions, 'Stalled')?.message).toMatch(/NPM.*no key "token"/);
  });

  it('opens private registries, for images and for what Dockerfiles begin with', async () => {
    const spine = await prepared();
    const login = { username: 'ada', password: 'hunter2-hunter2' };
    spine.docker.protect('registry.example', login);
    await spine.docker.publish('registry.example/base:1', { cmd: ['/app'] });
    spine.secrets.set('pull', { '.dockerconfigjson': JSON.stringify({ auths: { 'registry.example': login } }) });
    spine.git.commit(REPOSITORY, { Dockerfile: 'FROM registry.example/base:1\n' });
    await build(spine, 'denied', { source: { type: 'image', image: 'registry.example/base:1' } });
    await spine.world.runUntilQuiet();
    expect((await found(spine, 'denied')).status.failureReason).toBe('ImageNotFound');
    await build(spine, 'from', { source: { ...git, secretRef: { name: 'pull' } } });
    const image = { type: 'image', image: 'registry.example/base:1', secretRef: { name: 'pull' } };
    await build(spine, 'image', { source: image });
    await spine.world.runUntilQuiet();
    expect((await found(spine, 'from')).status.phase).toBe('Succeeded');
    const { status } = await found(spine, 'image');
    expect(status.pinnedImage).toMatch(/^registry\.example\/base@sha256:[0-9a-f]{64}$/);
    expect(status.artifact).toMatchObject({
      image: 'registry.example/base:1',
      imageDigest: status.pinnedImage?.split('@')[1],
    });
    expect(JSON.stringify(await spine.all(Build)) + JSON.stringify(spine.world.events)).not.toContain('hunter2');
  });
});

describe('the same build twice', () => {
  it('is built once: the second takes the archive of the first, which is not placed again', async () => {
    const spine = await prepared();
    await build(spine, 'first');
    await spine.world.runUntilQuiet();
    await build(spine, 'second', { image: { name: 'shop/web', tag: 'v1' } });
    await spine.world.runUntilQuiet();
    const [first, second] = [await found(spine, 'first'), await found(spine, 'second')];
    expect(second.status.phase).toBe('Succeeded');
    expect(second.status.artifact?.digest).toBe(first.status.artifact?.digest);
    expect(second.status.artifact?.image).toBe('shop/web:v1');
    expect(spine.docker.builds).toHaveLength(1);
    expect(spine.proxmox.storages.get('local')?.archives('pve1')).toHaveLength(1);
  });

  it.each([
    ['another argument', { settings: { args: { A: '1' } } }],
    ['another folder', { source: { ...git, rootDirectory: '.' } }],
  ])('is another with %s', async (_, spec) => {
    const spine = await prepared();
    await build(spine, 'first');
    await spine.world.runUntilQuiet();
    await build(spine, 'second', spec);
    await spine.world.runUntilQuiet();
    expect(spine.docker.builds).toHaveLength(2);
  });
});

describe('the line before a builder', () => {
  it('has one build of a service at a time, and of those that wait only the newest', async () => {
    const spine = await prepared();
    const release = spine.docker.holdBuilds();
    for (const name of ['web-b1', 'web-b2', 'web-b3', 'web-b10']) {
      spine.clock.advance(1_000);
      await build(spine, name, { service: 'web', settings: { args: { NAME: name } } });
      await spine.world.run(5_000);
    }
    expect(spine.docker.builds).toHaveLength(1);
    release();
    await spine.world.runUntilQuiet();
    const ends = (await spine.all(Build)).map(({ metadata, status }) => [metadata.name, status.phase]);
    expect(Object.fromEntries(ends)).toEqual({
      'web-b1': 'Succeeded',
      'web-b2': 'Cancelled',
      'web-b3': 'Cancelled',
      'web-b10': 'Succeeded',
    });
    const b2 = await found(spine, 'web-b2');
    expect(findCondition(b2.status.conditions, 'Ready')).toMatchObject({
      reason: 'Superseded',
      message: expect.stringMatching(/web-b3/),
    });
  });

  it('lets no more in than the builder takes, the longest waiting first', async () => {
    const spine = await prepared();
    const release = spine.docker.holdBuilds();
    for (const name of ['a', 'b', 'c', 'd']) await build(spine, name, { service: name });
    await spine.world.run(10_000);
    expect((await spine.all(Build)).filter(({ status }) => status.builder !== undefined)).toHaveLength(2);
    const taken = (await spine.all(Build)).filter(({ status }) => status.builder !== undefined);
    expect(taken.map(({ metadata }) => metadata.name).toSorted()).toEqual(['a', 'b']);
    release();
    await spine.world.runUntilQuiet();
    expect((await spine.all(Build)).map(({ status }) => status.phase)).toEqual(Array(4).fill('Succeeded'));
    expect((await spine.all(Builder))[0]?.spec.concurrency).toBe(2);
  });
});

describe('what old builds left', () => {
  it('goes when nothing has needed it for long, and only what is ours', async () => {
    const spine = await prepared();
    await spine.docker.publish('foreign:1', { labels: { 'dev.containr.installation': 'another' } });
    await spine.docker.pull(
      'foreign:1',
      undefined,
      () => undefined,
      () => undefined,
      new AbortController().signal,
    );
    await build(spine, 'web');
    await spine.createService('api', { source: { ...git, rootDirectory: '.' } });
    await spine.world.runUntilQuiet();
    expect(await spine.artifacts.list()).toHaveLength(2);
    const [own = ''] = spine.docker.tags().filter((tag) => tag.startsWith('containr/shop-build:'));
    expect(own).not.toBe('');
    await spine.deleteService('api');
    await spine.world.run(KEEP_UNUSED_MS - HOUR_MS / 2);
    expect(await spine.artifacts.list()).toHaveLength(1);
    expect(spine.docker.tags()).toContain(own);
    await spine.world.run(HOUR_MS);
    expect(await spine.artifacts.list()).toEqual([]);
    expect(spine.docker.tags()).toEqual(['foreign:1']);
  });
});
