import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GitClient } from './client.ts';
import { createGitClient } from './git-client.ts';
import { makeFolder, makeRepository, type TestFolder } from './testing.ts';

const { signal } = new AbortController();
const mebibyte = 1024 ** 2;

let folder: TestFolder;
let client: GitClient;
/** A file that must never appear: whatever hostile text asks for would make it. */
let canary: string;

beforeEach(async () => {
  folder = await makeFolder();
  canary = join(folder.path, 'canary');
  client = makeClient();
});
afterEach(async () => {
  expect(existsSync(canary)).toBe(false);
  await folder[Symbol.asyncDispose]();
});

function makeClient(options: Partial<Parameters<typeof createGitClient>[0]> = {}): GitClient {
  return createGitClient({
    allowedLocalPaths: [join(folder.path, 'allowed')],
    maxBytes: 20 * mebibyte,
    timeoutMs: 15_000,
    workDir: join(folder.path, 'work'),
    ...options,
  });
}

async function makeAllowed(name = 'repository') {
  return makeRepository(join(folder.path, 'allowed', name));
}

describe('createGitClient, given hostile names', () => {
  it('runs nothing for a branch that looks like an option', async () => {
    const { path, commit } = await makeAllowed();
    await commit({ a: '1' });
    for (const branch of [
      `--upload-pack=touch ${canary}`,
      '-x',
      `$(touch ${canary})`,
      'a..b',
      'a b',
      '*',
      'a\nb',
      'x.lock',
    ]) {
      await expect(client.resolve({ url: path }, { branch }, signal)).rejects.toMatchObject({ meaning: 'notAllowed' });
    }
  });

  it('takes only hex for a commit', async () => {
    const { path } = await makeAllowed();
    for (const commit of [`--upload-pack=touch ${canary}`, 'HEAD', 'main', 'abc', `${'a'.repeat(40)}^{}`, '']) {
      await expect(client.resolve({ url: path }, { commit }, signal)).rejects.toMatchObject({ meaning: 'notAllowed' });
      const checkout = client.checkout({ url: path }, commit, join(folder.path, 'into'), signal);
      await expect(checkout).rejects.toMatchObject({ meaning: 'notAllowed' });
    }
  });

  it('refuses every URL that could run something or reach a file', async () => {
    const hostile = [
      `ext::sh -c touch% ${canary}`,
      `ext::touch${canary}`,
      'fd::17',
      '--upload-pack=x',
      `-oProxyCommand=touch ${canary}`,
      `ssh://-oProxyCommand=touch${canary}/x`,
      `ssh://a@-oProxyCommand=touch${canary}/x`,
      `-oProxyCommand=x:y`,
      'git://example.com/x',
      'ssh://good.example?@-oProxyCommand=x/y',
      'ssh://good.example#@other.example/y',
      'ssh://good.example\\@other.example/y',
      'ftp://example.com/x',
      'https://user:secret@example.com/x',
      'https://example.com/x\n--upload-pack=y',
      'relative/path',
      './x',
      '',
      'file://host/x',
      `file://${folder.path}`,
      '/etc',
      join(folder.path, 'allowed', '..', 'outside'),
    ];
    for (const url of hostile) {
      await expect(client.resolve({ url }, {}, signal), url).rejects.toMatchObject({
        meaning: 'notAllowed',
        code: 'Invalid',
      });
    }
  });

  it('never shows a password that stood in a URL', async () => {
    const refused = client.resolve({ url: 'https://user:hunter2@example.com/x' }, {}, signal);
    await expect(refused).rejects.not.toThrow(/hunter2/);
  });
});

