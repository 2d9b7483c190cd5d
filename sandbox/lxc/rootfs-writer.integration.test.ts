import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { writeImage, type EntryFixture } from './archive-fixture.ts';
import { unpackRootfs } from './unpack-rootfs.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('Tests of layers are skipped: only root may give files to the ids of containers.');

describe.skipIf(!isRoot)('RootfsWriter', () => {
  let folder: string;
  let rootfs: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unpack-'));
    rootfs = join(folder, 'rootfs');
    await mkdir(rootfs);
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Unpacks layers given by their entries, lowest first. */
  async function unpackLayers(...layers: EntryFixture[][]): Promise<void> {
    const path = join(folder, 'image.tar');
    await writeImage(path, { layers: layers.map((entries) => ({ entries })) });
    await unpackRootfs({ path, format: 'oci' }, rootfs);
  }

  const read = (name: string) => readFile(join(rootfs, name), 'utf8');

  it('moves owners to the ids of the container and keeps modes, setuid bits and times', async () => {
    const mtime = new Date(1_600_000_000_000);
    await unpackLayers([
      { name: './', type: 'directory', mode: 0o711, uid: 1, gid: 2 },
      { name: 'home/', type: 'directory', mode: 0o1770, uid: 1000, gid: 1001 },
      { name: 'bin/su', mode: 0o4755, content: 'x', mtime },
      { name: 'bin/locked', mode: 0o400, uid: 65_535, gid: 65_535, content: 'y' },
      { name: 'bin/link', type: 'symlink', linkname: 'su', uid: 7, gid: 8 },
    ]);
    expect(await stat(rootfs)).toMatchObject({ mode: 0o40711, uid: 100_001, gid: 100_002 });
    expect(await stat(join(rootfs, 'home'))).toMatchObject({ mode: 0o41770, uid: 101_000, gid: 101_001 });
    expect(await stat(join(rootfs, 'bin/su'))).toMatchObject({ mode: 0o104755, uid: 100_000, mtime });
    expect(await stat(join(rootfs, 'bin/locked'))).toMatchObject({ mode: 0o100400, uid: 165_535, gid: 165_535 });
    expect(await lstat(join(rootfs, 'bin/link'))).toMatchObject({ uid: 100_007, gid: 100_008 });
    expect(await stat(join(rootfs, 'bin'))).toMatchObject({ mode: 0o40755, uid: 100_000 });
  });

  it('keeps hard links one file and symbolic links as they are written', async () => {
    await unpackLayers([
      { name: 'a', content: 'one' },
      { name: 'sub/b', type: 'link', linkname: 'a' },
      { name: 'away', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'up', type: 'symlink', linkname: '../../../x' },
    ]);
    expect((await stat(join(rootfs, 'a'))).ino).toBe((await stat(join(rootfs, 'sub/b'))).ino);
    expect(await readlink(join(rootfs, 'away'))).toBe('/etc/passwd');
    expect(await readlink(join(rootfs, 'up'))).toBe('../../../x');
  });

  it('removes what a whiteout names, and only of lower layers', async () => {
    await unpackLayers(
      [
        { name: 'etc/gone', content: '1' },
        { name: 'etc/kept', content: '1' },
        { name: 'opt/tree/deep/file', content: '1' },
      ],
      [
        { name: 'etc/new', content: '2' },
        { name: 'etc/.wh.gone', content: '' },
        { name: 'etc/.wh.new', content: '' },
        { name: 'opt/.wh.tree', content: '' },
        { name: 'etc/.wh.never-there', content: '' },
        { name: 'etc/.wh..', content: '' },
        { name: 'etc/.wh...', content: '' },
        { name: '.wh..wh.plnk/x', content: '' },
      ],
    );
    expect((await readdir(join(rootfs, 'etc'))).sort()).toEqual(['kept', 'new']);
    expect(await readdir(join(rootfs, 'opt'))).toEqual([]);
  });

  it('empties an opaque folder of lower layers, wherever the mark stands among its entries', async () => {
    await unpackLayers(
      [
        { name: 'data/old', content: '1' },
        { name: 'data/both', content: '1' },
        { name: 'data/sub/old', content: '1' },
      ],
      [
        { name: 'data/', type: 'directory', mode: 0o755 },
        { name: 'data/both', content: '2' },
        { name: 'data/sub/new', content: '2' },
        { name: 'data/.wh..wh..opq', content: '' },
        { name: 'data/late', content: '2' },
      ],
    );
    expect((await readdir(join(rootfs, 'data'))).sort()).toEqual(['both', 'late', 'sub']);
    expect(await readdir(join(rootfs, 'data/sub'))).toEqual(['new']);
    expect(await read('data/both')).toBe('2');
  });

  it('lets a later layer replace an entry by one of another type', async () => {
    await unpackLayers(
      [
        { name: 'to-file/inner', content: '1' },
        { name: 'to-folder', content: '1' },
        { name: 'to-link/inner', content: '1' },
        { name: 'link', type: 'symlink', linkname: 'to-folder' },
        { name: 'original', content: '1' },
        { name: 'second', type: 'link', linkname: 'original' },
        { name: 'kept/inner', content: '1' },
      ],
      [
        { name: 'to-file', content: '2' },
        { name: 'to-folder/', type: 'directory', mode: 0o755 },
        { name: 'to-link', type: 'symlink', linkname: 'elsewhere' },
        { name: 'link', content: '2' },
        { name: 'second', content: '2' },
        { name: 'kept/', type: 'directory', mode: 0o700 },
      ],
    );
    expect(await read('to-file')).toBe('2');
    expect((await stat(join(rootfs, 'to-folder'))).isDirectory()).toBe(true);
    expect(await readlink(join(rootfs, 'to-link'))).toBe('elsewhere');
    expect((await lstat(join(rootfs, 'link'))).isFile()).toBe(true);
    expect([await read('original'), await read('second')]).toEqual(['1', '2']);
    expect(await readdir(join(rootfs, 'kept'))).toEqual(['inner']);
    expect((await stat(join(rootfs, 'kept'))).mode & 0o777).toBe(0o700);
  });

  it('follows symbolic links among the parents as the guest would, never outside', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await unpackLayers([
      { name: 'usr/bin/', type: 'directory', mode: 0o755 },
      { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
      { name: 'bin/tool', content: 'tool' },
      { name: 'abs', type: 'symlink', linkname: outside },
      { name: 'abs/one', content: 'escaped' },
      { name: 'up', type: 'symlink', linkname: '../../../../../..' },
      { name: `up${outside}/two`, content: 'escaped' },
      { name: 'chain', type: 'symlink', linkname: 'abs/../..' },
      { name: `chain/tmp/three`, content: 'inside' },
      { name: `up/four`, type: 'link', linkname: 'up/bin/tool' },
    ]);
    expect(await read('usr/bin/tool')).toBe('tool');
    expect(await readdir(outside)).toEqual([]);
    expect(await readFile(join(rootfs, outside, 'one'), 'utf8')).toBe('escaped');
    expect(await readFile(join(rootfs, outside, 'two'), 'utf8')).toBe('escaped');
    expect(await read('four')).toBe('tool');
    expect((await readdir(folder)).sort()).toEqual(['image.tar', 'outside', 'rootfs']);
  });

  it('takes an absolute name from the root', async () => {
    const name = join(folder, 'absolute');
    await unpackLayers([{ name, content: 'x' }]);
    expect(existsSync(name)).toBe(false);
    expect(await readFile(join(rootfs, name), 'utf8')).toBe('x');
  });

  it('never removes anything outside, even when a whiteout leads there', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'precious'), 'x');
    await unpackLayers(
      [{ name: 'link', type: 'symlink', linkname: outside }],
      [
        { name: 'link/.wh.precious', content: '' },
        { name: 'link/.wh..wh..opq', content: '' },
      ],
    );
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it.each<[string, EntryFixture[], string]>([
    ['a name with two dots', [{ name: 'a/../../escape', content: 'x' }], 'leads out of the root'],
    [
      'a hard link out of the root',
      [{ name: 'x', type: 'link', linkname: '../../etc/passwd' }],
      'leads out of the root',
    ],
    ['a hard link to nothing', [{ name: 'x', type: 'link', linkname: '/etc/passwd' }], 'no file in it'],
    [
      'links in a circle',
      [
        { name: 'a', type: 'symlink', linkname: 'b' },
        { name: 'b', type: 'symlink', linkname: 'a' },
        { name: 'a/x', content: 'x' },
      ],
      'circle',
    ],
    [
      'an entry below a file',
      [
        { name: 'a', content: 'x' },
        { name: 'a/b', content: 'x' },
      ],
      'below the file',
    ],
    ['an owner that no container has', [{ name: 'a', uid: 65_536, content: 'x' }], 'ids 0 to 65535'],
    ['an owner written in an extended header', [{ name: 'a', content: 'x', pax: { gid: '3000000000' } }], '3000000000'],
  ])('refuses %s', async (_, entries, words) => {
    const unpacked = unpackLayers(entries);
    await expect(unpacked).rejects.toThrow(EngineError);
    await expect(unpacked).rejects.toThrow(words);
  });

  it('leaves out device nodes and pipes', async () => {
    await unpackLayers([
      { name: 'sda', type: 'block-device', devmajor: 8, devminor: 0 },
      { name: 'mem', type: 'character-device', devmajor: 1, devminor: 1 },
      { name: 'pipe', type: 'fifo' },
      { name: 'file', content: 'x' },
    ]);
    expect(await readdir(rootfs)).toEqual(['file']);
  });

  it('keeps names longer than a tar header holds, and names in UTF-8', async () => {
    const long = `${'deep/'.repeat(60)}${'x'.repeat(120)}`;
    await unpackLayers([
      { name: long, content: 'long' },
      { name: 'grüße/日本', content: 'utf8' },
    ]);
    expect(await read(long)).toBe('long');
    expect(await read('grüße/日本')).toBe('utf8');
  });
});
