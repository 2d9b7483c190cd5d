import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../controller/clock.ts';
import type { Artifact } from './artifact.ts';
import { createArtifactStore, type ArtifactStore } from './artifact-store.ts';
import { createFakeArtifactStore } from './fake-artifact-store.ts';
import { makeFolder, type TestFolder } from './testing.ts';

let folder: TestFolder;
let now = 0;
const clock: Clock = { now: () => new Date(now), monotonicMs: () => now, after: () => () => undefined };
beforeEach(async () => {
  folder = await makeFolder();
  now = 1_000_000;
});
afterEach(() => folder[Symbol.asyncDispose]());

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const artifact = (letter: string): Artifact => ({
  digest: digest(letter),
  sizeBytes: 3,
  imageDigest: digest('0'),
  image: 'x',
  architecture: 'amd64',
  process: { command: ['x'], env: [], workingDir: '', user: '', stopSignal: '' },
  exposedPorts: [],
});

async function put(store: ArtifactStore, letter: string): Promise<void> {
  const path = join(store.workDir, `draft-${letter}`);
  await writeFile(path, 'abc');
  await store.put(path, digest(letter));
}

describe.each<[string, () => Promise<ArtifactStore>]>([
  ['the fake', async () => createFakeArtifactStore({ clock, workDir: folder.path })],
  ['the real store', async () => createArtifactStore({ clock, dir: join(folder.path, 'store') })],
])('an ArtifactStore: %s', (_, open) => {
  it('takes archives over, once each', async () => {
    const store = await open();
    await put(store, 'a');
    await put(store, 'a');
    expect(await store.has(digest('a'))).toBe(true);
    expect(await store.has(digest('b'))).toBe(false);
    expect(await store.list()).toEqual([{ digest: digest('a'), sizeBytes: 3, storedAt: new Date(now) }]);
    expect((await readdir(store.workDir)).filter((name) => name.startsWith('draft'))).toEqual([]);
  });

  it('counts the age of an archive anew when it is used, stored again or taken by another build', async () => {
    const store = await open();
    await put(store, 'a');
    await store.remember('key', artifact('a'));
    const storedAt = async () => (await store.list())[0]?.storedAt.getTime();
    for (const use of [() => store.touch(digest('a')), () => put(store, 'a'), () => store.lookup('key')]) {
      now += 60_000;
      await use();
      expect(await storedAt()).toBe(now);
    }
    await store.touch(digest('b'));
    expect(await store.list()).toHaveLength(1);
  });

  it('remembers what a build made, for as long as the archive is kept', async () => {
    const store = await open();
    await put(store, 'a');
    await store.remember('key', artifact('a'));
    await store.remember('gone', artifact('b'));
    expect(await store.lookup('key')).toEqual(artifact('a'));
    expect(await store.lookup('gone')).toBeUndefined();
    expect(await store.lookup('other')).toBeUndefined();
    await store.remove(digest('a'));
    await store.remove(digest('a'));
    expect(await store.lookup('key')).toBeUndefined();
    expect(await store.has(digest('a'))).toBe(false);
  });

  it('sweeps what nobody keeps, once it is old enough', async () => {
    const store = await open();
    for (const letter of ['a', 'b']) await put(store, letter);
    expect(await store.sweep(new Set([digest('a')]))).toEqual([]);
    now += 61_000;
    expect(await store.sweep(new Set([digest('a')]))).toEqual([digest('b')]);
    expect((await store.list()).map((kept) => kept.digest)).toEqual([digest('a')]);
    expect(await store.sweep(new Set(), 0)).toEqual([digest('a')]);
  });
});

describe('createArtifactStore', () => {
  const dir = () => join(folder.path, 'store');

  it('finds everything again, and throws away work in progress', async () => {
    const before = createArtifactStore({ clock, dir: dir() });
    await put(before, 'a');
    await before.remember('key', artifact('a'));
    await mkdir(join(before.workDir, 'half', 'done'), { recursive: true });
    const after = createArtifactStore({ clock, dir: dir() });
    expect(await after.lookup('key')).toEqual(artifact('a'));
    expect(await readdir(after.workDir)).toEqual([]);
  });

  it('passes over files that are not its own or are damaged', async () => {
    const store = createArtifactStore({ clock, dir: dir() });
    await put(store, 'a');
    await store.remember('key', artifact('a'));
    await writeFile(join(dir(), 'archives', 'notes.txt'), 'x');
    for (const name of await readdir(join(dir(), 'index'))) await writeFile(join(dir(), 'index', name), '{"half');
    expect(await store.lookup('key')).toBeUndefined();
    expect(await store.list()).toHaveLength(1);
    await store.remove(digest('a'));
  });

  it('takes no more than it may', async () => {
    const store = createArtifactStore({ clock, dir: dir(), maxBytes: 5 });
    await put(store, 'a');
    await expect(put(store, 'b')).rejects.toMatchObject({ code: 'Exhausted' });
    expect(await store.has(digest('b'))).toBe(false);
    await store.remove(digest('a'));
    await put(store, 'b');
  });

  it('names no file after what is no digest', async () => {
    const store = createArtifactStore({ clock, dir: dir() });
    for (const bad of ['sha256:../../etc/passwd', 'x', '', `sha256:${'A'.repeat(64)}`]) {
      await expect(store.has(bad)).rejects.toMatchObject({ code: 'Invalid' });
    }
  });
});
