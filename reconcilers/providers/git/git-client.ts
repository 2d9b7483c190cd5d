import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitCheckout, GitClient, GitRepository } from './client.ts';
import { GitFault } from './fault.ts';
import { folderSize } from './folder-size.ts';
import { openLocalRepository } from './local-repository.ts';
import { beginOperation, operationPrefix, type GitOperation, type OperationScope } from './operation.ts';
import { asksForWholeHistory, readRefusal } from './refusals.ts';
import { readRepositoryUrl } from './repository-url.ts';
import { runGit, type GitResult, type GitRun } from './run-git.ts';
import { createTreeSize, tooLarge } from './tree-size.ts';

interface GitClientOptions {
  /** Folders whose repositories may be named by path; none by default. */
  allowedLocalPaths: readonly string[];
  /** Of one fetch, and of one checkout. */
  maxBytes: number;
  /** For one resolve or checkout. */
  timeoutMs: number;
  /** A folder of this client's own, made when absent; what a killed process left in it is removed. */
  workDir: string;
  gitBinary?: string;
}

const commitId = /^[0-9a-f]{7,64}$/;
const wholeCommitId = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const refName = /^(?![-/.])(?!.*(\.\.|@\{|\/\/|\/\.|\.lock(\/|$)))[^\p{Cc}\s~^:?*[\\]+(?<![/.])$/u;

interface Session extends Pick<GitOperation, 'gitDir' | 'folder'> {
  /** What Git is told to fetch from. */
  source: string;
  git(args: readonly string[], more?: Partial<Pick<GitRun, 'onOutput' | 'watch' | 'env'>>): Promise<GitResult>;
}

/** Git repositories through the git program: nothing of the repository is ever run. */
export function createGitClient(options: GitClientOptions): GitClient {
  const { gitBinary = 'git', maxBytes, timeoutMs, workDir } = options;
  let prepared: Promise<void> | undefined;

  async function withSession<T>(
    repository: GitRepository,
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const { source, scope } = await placeOf(repository, options.allowedLocalPaths);
    prepared ??= prepare(workDir).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    await prepared;
    const operation = await beginOperation(workDir, scope);
    const timeout = AbortSignal.timeout(timeoutMs);
    const both = AbortSignal.any([signal, timeout]);
    try {
      const git: Session['git'] = (args, { env, ...more } = {}) =>
        runGit(gitBinary, { args, cwd: operation.folder, env: { ...operation.env, ...env }, signal: both, ...more });
      return await work({ ...operation, source, git });
    } catch (error) {
      if (signal.aborted || !timeout.aborted) throw error;
      const seconds = Math.round(timeoutMs / 1000);
      const message = `The repository ${repository.url} did not answer in full within ${seconds} s. It is tried again.`;
      throw new GitFault('unavailable', message, { cause: error });
    } finally {
      await operation.end();
    }
  }

  return {
    async resolve(repository, ref, signal) {
      if (ref.commit !== undefined) {
        checkCommit(ref.commit);
        return { commit: ref.commit };
      }
      const names = namesOf(ref.branch);
      return withSession(repository, signal, async (session) => {
        const commit = pickCommit(await listNames(session, repository.url, names), names);
        if (commit === undefined) throw refNotFound(repository.url, ref.branch);
        return { commit };
      });
    },

    async tips(repository, branches, signal) {
      // One that cannot be a name is not there, and no reason to tell the others nothing.
      const wanted = branches
        .filter((branch) => refName.test(branch))
        .map((branch) => ({ branch, names: namesOf(branch === 'HEAD' ? undefined : branch) }));
      const all = wanted.flatMap(({ names }) => names);
      return withSession(repository, signal, async (session) => {
        const ids = await listNames(session, repository.url, all);
        return new Map(
          wanted.flatMap(({ branch, names }) => {
            const commit = pickCommit(ids, names);
            return commit === undefined ? [] : [[branch, commit]];
          }),
        );
      });
    },

    async checkout(repository, commit, into, signal) {
      checkCommit(commit);
      await mkdir(into, { recursive: true });
      if ((await readdir(into)).length > 0) throw new GitFault('notAllowed', `The folder ${into} is not empty.`);
      return withSession(repository, signal, async (session) => {
        await fetchCommit(session, repository.url, commit, maxBytes);
        const head = await readCommit(session, repository.url, commit);
        const bytes = await measure(session, head.commit, maxBytes);
        await writeFiles(session, head.commit, into);
        return { ...head, bytes };
      });
    },
  };
}

async function prepare(workDir: string): Promise<void> {
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(workDir)) {
    if (name.startsWith(operationPrefix)) await rm(join(workDir, name), { recursive: true, force: true });
  }
}

async function placeOf(
  { url, credentials }: GitRepository,
  allowedLocalPaths: readonly string[],
): Promise<{ source: string; scope: OperationScope }> {
  const place = readRepositoryUrl(url);
  switch (place.kind) {
    case 'http':
      return { source: place.url, scope: { kind: 'http', origin: place.origin, credentials } };
    case 'ssh':
      return { source: place.url, scope: { kind: 'ssh', credentials } };
    case 'local': {
      const repository = await openLocalRepository(place.path, allowedLocalPaths);
      return { source: repository.path, scope: { kind: 'local', repository } };
    }
    default:
      return place satisfies never;
  }
}

function checkCommit(commit: string): void {
  if (!commitId.test(commit)) throw new GitFault('notAllowed', 'The commit is not 7 to 64 hex digits. Correct it.');
}

/** In order of preference; of an annotated tag the commit behind it. */
function namesOf(branch: string | undefined): string[] {
  if (branch === undefined) return ['HEAD'];
  if (!refName.test(branch)) throw new GitFault('notAllowed', 'The branch is not a valid name for one. Correct it.');
  if (branch.startsWith('refs/')) return [branch];
  return [`refs/heads/${branch}`, `refs/tags/${branch}^{}`, `refs/tags/${branch}`];
}

/** Ids by name. Lines are "ID TAB NAME"; Git also lists names that only end like the ones asked for. */
async function listNames(
  { git, source }: Session,
  url: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const listed = await git(['ls-remote', '--quiet', '--', source, ...names]);
  if (listed.code !== 0) throw readRefusal(`The repository ${url} cannot be read`, listed.stderr);
  // What comes after the last line break may have been cut off.
  const lines = listed.stdout.split('\n').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const [id = '', name = ''] = line.split('\t');
      return [name, id];
    }),
  );
}

