import { readFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GitClient } from './client.ts';
import { createFakeGit } from './fake.ts';
import { createGitClient } from './git-client.ts';
import { makeFolder, makeRepository, type TestFolder } from './testing.ts';

const { signal } = new AbortController();

interface ClientUnderTest {
  client: GitClient;
  url: string;
  commit(files: Record<string, string>, message?: string): Promise<string>;
  branch(name: string): Promise<void>;
}

let folder: TestFolder;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

describe.each<[string, () => Promise<ClientUnderTest>]>([
  ['the fake', makeFake],
  ['the real client', makeReal],
])('a GitClient: %s', (_, make) => {
  it('resolves HEAD, a branch and a commit id', async () => {
    const { client, url, commit, branch } = await make();
    const first = await commit({ a: '1' });
    await branch('old');
    const second = await commit({ a: '2' });

    expect(await client.resolve({ url }, {}, signal)).toEqual({ commit: second });
    expect(await client.resolve({ url }, { branch: 'main' }, signal)).toEqual({ commit: second });
    expect(await client.resolve({ url }, { branch: 'old' }, signal)).toEqual({ commit: first });
    expect(await client.resolve({ url }, { commit: first }, signal)).toEqual({ commit: first });
  });

  it('tells the tips of several branches at once, and leaves out those that are not there', async () => {
    const { client, url, commit, branch } = await make();
    const first = await commit({ a: '1' });
    await branch('old');
    const second = await commit({ a: '2' });
    const tips = await client.tips({ url }, ['HEAD', 'main', 'old', 'gone', 'a//b', '--upload-pack=x'], signal);
    expect(Object.fromEntries(tips)).toEqual({ HEAD: second, main: second, old: first });
    await expect(client.tips({ url: `${url}-absent` }, ['main'], signal)).rejects.toMatchObject({
      name: 'GitFault',
    });
  });

  it('checks out exactly the commit, also one that no branch points at any more', async () => {
    const { client, url, commit } = await make();
    const first = await commit({ 'src/a.txt': 'one' }, 'First things first');
    await commit({ 'src/a.txt': 'two' });

    const into = join(folder.path, 'into');
    const checkout = await client.checkout({ url }, first, into, signal);

    expect(checkout).toEqual({ commit: first, message: 'First things first', author: 'Ada', bytes: 3 });
    expect(await readFile(join(into, 'src/a.txt'), 'utf8')).toBe('one');
  });

  it('says that a branch does not exist', async () => {
    const { client, url, commit } = await make();
    await commit({ a: '1' });
    await expect(client.resolve({ url }, { branch: 'gone' }, signal)).rejects.toMatchObject({ meaning: 'refNotFound' });
  });

  it('says that a commit does not exist', async () => {
    const { client, url, commit } = await make();
    await commit({ a: '1' });
    const absent = client.checkout({ url }, 'a'.repeat(40), join(folder.path, 'into'), signal);
    await expect(absent).rejects.toMatchObject({ meaning: 'refNotFound' });
  });

  it('says that there is no repository', async () => {
    const { client, url } = await make();
    await expect(client.resolve({ url: `${url}-gone` }, {}, signal)).rejects.toMatchObject({ meaning: 'notFound' });
  });

  it('refuses a folder that is not empty', async () => {
    const { client, url, commit } = await make();
    const id = await commit({ a: '1' });
    await mkdir(join(folder.path, 'into', 'something'), { recursive: true });
    const refused = client.checkout({ url }, id, join(folder.path, 'into'), signal);
    await expect(refused).rejects.toMatchObject({ meaning: 'notAllowed' });
  });

  it('does nothing for a signal that has aborted', async () => {
    const { client, url } = await make();
    await expect(client.resolve({ url }, {}, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  });
});

async function makeFake(): Promise<ClientUnderTest> {
  const client = createFakeGit();
  const url = join(folder.path, 'repository');
  let latest = '';
  return {
    client,
    url,
    async commit(files, message = 'Change') {
      latest = client.commit(url, files, { message, author: 'Ada' });
      return latest;
    },
    async branch(name) {
      client.point(url, name, latest);
    },
  };
}

async function makeReal(): Promise<ClientUnderTest> {
  const url = join(folder.path, 'repository');
  const repository = await makeRepository(url);
  const client = createGitClient({
    allowedLocalPaths: [folder.path],
    maxBytes: 10 * 1024 ** 2,
    timeoutMs: 20_000,
    workDir: join(folder.path, 'work'),
  });
  return {
    client,
    url,
    commit: (files, message) => repository.commit(files, message),
    branch: async (name) => void (await repository.git('branch', name)),
  };
}
