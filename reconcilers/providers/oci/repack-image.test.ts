import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeFakeImage, saveFakeImage } from '../docker/fake-image.ts';
import { repackImage, type RepackedImage } from './repack-image.ts';
import { ImageConfig, ImageIndex } from './schema.ts';
import {
  digestOf,
  makeFolder,
  makeTar,
  readArchive,
  readTar,
  TestLayout,
  type TestEntry,
  type TestFolder,
  type TestLayer,
} from './testing.ts';

const { signal } = new AbortController();
const init = { bytes: Buffer.from('supervisor') };
const configKey = Buffer.alloc(32, 7);
const Layers = z.object({
  config: z.object({ mediaType: z.string(), digest: z.string() }),
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string(), size: z.number() })),
});

let folder: TestFolder;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const repack = (save: Readable, key = configKey): Promise<RepackedImage> =>
  repackImage({ save, workDir: folder.path, init, configKey: key, architecture: 'amd64' }, signal);

async function layer(...entries: TestEntry[]): Promise<TestLayer> {
  const blob = await makeTar(entries);
  return { blob, diffId: digestOf(blob) };
}

/** The archive as Proxmox would read it. */
async function look(path: string) {
  const members = await readArchive(path);
  const json = (name: string): unknown => JSON.parse(members.get(name)?.toString('utf8') ?? 'null');
  const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
  const [descriptor] = ImageIndex.parse(json('index.json')).manifests;
  const manifest = Layers.parse(json(blob(descriptor?.digest ?? '')));
  const config = ImageConfig.parse(json(blob(manifest.config.digest)));
  return {
    members,
    descriptor,
    manifest,
    config,
    blobOf: (digest: string) => members.get(blob(digest)) ?? Buffer.of(),
  };
}

