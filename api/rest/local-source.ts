import { realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { invalidFields, type RestError } from './rest-error.ts';

/**
 * The repository URL of a `source_path`: a Git repository below `root`, links resolved. Throws a 400 for any other, in words
 * that say nothing of what lies outside. Whoever fetches it looks again, for links can be changed meanwhile.
 */
export async function localSource(path: string, root: string | undefined): Promise<string> {
  if (root === undefined) {
    throw refused('is not taken by this server; its operator allows it by naming a folder in CONTAINR_BUILD_ROOT');
  }
  const outside = refused('must lie below the folder that CONTAINR_BUILD_ROOT names');
  const wanted = resolve(root, path);
  if (path.includes('\u0000') || !isBelow(wanted, resolve(root))) throw outside;
  const [realRoot, real] = await Promise.all([root, wanted].map((place) => realpath(place).catch(() => undefined)));
  if (real === undefined || realRoot === undefined) throw refused('does not exist');
  if (!isBelow(real, realRoot)) throw outside;
  const heads = await Promise.all(
    [join(real, '.git'), join(real, 'HEAD')].map((file) => stat(file).catch(() => undefined)),
  );
  if (heads.every((found) => found === undefined)) {
    throw refused('is no Git repository; run git init there, and commit what is to be built');
  }
  return pathToFileURL(real).href;
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(join(root, sep));
}

function refused(message: string): RestError {
  return invalidFields([{ path: 'source_path', message }]);
}
