import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type Docker from 'dockerode';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packTar } from '../lxc/archive-fixture.ts';
import { build, builtId, connect, readMessages, refusal } from './box-fixture.ts';
import { startDockerBox, type DockerBox, type DockerBoxOptions } from './docker-box.ts';
import { FileTree, readContent } from './file-tree.ts';

const hello = { Dockerfile: 'FROM scratch\nCOPY hello.txt /\nLABEL kind=greeting\n', 'hello.txt': 'hello' };

describe('startDockerBox', () => {
  let folder: string;
  let box: DockerBox;
  let docker: Docker;

  async function start(options: DockerBoxOptions = {}): Promise<void> {
    box = await startDockerBox({ dataDir: join(folder, 'data'), ...options });
    docker = connect(box.endpoint);
  }
  async function restart(options: DockerBoxOptions = {}): Promise<void> {
    await box.close();
    await start(options);
  }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-box-'));
    await start();
  });
  afterEach(async () => {
    await box.close();
    await rm(folder, { recursive: true });
  });

  async function save(name: string): Promise<FileTree> {
    const file = join(folder, 'saved.tar');
    await writeFile(file, await buffer(Readable.from(await docker.getImage(name).get())));
    const tree = new FileTree();
    await tree.addTar(file, { whiteouts: false });
    return tree;
  }
  async function readJson(tree: FileTree, path: string): Promise<unknown> {
    const entry = tree.get(path);
    if (entry?.type !== 'file') throw new Error(`${path} is in the archive`);
    return JSON.parse((await readContent(entry.content)).toString('utf8'));
  }
  const names = (tree: FileTree) => tree.below('').flatMap(([path, { type }]) => (type === 'file' ? [path] : []));

  it('answers dockerode at a port and at a socket of root alone', async () => {
    expect((await docker.ping()).toString()).toBe('OK');
    expect((await docker.version()).ApiVersion).toBe('1.44');
    expect((await docker.info()).OSType).toBe('linux');
    const socketPath = join(folder, 'box.sock');
    await restart({ socketPath });
    expect(box.endpoint).toBe(`unix://${socketPath}`);
    expect((await docker.ping()).toString()).toBe('OK');
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  });

  it('takes paths with a version that it knows and refuses others', async () => {
    const get = (path: string) => fetch(`${box.endpoint.replace('tcp', 'http')}${path}`);
    expect((await get('/v1.41/version')).status).toBe(200);
    expect(await (await get('/v1.99/version')).json()).toEqual({
      message: 'client version 1.99 is too new. Maximum supported API version is 1.44',
    });
    expect((await get('/v1.1/version')).status).toBe(400);
    expect(await (await get('/nothing')).json()).toEqual({ message: 'page not found' });
  });

  it('builds an image that is found by name, id and label', async () => {
    const id = builtId(await build(docker, hello, { t: 'team/hello:1', labels: { owner: 'me' } }));
    for (const name of ['team/hello:1', id, id.slice(7, 19), 'docker.io/team/hello:1']) {
      expect((await docker.getImage(name).inspect()).Id).toBe(id);
    }
    const { RepoTags, Config, RootFS } = await docker.getImage(id).inspect();
    expect(RepoTags).toEqual(['team/hello:1']);
    expect(Config.Labels).toEqual({ kind: 'greeting', owner: 'me' });
    expect(RootFS.Layers).toHaveLength(1);
    const listed = (label: string) => docker.listImages({ filters: { label: [label] } });
    expect((await listed('kind=greeting')).map((image) => image.Id)).toEqual([id]);
    expect(await listed('kind=other')).toEqual([]);
    expect((await listed('owner'))[0]?.RepoTags).toEqual(['team/hello:1']);
    expect(await docker.listImages({ all: true })).toHaveLength(3);
  });

  it('gives the same image for the same files, whenever they were written', async () => {
    const first = builtId(await build(docker, hello));
    const entries = Object.entries(hello).map(([name, content]) => ({ name, content, mtime: new Date() }));
    const messages = await build(docker, entries);
    expect(builtId(messages)).toBe(first);
    expect(messages.filter(({ stream }) => stream === ' ---> Using cache\n')).toHaveLength(2);
    const changed = builtId(await build(docker, { ...hello, 'hello.txt': 'changed' }));
    expect(changed).not.toBe(first);
  });

  it('makes a new image of equal layers without its cache', async () => {
    const [first, second] = [
      builtId(await build(docker, hello)),
      builtId(await build(docker, hello, { nocache: true })),
    ];
    expect(second).not.toBe(first);
    const layers = async (id: string) => (await docker.getImage(id).inspect()).RootFS.Layers;
    expect(await layers(second)).toEqual(await layers(first));
  });

  it('takes a compressed context', async () => {
    const tar = await packTar(Object.entries(hello).map(([name, content]) => ({ name, content })));
    const messages = await readMessages(await docker.buildImage(Readable.from([gzipSync(tar)]), {}));
    expect(builtId(messages)).toMatch(/^sha256:/);
  });

  it('says what a command would need', async () => {
    const messages = await build(docker, { Dockerfile: 'FROM scratch\nRUN make all\n' });
    expect(messages.at(-1)?.error).toContain('this builder cannot run commands: RUN make all');
    expect(messages.at(-1)?.['errorDetail']).toEqual({ message: messages.at(-1)?.error });
  });

  it('saves an OCI layout with an index for Docker beside it', async () => {
    const id = builtId(await build(docker, hello, { t: 'hello:1' }));
    const tree = await save('hello:1');
    expect(names(tree).filter((name) => !name.startsWith('blobs/sha256/'))).toEqual([
      'index.json',
      'manifest.json',
      'oci-layout',
    ]);
    const blob = `blobs/sha256/${id.slice(7)}`;
    expect(await readJson(tree, 'manifest.json')).toEqual([
      { Config: blob, RepoTags: ['hello:1'], Layers: [expect.stringMatching(/^blobs\/sha256\/[0-9a-f]{64}$/)] },
    ]);
    expect(await readJson(tree, blob)).toMatchObject({ os: 'linux', rootfs: { type: 'layers' } });
    expect(await readJson(await save(id), 'manifest.json')).toMatchObject([{ RepoTags: null }]);
  });

  it.each(['oci', 'docker-archive'] as const)('loads again what it saved as %s', async (saveFormat) => {
    await restart({ saveFormat });
    const id = builtId(await build(docker, hello, { t: 'hello:1' }));
    const archive = await buffer(Readable.from(await docker.getImage('hello:1').get()));
    await docker.getImage('hello:1').remove();
    expect(await docker.listImages()).toEqual([]);
    const messages = await readMessages(await docker.loadImage(Readable.from([archive])));
    expect(messages).toEqual([{ stream: 'Loaded image: hello:1\n' }]);
    expect((await docker.getImage('hello:1').inspect()).Id).toBe(id);
  });

  it('keeps its images over a restart with the same folder', async () => {
    const id = builtId(await build(docker, hello, { t: 'hello:1' }));
    await restart();
    expect((await docker.getImage('hello:1').inspect()).Id).toBe(id);
    expect(builtId(await build(docker, hello))).toBe(id);
  });

  it('tags, untags, and removes an image with its last tag', async () => {
    const id = builtId(await build(docker, hello, { t: 'hello:1' }));
    await docker.getImage('hello:1').tag({ repo: 'other/name', tag: '2' });
    expect((await docker.getImage(id).inspect()).RepoTags).toEqual(['hello:1', 'other/name:2']);
    expect((await refusal(docker.getImage(id).remove())).status).toBe(409);
    expect(await docker.getImage('other/name:2').remove()).toEqual([{ Untagged: 'other/name:2' }]);
    const removed: unknown = await docker.getImage('hello:1').remove();
    expect(removed).toEqual([{ Untagged: 'hello:1' }, { Deleted: id }, { Deleted: expect.stringMatching(/^sha256:/) }]);
    expect((await refusal(docker.getImage(id).inspect())).status).toBe(404);
    expect(await docker.listImages({ all: true })).toEqual([]);
  });

  it('builds on an image it has, and keeps it as long as another is built on it', async () => {
    const base = builtId(await build(docker, hello, { t: 'base:1' }));
    await build(docker, { Dockerfile: 'FROM base:1\nENV A=1\n' }, { t: 'child:1' });
    expect((await refusal(docker.getImage(base).remove())).status).toBe(409);
    expect(await docker.getImage('base:1').remove()).toEqual([{ Untagged: 'base:1' }]);
    expect((await docker.getImage('child:1').inspect()).Parent).toBe(base);
  });

  it('pulls what was published, and reaches no registry for anything else', async () => {
    await build(docker, hello, { t: 'hello:1' });
    const pull = async (name: string) => readMessages(await docker.pull(name));
    expect(await refusal(pull('hello:1'))).toEqual({
      status: 500,
      message: 'Get "https://docker.io/v2/": dial tcp: lookup docker.io: no such host',
    });
    box.images.publish('hello:1', 'registry.example:5000/team/hello:1');
    const messages = await pull('registry.example:5000/team/hello:1');
    expect(messages.map(({ status }) => status)).toContainEqual(expect.stringMatching(/^Digest: sha256:[0-9a-f]{64}$/));
    await build(docker, { Dockerfile: 'FROM registry.example:5000/team/hello:1\nENV A=1\n' }, { pull: true });
    const failed = await build(docker, { Dockerfile: 'FROM nowhere.example/x:1\nENV A=1\n' });
    expect(failed.at(-1)?.error).toContain('lookup nowhere.example: no such host');
  });

  it('loads archives into the box, which can then be pulled', async () => {
    await build(docker, hello, { t: 'hello:1' });
    const archive = join(folder, 'hello.tar');
    await writeFile(archive, await buffer(Readable.from(await docker.getImage('hello:1').get())));
    await docker.getImage('hello:1').remove();
    const [id] = await box.images.load(archive);
    await docker.getImage('hello:1').tag({ repo: 'kept', tag: '1' });
    await readMessages(await docker.pull('hello:1'));
    expect((await docker.getImage('hello:1').inspect()).Id).toBe(id);
  });

  it('leaves nothing half done behind when a context is cut off or is none', async () => {
    const sent = refusal(docker.buildImage(Readable.from([Buffer.alloc(1000, 'x')]), {}));
    expect((await sent).status).toBeGreaterThanOrEqual(400);
    await expect(readFile(join(folder, 'data/tmp'))).rejects.toThrow('EISDIR');
    expect(await docker.listImages({ all: true })).toEqual([]);
  });
});
