import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { Secret } from '../../crds/secret.ts';
import { fieldOf, isRecord } from '../../controller/json.ts';
import type { GitClient } from '../providers/git/client.ts';
import { isGitFault } from '../providers/git/fault.ts';
import { gitCredentialsOf } from '../shared/git-credentials.ts';
import { sourceReasons } from '../shared/source-reasons.ts';
import { readManifests, type Entry } from './manifests.ts';
import { readSourceFiles } from './source-files.ts';
import type { SourceProblem } from './source-problem.ts';

/** What a repository states at a commit. */
export interface SourceContent {
  commit: string;
  /** First line of the commit message. */
  message: string;
  entries: readonly Entry[];
}

/** What a look came to. `same`: the commit that was known. */
export type Look =
  | { type: 'same' }
  | { type: 'new'; content: SourceContent }
  | { type: 'trouble'; problem: SourceProblem };

export interface SourceDeps {
  git: GitClient;
  /** A folder of the loop's own for checkouts, made when absent and emptied at the start. */
  workDir: string;
}

/** Asks for the commit that is followed, and reads what it states unless that is `known`. Nothing of the repository is run. */
export async function lookAtSource(
  { git, workDir }: SourceDeps,
  sync: RepoSync,
  secret: Readonly<Record<string, string>> | undefined,
  known: string | undefined,
  signal: AbortSignal,
): Promise<Look> {
  const { url, branch, path } = sync.spec;
  const credentials = secret && gitCredentialsOf(secret);
  if (secret && !credentials)
    return trouble('SourceDenied', 'The Secret in spec.secretRef has none of the keys token, password or sshKey.');
  const repository = { url, ...(credentials && { credentials }) };
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(workDir, 'sync-'));
  try {
    const { commit } = await git.resolve(repository, branch === undefined ? {} : { branch }, signal);
    if (commit === known) return { type: 'same' };
    const checkout = join(folder, 'checkout');
    const { message } = await git.checkout(repository, commit, checkout, signal);
    const read = await readSourceFiles(checkout, path);
    if (!read.ok) return { type: 'trouble', problem: read.problem };
    const manifests = await readManifests(sync, read.files);
    if (!manifests.ok) return { type: 'trouble', problem: manifests.problem };
    return { type: 'new', content: { commit, message, entries: manifests.entries } };
  } catch (error) {
    if (!isGitFault(error)) throw error;
    return trouble(sourceReasons[error.meaning], error.message);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Secrets whose values everybody can read who can read the repository. */
export function plainSecrets({ entries }: SourceContent): string[] {
  const holdsValues = (raw: unknown): boolean => {
    const data = fieldOf(fieldOf(raw, 'spec'), 'data');
    return isRecord(data) && Object.keys(data).length > 0;
  };
  return entries.filter(({ kind, raw }) => kind.kind === Secret.kind && holdsValues(raw)).map(({ text }) => text);
}

function trouble(reason: SourceProblem['reason'], message: string): Look {
  return { type: 'trouble', problem: { reason, message } };
}
