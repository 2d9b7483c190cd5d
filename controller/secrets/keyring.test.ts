import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addKey, openKeyring } from './keyring.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containr-keyring-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('openKeyring', () => {
  it('makes keys that only their owner can read, and leaves nothing else behind', async () => {
    const keyring = await openKeyring(join(folder, 'data'));
    expect(keyring.created).toBe(true);
    expect(await readdir(join(folder, 'data'))).toEqual(['keys.json']);
    expect((await stat(join(folder, 'data/keys.json'))).mode & 0o777).toBe(0o600);
  });

  it('reads the same keys at the next start', async () => {
    const first = await openKeyring(folder);
    const second = await openKeyring(folder);
    expect(second.created).toBe(false);
    expect(second.keys).toEqual(first.keys);
    expect(second.derive('a')).toEqual(first.derive('a'));
  });

  it('gives everybody the same keys when several start at once', async () => {
    const rings = await Promise.all(Array.from({ length: 8 }, () => openKeyring(folder)));
    expect(rings.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(rings.map(({ keys }) => keys[0]?.id)).size).toBe(1);
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  it('derives another key for each purpose', async () => {
    const { derive, keys } = await openKeyring(folder);
    expect(derive('a')).not.toEqual(derive('b'));
    expect(derive('a')).not.toEqual(keys[0]?.key);
  });

  it('refuses keys that others may read', async () => {
    await openKeyring(folder);
    await chmod(join(folder, 'keys.json'), 0o644);
    await expect(openKeyring(folder)).rejects.toMatchObject({
      code: 'Denied',
      message: expect.stringContaining('chmod 600'),
    });
  });

  it('refuses a damaged file without quoting it, and does not replace it', async () => {
    await writeFile(join(folder, 'keys.json'), '{"root": "something private"', { mode: 0o600 });
    await expect(openKeyring(folder)).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.not.stringContaining('private'),
    });
    expect(await readFile(join(folder, 'keys.json'), 'utf8')).toContain('private');
  });
});

describe('addKey', () => {
  it('puts a new key last and keeps what is derived', async () => {
    const before = await openKeyring(folder);
    const after = await addKey(folder);
    expect(after.keys.slice(0, 1)).toEqual(before.keys);
    expect(after.keys).toHaveLength(2);
    expect(after.derive('a')).toEqual(before.derive('a'));
    expect((await openKeyring(folder)).keys).toEqual(after.keys);
  });

  it('says so when there are no keys yet', async () => {
    await expect(addKey(folder)).rejects.toMatchObject({ code: 'NotFound' });
  });
});
