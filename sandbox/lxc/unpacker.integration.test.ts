import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { packTar, writeImage, type ImageFixture } from './archive-fixture.ts';
import { Unpacker } from './unpacker.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('Tests of unpacking are skipped: only root may give files to the ids of containers.');

describe.skipIf(!isRoot)('Unpacker', () => {
  const unpacker = new Unpacker();
  afterAll(() => unpacker.close());
  let folder: string;
  let rootfs: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unpack-'));
    rootfs = join(folder, 'rootfs');
    await mkdir(rootfs);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function unpack(image: ImageFixture): Promise<void> {
    const path = join(folder, 'image.tar');
    await writeImage(path, image);
    await unpacker.unpack({ path, format: 'oci' }, rootfs);
  }

  it.each(['none', 'gzip', 'zstd'] as const)('reads layers with compression %s', async (compression) => {
    const content = 'line\n'.repeat(100_000);
    await unpack({ layers: [{ compression, entries: [{ name: 'etc/file', content }] }] });
    expect(await readFile(join(rootfs, 'etc/file'), 'utf8')).toBe(content);
  });

  it('unpacks several archives at once, and one after a broken one', async () => {
    const path = join(folder, 'image.tar');
    await writeImage(path, { layers: [{ entries: [{ name: 'a', content: 'x' }] }] });
    const places = ['1', '2', '3'].map((name) => join(folder, name));
    await Promise.all(places.map((place) => mkdir(place)));
    await Promise.all(places.map((place) => unpacker.unpack({ path, format: 'oci' }, place)));
    await expect(unpacker.unpack({ path: '/nonsense', format: 'plain' }, rootfs)).rejects.toThrow(EngineError);
    await unpacker.unpack({ path, format: 'oci' }, rootfs);
    for (const place of [...places, rootfs]) expect(await readdir(place)).toEqual(['a']);
  });

  it('gives up what it unpacks when it is closed', async () => {
    const closing = new Unpacker();
    const path = join(folder, 'image.tar');
    await writeImage(path, { layers: [{ entries: [{ name: 'a', content: 'x' }] }] });
    const unpacked = expect(closing.unpack({ path, format: 'oci' }, rootfs)).rejects.toThrow('the sandbox stops');
    await closing.close();
    await unpacked;
  });

  it.each<[string, Partial<ImageFixture>, string]>([
    ['an image index in place of a manifest', { manifestType: 'application/vnd.oci.image.index.v1+json' }, 'CPU'],
    [
      "Docker's own layer types",
      { layerType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
      'Wrong media type',
    ],
    ['a layer that is not what the image says', { diffIds: [`sha256:${'0'.repeat(64)}`] }, 'damaged'],
    ['layers the configuration does not know', { diffIds: [] }, '1 layers, but 0'],
    [
      'a layer that is not compressed as it says',
      { layerType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
      'unpack',
    ],
  ])('refuses %s', async (_, changes, words) => {
    const image = unpack({ layers: [{ entries: [{ name: 'a', content: 'x' }] }], ...changes });
    await expect(image).rejects.toThrow(words);
  });

  it('refuses what is no archive, one that is cut off, and one that is not there', async () => {
    const path = join(folder, 'image.tar');
    await writeFile(path, 'nonsense '.repeat(200));
    await expect(unpacker.unpack({ path, format: 'oci' }, rootfs)).rejects.toThrow('not an uncompressed tar');
    await writeImage(path, { layers: [{ entries: [{ name: 'a', content: 'x'.repeat(100_000) }] }] });
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, whole.byteLength / 2));
    await expect(unpacker.unpack({ path, format: 'oci' }, rootfs)).rejects.toThrow(EngineError);
    await expect(unpacker.unpack({ path: join(folder, 'no'), format: 'oci' }, rootfs)).rejects.toThrow('no such file');
  });

  it('refuses a root file system that is not empty', async () => {
    await writeFile(join(rootfs, 'there'), '');
    await expect(unpack({ layers: [] })).rejects.toThrow('not empty');
  });

  it.each<[string, (tar: Uint8Array) => Uint8Array]>([
    ['as it is', (tar) => tar],
    ['with gzip', (tar) => gzipSync(tar)],
    ['with zstd', (tar) => zstdCompressSync(tar)],
  ])('unpacks a plain archive %s, where a whiteout is a name like others', async (_, compress) => {
    const path = join(folder, 'plain.tar');
    const tar = await packTar([
      { name: './etc/hostname', content: 'x', uid: 5 },
      { name: './etc/.wh.hostname', content: '' },
    ]);
    await writeFile(path, compress(tar));
    await unpacker.unpack({ path, format: 'plain' }, rootfs);
    expect((await readdir(join(rootfs, 'etc'))).sort()).toEqual(['.wh.hostname', 'hostname']);
    expect(await stat(join(rootfs, 'etc/hostname'))).toMatchObject({ uid: 100_005 });
  });
});
