import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packTar, type EntryFixture } from './archive-fixture.ts';
import { indexTar, type TarMember } from './tar-index.ts';

describe('indexTar', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tar-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function index(tar: Uint8Array): Map<string, TarMember> {
    const path = join(folder, 'a.tar');
    writeFileSync(path, tar);
    const fd = openSync(path, 'r');
    try {
      return indexTar(fd, statSync(path).size);
    } finally {
      closeSync(fd);
    }
  }

  it('finds the content of every file, however long its name', async () => {
    const entries: EntryFixture[] = [
      { name: 'folder/', type: 'directory' },
      { name: 'oci-layout', content: '{}' },
      { name: `prefix/${'p'.repeat(90)}/${'n'.repeat(90)}`, content: 'in the prefix field' },
      { name: `${'long/'.repeat(80)}name`, content: 'in an extended header' },
      { name: 'empty', content: '' },
      { name: 'last', content: 'x'.repeat(2000) },
    ];
    const tar = await packTar(entries);
    const members = index(tar);
    const files = entries.filter(({ type }) => type !== 'directory');
    expect([...members.keys()]).toEqual(files.map(({ name }) => name));
    const archive = readFileSync(join(folder, 'a.tar'));
    for (const { name, content } of files) {
      const { offset, size } = members.get(name) ?? { offset: 0, size: -1 };
      expect(archive.toString('utf8', offset, offset + size)).toBe(content);
    }
  });

  it('refuses what is not a tar archive', () => {
    expect(() => index(Buffer.alloc(1024, 'x'))).toThrow('not an uncompressed tar');
  });

  it('finds nothing in an empty archive', () => {
    expect(index(Buffer.alloc(1024)).size).toBe(0);
    expect(index(Buffer.alloc(0)).size).toBe(0);
  });
});