describe('createGitClient, given local paths', () => {
  it('reads none when none is allowed', async () => {
    const { path, commit } = await makeAllowed();
    await commit({ a: '1' });
    const strict = makeClient({ allowedLocalPaths: [] });
    await expect(strict.resolve({ url: path }, {}, signal)).rejects.toMatchObject({ meaning: 'notAllowed' });
    await expect(strict.resolve({ url: `file://${path}` }, {}, signal)).rejects.toMatchObject({
      meaning: 'notAllowed',
    });
  });

  it('reads a file URL and a work tree of an allowed repository', async () => {
    const { path, commit, git } = await makeAllowed('my repository');
    const id = await commit({ a: '1' });
    await git('worktree', 'add', '--quiet', '-b', 'other', join(folder.path, 'allowed', 'tree'));
    expect(await client.resolve({ url: `file://${encodeURI(path)}` }, {}, signal)).toEqual({ commit: id });
    expect(await client.resolve({ url: join(folder.path, 'allowed', 'tree') }, {}, signal)).toEqual({ commit: id });
  });

  it('follows no link out of an allowed folder', async () => {
    const { path, commit } = await makeRepository(join(folder.path, 'outside'));
    await commit({ secret: '1' });
    await mkdir(join(folder.path, 'allowed', 'pointer'), { recursive: true });
    await symlink(path, join(folder.path, 'allowed', 'link'));
    await writeFile(join(folder.path, 'allowed', 'pointer', '.git'), `gitdir: ${path}/.git\n`);
    for (const name of ['link', 'pointer']) {
      const url = join(folder.path, 'allowed', name);
      await expect(client.resolve({ url }, {}, signal), name).rejects.toMatchObject({ meaning: 'notAllowed' });
    }
  });

  it('takes no objects from outside of an allowed folder', async () => {
    const { path, commit } = await makeRepository(join(folder.path, 'outside'));
    const secret = await commit({ secret: '1' });
    const borrower = await makeAllowed('borrower');
    const second = await makeAllowed('second');
    const linked = await makeAllowed('linked');
    for (const repository of [borrower, second, linked]) await repository.commit({ a: '1' });
    const alternates = (of: string) => join(of, '.git', 'objects', 'info', 'alternates');
    await writeFile(alternates(borrower.path), `${join(path, '.git', 'objects')}\n`);
    await writeFile(alternates(second.path), `# borrowed\n${join(borrower.path, '.git', 'objects')}\n`);
    await rm(join(linked.path, '.git', 'objects'), { recursive: true });
    await symlink(join(path, '.git', 'objects'), join(linked.path, '.git', 'objects'));
    for (const { path: url } of [borrower, second, linked]) {
      const into = join(folder.path, 'into');
      await expect(client.checkout({ url }, secret, into, signal), url).rejects.toMatchObject({
        meaning: 'notAllowed',
      });
    }
  });

  it('reads a repository that borrows from another allowed one', async () => {
    const { path, commit } = await makeAllowed();
    const id = await commit({ a: '1' });
    const borrower = await makeAllowed('borrower');
    await writeFile(join(borrower.path, '.git', 'objects', 'info', 'alternates'), `${join(path, '.git', 'objects')}\n`);
    await borrower.git('update-ref', 'refs/heads/main', id);
    expect(await client.resolve({ url: borrower.path }, {}, signal)).toEqual({ commit: id });
  });

  it('reads a repository that belongs to somebody else', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can give a file to somebody else');
    const { path, commit } = await makeAllowed();
    const id = await commit({ a: '1' });
    for (const name of [path, join(path, '.git')]) await chown(name, 12_345, 12_345);
    expect(await client.resolve({ url: path }, {}, signal)).toEqual({ commit: id });
    await expect(client.checkout({ url: path }, id, join(folder.path, 'into'), signal)).resolves.toMatchObject({
      bytes: 1,
    });
  });

  it('runs no hook and no program that the repository names', async () => {
    const { path, commit, git } = await makeAllowed();
    const program = join(folder.path, 'program');
    await writeFile(program, `#!/bin/sh\ntouch ${canary}\n`);
    await chmod(program, 0o755);
    await writeFile(join(path, '.git/hooks/post-checkout'), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
    const id = await commit({ '.gitattributes': '* filter=evil\n', a: '1' });
    for (const key of ['uploadpack.packObjectsHook', 'filter.evil.smudge', 'core.fsmonitor', 'core.sshCommand']) {
      await git('config', key, program);
    }
    await client.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    expect(await readFile(join(folder.path, 'into/a'), 'utf8')).toBe('1');
  });
});

