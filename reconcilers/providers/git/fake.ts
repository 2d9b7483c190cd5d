import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GitCheckout, GitClient, GitCredentials } from './client.ts';
import { GitFault, type GitMeaning } from './fault.ts';

interface FakeCommit {
  message: string;
  author: string;
  files: Readonly<Record<string, string>>;
}

interface FakeRepository {
  credentials: GitCredentials | undefined;
  branches: Map<string, string>;
  commits: Map<string, FakeCommit>;
}

export interface FakeGit extends GitClient {
  /** Adds a commit to a branch (default: main, which is HEAD), making the repository with the first. Answers its id. */
  commit(url: string, files: Readonly<Record<string, string>>, options?: FakeCommitOptions): string;
  /** Makes or moves a branch. */
  point(url: string, branch: string, commit: string): void;
  deleteBranch(url: string, branch: string): void;
  /** From now on the repository asks for exactly these. */
  protect(url: string, credentials: GitCredentials): void;
  /** How often the tips of branches were asked for. */
  listings(url: string): number;
  /** Every call to the URL fails so, until it is told otherwise. */
  fail(url: string, meaning: GitMeaning | undefined): void;
}

interface FakeCommitOptions {
  branch?: string;
  message?: string;
  author?: string;
}

/** Repositories in memory that check out to the real disk, and refuse what real ones refuse. */
export function createFakeGit(): FakeGit {
  const repositories = new Map<string, FakeRepository>();
  const failing = new Map<string, GitMeaning>();
  const listings = new Map<string, number>();

  function open(url: string, credentials: GitCredentials | undefined, signal: AbortSignal): FakeRepository {
    signal.throwIfAborted();
    const meaning = failing.get(url);
    if (meaning !== undefined) throw new GitFault(meaning, `The repository ${url} was told to fail.`);
    const repository = repositories.get(url);
    if (!repository) throw new GitFault('notFound', `There is no repository at ${url}. Correct the URL.`);
    if (repository.credentials && JSON.stringify(repository.credentials) !== JSON.stringify(credentials)) {
      throw new GitFault('denied', `The repository ${url} refused the credentials. Correct the Secret.`);
    }
    return repository;
  }

  return {
    async resolve({ url, credentials }, ref, signal) {
      const repository = open(url, credentials, signal);
      if (ref.commit !== undefined) return { commit: ref.commit };
      const branch = ref.branch ?? 'main';
      const commit = repository.branches.get(branch);
      if (commit === undefined) throw new GitFault('refNotFound', `${url} has no branch or tag "${branch}". Push it.`);
      return { commit };
    },

    async tips({ url, credentials }, branches, signal) {
      listings.set(url, (listings.get(url) ?? 0) + 1);
      const repository = open(url, credentials, signal);
      return new Map(
        branches.flatMap((branch) => {
          const commit = repository.branches.get(branch === 'HEAD' ? 'main' : branch);
          return commit === undefined ? [] : [[branch, commit]];
        }),
      );
    },

    listings: (url) => listings.get(url) ?? 0,

    async checkout({ url, credentials }, commit, into, signal) {
      const repository = open(url, credentials, signal);
      const found = repository.commits.get(commit);
      if (!found) throw new GitFault('refNotFound', `${url} has no commit ${commit}. Push it.`);
      // All at once: a process that dies in a scenario must not go on writing.
      mkdirSync(into, { recursive: true });
      if (readdirSync(into).length > 0) throw new GitFault('notAllowed', `The folder ${into} is not empty.`);
      return writeCheckout(into, commit, found);
    },

    commit(url, files, { branch = 'main', message = 'Change', author = 'Fake' } = {}) {
      const repository = repositories.get(url) ?? { credentials: undefined, branches: new Map(), commits: new Map() };
      repositories.set(url, repository);
      const parent = repository.branches.get(branch) ?? '';
      const commit = createHash('sha1')
        .update(JSON.stringify([parent, message, author, files]))
        .digest('hex');
      repository.commits.set(commit, { message, author, files });
      repository.branches.set(branch, commit);
      return commit;
    },

    point(url, branch, commit) {
      repositories.get(url)?.branches.set(branch, commit);
    },

    deleteBranch(url, branch) {
      repositories.get(url)?.branches.delete(branch);
    },

    protect(url, credentials) {
      const repository = repositories.get(url);
      if (repository) repository.credentials = credentials;
    },

    fail(url, meaning) {
      if (meaning === undefined) failing.delete(url);
      else failing.set(url, meaning);
    },
  };
}

function writeCheckout(into: string, commit: string, { files, message, author }: FakeCommit): GitCheckout {
  let bytes = 0;
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(into, path)), { recursive: true });
    writeFileSync(join(into, path), text);
    bytes += Buffer.byteLength(text);
  }
  return { commit, message, author, bytes };
}
