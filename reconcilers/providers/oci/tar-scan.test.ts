import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { scanTar, type TarEntry } from './tar-scan.ts';
import { makeFolder, makeTar } from './testing.ts';

const run = promisify(execFile);

/** In pieces as a stream may bring them. */
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function scan(bytes: Buffer, keeps: (entry: TarEntry) => boolean = () => true, size = 1000) {
  const entries: TarEntry[] = [];
  const passed = await buffer(
    Readable.from(
      scanTar(inPieces(bytes, size), (entry) => {
        entries.push(entry);
        return keeps(entry);
      }),
    ),
  );
  return { entries, passed };
}

describe('scanTar', () => {
  it.each([1, 511, 512, 513, 100_000])('passes everything on unchanged, read %d bytes at a time', async (size) => {
    const tar = await makeTar([
      { name: 'a', text: 'x'.repeat(1000) },
      { name: 'folder', type: 'directory', mode: 0o755 },
      { name: `long/${'n'.repeat(300)}`, text: 'ü' },
      { name: 'link', type: 'symlink', linkname: '../a' },
    ]);
    const { entries, passed } = await scan(tar, () => true, size);
    expect(passed.equals(tar)).toBe(true);
    expect(entries.map(({ name }) => name)).toEqual(['a', 'folder', `long/${'n'.repeat(300)}`, 'link']);
  });

  it('leaves out what is not kept, with the headers that belong to it', async () => {
    const kept = [
      { name: 'a', text: 'one' },
      { name: 'c', text: 'three' },
    ];
    const long = { name: `b/${'n'.repeat(300)}`, text: 'two' };
    const [first, last] = kept;
    if (!first || !last) throw new Error('unreachable');
    const { passed } = await scan(await makeTar([first, long, last]), ({ name }) => !name.startsWith('b/'));
    expect(passed.equals(await makeTar(kept))).toBe(true);
  });

  it.each(['v7', 'ustar', 'oldgnu', 'gnu', 'pax'])('reads what GNU tar writes in the format %s', async (format) => {
    await using folder = await makeFolder();
    const source = join(folder.path, 'source');
    await mkdir(join(source, 'sub'), { recursive: true });
    await writeFile(join(source, 'sub', 'file'), 'hello');
    await symlink('sub/file', join(source, 'link'));
    const longName = format === 'v7' || format === 'ustar' ? 'name' : 'n'.repeat(150);
    await writeFile(join(source, longName), 'long');
    await writeFile(join(source, 'sparse'), 'start');
    await truncate(join(source, 'sparse'), 1_000_000);
    const sparse = format === 'v7' || format === 'ustar' ? [] : ['--sparse'];
    const path = join(folder.path, 'a.tar');
    await run('tar', [
      `--format=${format}`,
      ...sparse,
      '--owner=70000',
      '--group=5',
      '--sort=name',
      '-cf',
      path,
      '-C',
      source,
      '.',
    ]);
    const tar = await readFile(path);
    const { entries, passed } = await scan(tar);
    expect(entries.map(({ name }) => name).filter((name) => !name.startsWith('GNUSparseFile'))).toEqual(
      expect.arrayContaining(['', 'link', longName, 'sub', 'sub/file']),
    );
    expect(entries.every(({ uid, gid }) => uid === 70_000 && gid === 5)).toBe(true);
    expect(passed.equals(tar)).toBe(true);
  });

  it('refuses what is no tar, or ends too early', async () => {
    await expect(scan(Buffer.alloc(2048, 'x'))).rejects.toMatchObject({ code: 'Invalid' });
    const tar = await makeTar([{ name: 'a', text: 'x'.repeat(5000) }]);
    await expect(scan(tar.subarray(0, 3000))).rejects.toMatchObject({ code: 'Invalid' });
    await expect(scan(tar.subarray(0, 600))).rejects.toMatchObject({ code: 'Invalid' });
  });
});
