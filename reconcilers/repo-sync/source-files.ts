import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { listed, type SourceProblem } from './source-problem.ts';

/** A file of manifests as it is in the repository. */
export interface SourceFile {
  /** From the root of the repository. */
  path: string;
  text: string;
}

export type SourceFiles = { ok: true; files: SourceFile[] } | { ok: false; problem: SourceProblem };

const MOST_FILES = 5_000;
const MOST_FOLDERS = 2_000;
const MOST_FILE_BYTES = 2 ** 20;
const MOST_BYTES = 16 * 2 ** 20;
const manifestName = /\.(ya?ml|json)$/;
const lfsPointer = /^version https:\/\/git-lfs\.github\.com\/spec\//;

/**
 * Reads the manifests below a folder of a checkout, by name. Names that begin with a dot are passed over. What cannot be read as
 * it stands is a problem and never left out: what is missing could be pruned.
 */
export async function readSourceFiles(checkout: string, path: string): Promise<SourceFiles> {
  const root = await realpath(checkout);
  const folder = join(root, path);
  const reading = new Reading(root);
  const found = await stat(folder).catch(() => undefined);
  if (!found) return refused('SourceNotFound', `The repository has no folder ${path}. Correct spec.path.`);
  if (!(await reading.isInside(folder)))
    return refused('SourceNotAllowed', `The folder ${path} is a link that leads out of the repository.`);
  if (!found.isDirectory()) return refused('SourceNotFound', `${path} is no folder. Correct spec.path.`);
  await reading.readFolder(await realpath(folder));
  const { problems, files } = reading;
  return problems.length > 0 ? refused('SourceNotAllowed', `${listed(problems)}.`) : { ok: true, files };
}

function refused(reason: SourceProblem['reason'], message: string): SourceFiles {
  return { ok: false, problem: { reason, message } };
}

/** One walk over a folder, which ends with the first limit that is passed. */
class Reading {
  readonly files: SourceFile[] = [];
  readonly problems: string[] = [];
  readonly #root: string;
  #bytes = 0;
  #folders = 0;
  #isOver = false;

  constructor(root: string) {
    this.#root = root;
  }

  async isInside(path: string): Promise<boolean> {
    const real = await realpath(path).catch(() => undefined);
    return real !== undefined && (real === this.#root || real.startsWith(`${this.#root}${sep}`));
  }

  async readFolder(folder: string): Promise<void> {
    this.#folders += 1;
    if (this.#folders > MOST_FOLDERS) return this.#end(`there are more than ${MOST_FOLDERS} folders; set spec.path`);
    const names = (await readdir(folder)).sort();
    // Git keeps no empty folder but the place of a submodule, whose files are in another repository.
    if (names.length === 0)
      this.#problem(folder, 'is a submodule, which is not followed; put the manifests into this repository');
    for (const name of names) {
      if (this.#isOver) return;
      if (!name.startsWith('.')) await this.#readEntry(join(folder, name));
    }
  }

  async #readEntry(path: string): Promise<void> {
    const entry = await lstat(path);
    if (entry.isDirectory()) return this.readFolder(path);
    const target = entry.isSymbolicLink() ? await this.#targetOf(path) : entry;
    if (!target) return;
    if (!manifestName.test(path)) {
      if (target.isDirectory()) this.#problem(path, 'is a link to a folder, which is not followed');
      return;
    }
    if (!target.isFile()) return this.#problem(path, 'is no regular file');
    if (target.size > MOST_FILE_BYTES)
      return this.#problem(path, `is larger than ${MOST_FILE_BYTES / 2 ** 20} MiB; split it`);
    this.#bytes += target.size;
    if (this.#bytes > MOST_BYTES)
      return this.#end(`the manifests are larger than ${MOST_BYTES / 2 ** 20} MiB altogether`);
    if (this.files.length === MOST_FILES) return this.#end(`there are more than ${MOST_FILES} files of manifests`);
    await this.#readText(path);
  }

  async #targetOf(path: string): Promise<Stats | undefined> {
    if (await this.isInside(path)) return stat(path);
    this.#problem(path, 'is a link that leads out of the repository, or nowhere');
    return undefined;
  }

  async #readText(path: string): Promise<void> {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
      if (lfsPointer.test(text)) this.#problem(path, 'is kept in Git LFS, which is not read; commit the file itself');
      else this.files.push({ path: relative(this.#root, path), text });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#problem(path, 'is not UTF-8 text; save it as UTF-8');
    }
  }

  #problem(path: string, what: string): void {
    this.problems.push(`${relative(this.#root, path) || '/'} ${what}`);
  }

  #end(why: string): void {
    this.problems.push(why);
    this.#isOver = true;
  }
}