describe('repackImage', () => {
  it('makes an OCI layout of one manifest, every blob of which is what its name says', async () => {
    const image = await makeFakeImage({ '/bin/app': 'app' }, {}, 'amd64', new Date());
    const repacked = await repack(saveFakeImage(image));
    const { members, descriptor, manifest, config } = await look(repacked.path);

    expect([...members.keys()].slice(0, 2)).toEqual(['oci-layout', 'index.json']);
    expect(descriptor?.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(manifest.layers).toHaveLength(2);
    expect(config.rootfs.diff_ids).toEqual(manifest.layers.map(({ digest }) => digest));
    for (const [name, bytes] of members) {
      if (name.startsWith('blobs/')) expect(`blobs/${digestOf(bytes).replace(':', '/')}`).toBe(name);
    }
    const archive = await readFile(repacked.path);
    expect(repacked).toMatchObject({ digest: digestOf(archive), sizeBytes: archive.length, imageDigest: image.id });
  });

  it('puts the supervisor on top and makes it the entrypoint', async () => {
    const image = await makeFakeImage({ '/bin/app': 'app' }, { entrypoint: ['/bin/app'] }, 'amd64', new Date());
    const repacked = await repack(saveFakeImage(image));
    const { manifest, members, blobOf } = await look(repacked.path);
    const top = await readTar(blobOf(manifest.layers.at(-1)?.digest ?? ''));
    expect(top.map(({ header: { name, type, mode, uid, gid } }) => ({ name, type, mode, uid, gid }))).toEqual([
      { name: '.containr', type: 'directory', mode: 0o755, uid: 0, gid: 0 },
      { name: '.containr/init', type: 'file', mode: 0o755, uid: 0, gid: 0 },
      { name: '.containr/key', type: 'file', mode: 0o400, uid: 0, gid: 0 },
      { name: '.containr/log', type: 'directory', mode: 0o700, uid: 0, gid: 0 },
    ]);
    expect(top[1]?.bytes).toEqual(init.bytes);
    expect(top[2]?.bytes.toString()).toBe(`${configKey.toString('hex')}\n`);
    expect(repacked.supervisor).toBe(3);
    expect(members.get(`blobs/${manifest.config.digest.replace(':', '/')}`)?.toString()).toContain(
      '"config":{"Entrypoint":["/.containr/init"]}',
    );
  });

  it('answers what the image wanted to run, and leaves nothing of it in the archive', async () => {
    const process = {
      entrypoint: ['/bin/app', 'a b'],
      cmd: ['--x'],
      env: ['A=1\n2', 'B="ü"'],
      workingDir: '/srv',
      user: 'app:staff',
      stopSignal: 'SIGINT',
    };
    const image = await makeFakeImage(
      {},
      { ...process, exposedPorts: ['443/tcp', '53/udp', '80-90/tcp'] },
      'amd64',
      new Date(),
    );
    const repacked = await repack(saveFakeImage(image));
    expect(repacked.process).toEqual({
      command: ['/bin/app', 'a b', '--x'],
      env: process.env,
      workingDir: '/srv',
      user: 'app:staff',
      stopSignal: 'SIGINT',
    });
    expect(repacked.exposedPorts).toEqual(['443/tcp', '53/udp']);
    const { config } = await look(repacked.path);
    expect(config.config).toMatchObject({ Env: [], Cmd: [], User: '', WorkingDir: '', StopSignal: '' });
    expect(config.config.ExposedPorts).toEqual(['443/tcp', '53/udp']);
  });

  it('gives the same bytes for the same image, however it was saved', async () => {
    const one = await layer({ name: 'a', text: '1' });
    const two = await layer({ name: 'b', text: '2' });
    const first = new TestLayout();
    const second = new TestLayout();
    const other = second.addImage([one], {}, 'arm64');
    const a = await repack(await first.save([first.addImage([one, two])]));
    const b = await repack(
      await second.save([other, second.addImage([one, two])], [{ name: 'manifest.json', text: '[]' }]),
    );
    expect(b.digest).toBe(a.digest);
  });

  it("gives other bytes for another key, so that installations which share a storage do not take each other's", async () => {
    const image = await makeFakeImage({ '/bin/app': 'app' }, {}, 'amd64', new Date());
    const [ours, theirs] = [
      await repack(saveFakeImage(image)),
      await repack(saveFakeImage(image), Buffer.alloc(32, 8)),
    ];
    expect(theirs.digest).not.toBe(ours.digest);
    expect(theirs.imageDigest).toBe(ours.imageDigest);
  });

  it('finds the one platform in nested indexes, passing over attestations', async () => {
    const layout = new TestLayout();
    const tar = await makeTar([{ name: 'a', text: '1' }]);
    const gzip = { blob: gzipSync(tar), diffId: digestOf(tar) };
    const attestation = {
      ...layout.addImage([], {}, 'unknown'),
      platform: { architecture: 'unknown', os: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const arm = { ...layout.addImage([gzip], {}, 'arm64', 'docker'), platform: { architecture: 'arm64', os: 'linux' } };
    const amd = { ...layout.addImage([gzip], {}, 'amd64', 'docker'), platform: { architecture: 'amd64', os: 'linux' } };
    const nested = layout.add('application/vnd.oci.image.index.v1+json', { manifests: [attestation, arm, amd] });

    const repacked = await repack(await layout.save([nested]));
    const { manifest, config, blobOf } = await look(repacked.path);
    expect(repacked.imageDigest).toBe(amd.digest);
    expect(config.architecture).toBe('amd64');
    expect(manifest.layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip');
    expect(gunzipSync(blobOf(manifest.layers[0]?.digest ?? '')).equals(tar)).toBe(true);
    expect(config.rootfs.diff_ids[0]).toBe(digestOf(tar));
  });

  it('keeps layers compressed with zstd', async () => {
    const layout = new TestLayout();
    const tar = await makeTar([{ name: 'a', text: '1' }]);
    const image = layout.addImage([{ blob: zstdCompressSync(tar), diffId: digestOf(tar) }]);
    const { manifest } = await look((await repack(await layout.save([image]))).path);
    expect(manifest.layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
  });

  it('stores a layer that occurs twice once, also where the other is a link', async () => {
    const image = await makeFakeImage({ a: '1' }, {}, 'amd64', new Date());
    const twice = image.config.replace(/"diff_ids":\[("[^"]+")\]/, '"diff_ids":[$1,$1]');
    const archive = pack();
    archive.entry({ name: 'x.json' }, twice);
    archive.entry({ name: '1/layer.tar' }, image.layer);
    archive.entry({ name: '2/layer.tar', type: 'symlink', linkname: '../1/layer.tar' });
    archive.entry(
      { name: 'manifest.json' },
      JSON.stringify([{ Config: 'x.json', Layers: ['1/layer.tar', '2/layer.tar'] }]),
    );
    archive.finalize();
    const { members, manifest } = await look((await repack(Readable.from(archive))).path);
    expect(manifest.layers).toHaveLength(3);
    expect([...members.keys()].filter((name) => name.startsWith('blobs/'))).toHaveLength(4);
  });

  it('leaves out device nodes, and links to them', async () => {
    const layout = new TestLayout();
    const device = { name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3, uid: 99_999 } as const;
    const image = layout.addImage([
      await layer(
        { name: 'a', text: '1' },
        device,
        { name: 'dev/zero', type: 'link', linkname: 'dev/null' },
        { name: 'b', text: '2' },
      ),
    ]);
    const { manifest, config, blobOf } = await look((await repack(await layout.save([image]))).path);
    const kept = blobOf(manifest.layers[0]?.digest ?? '');
    expect((await readTar(kept)).map(({ header }) => header.name)).toEqual(['a', 'b']);
    expect(config.rootfs.diff_ids[0]).toBe(digestOf(kept));
  });

  it.each<[string, TestEntry, RegExp]>([
    ['a user that no guest has', { name: './srv/file', text: '', uid: 70_000 }, /\/srv\/file belongs to 70000:0/],
    ['a group that no guest has', { name: 'srv/file', text: '', gid: 65_536 }, /\/srv\/file belongs to 0:65536/],
    ['something where the supervisor belongs', { name: '/.containr/init', text: '' }, /\/\.containr\/init/],
    ['a link where the supervisor belongs', { name: '.containr', type: 'symlink', linkname: '/etc' }, /\/\.containr,/],
  ])('refuses %s, naming the file', async (_, entry, message) => {
    const layout = new TestLayout();
    const save = await layout.save([layout.addImage([await layer({ name: 'a', text: '1' }, entry)])]);
    const refused = repack(save);
    await expect(refused).rejects.toMatchObject({ code: 'Invalid' });
    await expect(refused).rejects.toThrow(message);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('refuses an image that is not there for the architecture', async () => {
    const layout = new TestLayout();
    const image = layout.addImage([await layer({ name: 'a', text: '1' })], {}, 'arm64');
    await expect(repack(await layout.save([image]))).rejects.toThrow(/linux\/arm64.*linux\/amd64/);
    await expect(repack(await layout.save([]))).rejects.toThrow(/not there for linux\/amd64/);
  });

  it.each<[string, (layout: TestLayout, layer: TestLayer) => void]>([
    ['a layer is missing', (layout, { diffId }) => layout.forget(diffId)],
    ['a layer has other content', (layout, { diffId }) => layout.replace(diffId, Buffer.alloc(1024))],
  ])('says that the archive is damaged when %s', async (_, damage) => {
    const layout = new TestLayout();
    const only = await layer({ name: 'a', text: '1' });
    const image = layout.addImage([only]);
    damage(layout, only);
    await expect(repack(await layout.save([image]))).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('refuses a layer that cannot be decompressed', async () => {
    const layout = new TestLayout();
    const { blob, diffId } = await layer({ name: 'a', text: 'x'.repeat(5000) });
    const cut = gzipSync(blob).subarray(0, 40);
    await expect(repack(await layout.save([layout.addImage([{ blob: cut, diffId }])]))).rejects.toMatchObject({
      code: 'Invalid',
    });
  });

  it('leaves no file open when it refuses an image', async () => {
    const open = async () => (await readdir('/proc/self/fd').catch(() => [])).length;
    const bad = await layer({ name: 'bad', text: '', uid: 70_000 }, { name: 'big', text: 'x'.repeat(2_000_000) });
    const refuse = async () => {
      const layout = new TestLayout();
      await repack(await layout.save([layout.addImage([bad])])).catch(() => undefined);
    };
    await refuse();
    const before = await open();
    for (let time = 0; time < 5; time += 1) await refuse();
    expect(await open()).toBeLessThan(before + 5);
  });

  it('says that the archive is damaged when it ends too early, or is no tar', async () => {
    const image = await makeFakeImage({ a: 'x'.repeat(5000) }, {}, 'amd64', new Date());
    const whole = await saveFakeImage(image).toArray().then(Buffer.concat);
    for (const bytes of [whole.subarray(0, 4000), Buffer.alloc(4096, 'x')]) {
      await expect(repack(Readable.from([bytes]))).rejects.toMatchObject({ code: 'Unavailable' });
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('writes nothing outside its folder, whatever the members are called', async () => {
    const layout = new TestLayout();
    const image = layout.addImage([await layer({ name: 'a', text: '1' })]);
    await repack(
      await layout.save(
        [image],
        [
          { name: '../../escaped', text: 'x' },
          { name: '/escaped', text: 'x' },
        ],
      ),
    );
    expect(await readdir(join(folder.path))).toEqual(['archive.tar']);
    expect((await readdir(join(folder.path, '..'))).includes('escaped')).toBe(false);
  });

  it('stops when it is told to, and leaves nothing', async () => {
    const stop = new AbortController();
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          yield Buffer.alloc(512);
          stop.abort(new Error('stop'));
        }
      })(),
    );
    const stopped = repackImage(
      { save: endless, workDir: folder.path, init, configKey, architecture: 'amd64' },
      stop.signal,
    );
    await expect(stopped).rejects.toThrow('stop');
    expect(await readdir(folder.path)).toEqual([]);
  });
});
