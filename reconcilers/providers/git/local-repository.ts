import { readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { GitFault } from './fault.ts';

/** A repository on this machine that may be read: its folder, and the folders that Git's own files lie in. */
export interface LocalRepository {
  path: string;
  gitFolders: string[];
}

/**
 * Finds the repository at `path`, links resolved, and makes sure that it and everything it points to lies in a folder that
 * is allowed. Throws notAllowed or notFound.
 */
export async function openLocalRepository(path: string, allowed: readonly string[]): Promise<LocalRepository> {
  const roots = await Promise.all(allowed.map((root) => realpath(root).catch(() => resolve(root))));
  const isAllowed = (place: string) => roots.some((root) => place === root || place.startsWith(join(root, sep)));

  const real = await realpath(path).catch(() => undefined);
  if (!isAllowed(real ?? resolve(path))) throw notAllowed(path);
  if (real === undefined) throw notFound(path);

  const gitFolders = await findGitFolders(real, path);
  const objects = await findObjectFolders(join(gitFolders.at(-1) ?? real, 'objects'));
  if (![...gitFolders, ...objects].every(isAllowed)) throw notAllowed(path);
  return { path: real, gitFolders };
}

/** A work tree made by `git worktree` has its `.git` elsewhere, and that shares another one's objects. */
async function findGitFolders(real: string, path: string): Promise<string[]> {
  const inside = join(real, '.git');
  const kind = await stat(inside).catch(() => undefined);
  const folder = kind === undefined ? real : kind.isFile() ? await follow(inside, /^gitdir: (.+)$/m, real) : inside;
  if (!(await stat(join(folder, 'HEAD')).catch(() => undefined))) throw notFound(path);
  const common = await follow(join(folder, 'commondir'), /^(.+)$/m, folder);
  return Promise.all([folder, common].map((place) => realpath(place).catch(() => place)));
}

/** Git follows alternates this far; more than these in one file nobody has. */
const ALTERNATES_DEPTH = 5;
const MOST_ALTERNATES = 32;

/** Where the objects lie, and those that are borrowed from other repositories. */
async function findObjectFolders(folder: string, depth = 0): Promise<string[]> {
  const real = await realpath(folder).catch(() => folder);
  const text = await readFile(join(real, 'info', 'alternates'), 'utf8').catch(() => '');
  const lines = depth > ALTERNATES_DEPTH ? [] : text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > MOST_ALTERNATES) return ['/'];
  // Git unquotes a path in quotes; whoever writes one has something to hide.
  const others = lines.map((line) => (line.startsWith('"') ? '/' : resolve(real, line)));
  const found = await Promise.all(others.map((other) => findObjectFolders(other, depth + 1)));
  return [real, ...found.flat()];
}

/** The folder that a small file of Git's points to, relative to `base`; `base` when it does not. */
async function follow(file: string, pattern: RegExp, base: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const target = pattern.exec(text)?.[1];
  return target === undefined ? base : resolve(base, target);
}

function notAllowed(path: string): GitFault {
  return new GitFault(
    'notAllowed',
    `Repositories at ${path} may not be read by this server. Use a URL, or start the server with that folder allowed.`,
  );
}

function notFound(path: string): GitFault {
  return new GitFault('notFound', `There is no Git repository at ${path}. Correct the path, or run "git init" there.`);
}