function pickCommit(ids: ReadonlyMap<string, string>, names: readonly string[]): string | undefined {
  return names.map((name) => ids.get(name)).find((id) => id !== undefined && wholeCommitId.test(id));
}

function refNotFound(url: string, branch: string | undefined): GitFault {
  if (branch === undefined) return new GitFault('refNotFound', `The repository ${url} has no commit yet. Push one.`);
  return new GitFault(
    'refNotFound',
    `The repository ${url} has no branch or tag "${branch}". Push it, or name another.`,
  );
}

/** Only the commit where the server gives it by its id, else all branches and tags. */
async function fetchCommit(session: Session, url: string, commit: string, maxBytes: number): Promise<void> {
  const { git, gitDir, source } = session;
  const what = `The commit ${commit} of ${url} cannot be fetched`;
  const format = commit.length === 64 ? 'sha256' : 'sha1';
  const made = await git(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, '--', gitDir]);
  if (made.code !== 0) throw readRefusal(what, made.stderr);

  const watch = async () => {
    if ((await folderSize(gitDir)) > maxBytes) throw tooLarge(maxBytes);
  };
  const fetch = ['--git-dir', gitDir, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head'];
  if (wholeCommitId.test(commit)) {
    const exact = await git([...fetch, '--depth=1', '--', source, commit], { watch });
    if (exact.code === 0) return;
    if (!asksForWholeHistory(exact.stderr)) throw readRefusal(what, exact.stderr);
  }
  const whole = await git([...fetch, '--', source, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'], {
    watch,
  });
  if (whole.code !== 0) throw readRefusal(what, whole.stderr);
}

async function readCommit(session: Session, url: string, commit: string): Promise<Omit<GitCheckout, 'bytes'>> {
  const format = '--format=%H%x00%an%x00%s';
  const shown = await session.git(['--git-dir', session.gitDir, 'log', '-1', format, `${commit}^{commit}`, '--']);
  const [id = '', author = '', message = ''] = shown.stdout.trimEnd().split('\0');
  if (shown.code !== 0 || !id.startsWith(commit)) {
    throw new GitFault('refNotFound', `The repository ${url} has no commit ${commit}. Push it, or correct the commit.`);
  }
  return { commit: id, author: oneLine(author), message: oneLine(message) };
}

async function measure({ git, gitDir }: Session, commit: string, maxBytes: number): Promise<number> {
  const size = createTreeSize(maxBytes);
  const args = ['--git-dir', gitDir, 'ls-tree', '-r', '-l', '-z', '--full-tree', commit];
  const listed = await git(args, { onOutput: (chunk) => size.add(chunk) });
  if (listed.code !== 0) throw readRefusal(`The files of commit ${commit} cannot be listed`, listed.stderr);
  return size.bytes();
}

async function writeFiles({ git, gitDir }: Session, commit: string, into: string): Promise<void> {
  const args = ['--git-dir', gitDir, '--work-tree', into, 'checkout', '--quiet', '--force', '--detach', commit, '--'];
  try {
    const written = await git(args);
    if (written.code !== 0) throw readRefusal(`The files of commit ${commit} cannot be written`, written.stderr);
  } catch (error) {
    for (const name of await readdir(into)) await rm(join(into, name), { recursive: true, force: true });
    throw error;
  }
}

/** Shown in tables and logs: no control characters, not endless. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, 200);
}