describe('createGitClient, given hostile content', () => {
  it('fetches no submodule', async () => {
    const { path, commit, git } = await makeAllowed();
    await commit({
      '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% ${canary}\n\tupdate = !touch ${canary}\n`,
    });
    await git('update-index', '--add', '--cacheinfo', `160000,${'b'.repeat(40)},x`);
    await git('commit', '--quiet', '-m', 'submodule');
    const id = await git('rev-parse', 'HEAD');
    await client.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    expect(await readdir(join(folder.path, 'into/x'))).toEqual([]);
  });

  it('leaves links as links and writes nothing through them', async () => {
    const { path, commit } = await makeAllowed();
    await symlink('/etc/passwd', join(path, 'passwd'));
    await symlink('../../..', join(path, 'up'));
    const id = await commit({ a: '1' });
    await client.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    expect(await readlink(join(folder.path, 'into/passwd'))).toBe('/etc/passwd');
    expect((await lstat(join(folder.path, 'into/up'))).isSymbolicLink()).toBe(true);
  });

  it('keeps LFS pointers as they are', async () => {
    const { path, commit } = await makeAllowed();
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'c'.repeat(64)}\nsize 12345\n`;
    const id = await commit({ '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n', 'a.bin': pointer });
    await client.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    expect(await readFile(join(folder.path, 'into/a.bin'), 'utf8')).toBe(pointer);
  });

  it('gives up on a repository that is too large, and leaves nothing of it', async () => {
    const { path, commit } = await makeAllowed();
    const noise = Buffer.from(Array.from({ length: 3 * mebibyte }, () => Math.floor(Math.random() * 256)));
    const id = await commit({ noise });
    const small = makeClient({ maxBytes: mebibyte });
    const checkout = small.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    await expect(checkout).rejects.toMatchObject({ meaning: 'tooLarge', code: 'Invalid' });
    expect(await readdir(join(folder.path, 'into'))).toEqual([]);
    expect(await readdir(join(folder.path, 'work'))).toEqual([]);
  });

  it('gives up on a small repository whose files would fill the disk', async () => {
    const { path, commit, git } = await makeAllowed();
    await commit({ zeros: Buffer.alloc(1024) });
    let tree = await git('rev-parse', 'HEAD^{tree}');
    for (let depth = 0; depth < 4; depth += 1) {
      await git('read-tree', '--empty');
      for (let name = 0; name < 8; name += 1) await git('read-tree', `--prefix=${name}/`, tree);
      tree = await git('write-tree');
    }
    const id = await git('commit-tree', tree, '-m', 'bomb');
    await git('update-ref', 'refs/heads/main', id);
    const small = makeClient({ maxBytes: mebibyte });
    const checkout = small.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    await expect(checkout).rejects.toMatchObject({ meaning: 'tooLarge' });
  });

  it('shows no control characters of a commit message or an author', async () => {
    const { path, git, commit } = await makeAllowed();
    await commit({ a: '1' });
    await git(
      'commit',
      '--quiet',
      '--allow-empty',
      '--author',
      'E\u001b[31mve <eve@example.com>',
      '-m',
      'red\u001b[31m\u0007 alert',
    );
    const id = await git('rev-parse', 'HEAD');
    const checkout = await client.checkout({ url: path }, id, join(folder.path, 'into'), signal);
    expect(checkout).toMatchObject({ author: 'E [31mve', message: 'red [31m  alert' });
  });
});

describe('createGitClient', () => {
  it('resolves annotated tags to their commit, and full ref names', async () => {
    const { path, commit, git } = await makeAllowed();
    const id = await commit({ a: '1' });
    await git('tag', '-a', 'v1', '-m', 'one');
    await git('update-ref', 'refs/pull/1/head', id);
    expect(await client.resolve({ url: path }, { branch: 'v1' }, signal)).toEqual({ commit: id });
    expect(await client.resolve({ url: path }, { branch: 'refs/pull/1/head' }, signal)).toEqual({ commit: id });
  });

  it('takes a branch rather than a tag or another branch that ends like it', async () => {
    const { path, commit, git } = await makeAllowed();
    await commit({ a: '1' });
    await git('branch', 'feature/main');
    await git('tag', 'main');
    const id = await commit({ a: '2' });
    expect(await client.resolve({ url: path }, { branch: 'main' }, signal)).toEqual({ commit: id });
  });

  it('checks out a commit given by the beginning of its id', async () => {
    const { path, commit } = await makeAllowed();
    const id = await commit({ a: '1' });
    await commit({ a: '2' });
    const checkout = await client.checkout({ url: path }, id.slice(0, 8), join(folder.path, 'into'), signal);
    expect(checkout.commit).toBe(id);
  });

  it('says that a repository has no commit yet', async () => {
    const { path } = await makeAllowed();
    await expect(client.resolve({ url: path }, {}, signal)).rejects.toMatchObject({ meaning: 'refNotFound' });
  });

  it('removes what a killed process left behind, and its own folders', async () => {
    await mkdir(join(folder.path, 'work', 'operation-old'), { recursive: true });
    const { path, commit } = await makeAllowed();
    await commit({ a: '1' });
    await client.resolve({ url: path }, {}, signal);
    expect(await readdir(join(folder.path, 'work'))).toEqual([]);
  });

  it('says what to do when there is no git program', async () => {
    const { path, commit } = await makeAllowed();
    await commit({ a: '1' });
    const without = makeClient({ gitBinary: '/nonexistent/git' });
    await expect(without.resolve({ url: path }, {}, signal)).rejects.toMatchObject({ meaning: 'unavailable' });
    await expect(without.resolve({ url: path }, {}, signal)).rejects.toThrow(/Install Git/);
  });
});
