import { isFault } from '../../controller/errors.ts';
import type { Reason } from '../../crds/reasons.ts';
import { isDockerFault, type DockerMeaning } from '../providers/docker/fault.ts';
import { isGitFault, type GitMeaning } from '../providers/git/fault.ts';

/** What the end of a stage's work means: it is tried again, or the build has failed. */
export type Verdict = { verdict: 'again' } | { verdict: 'failed'; reason: Reason; message: string };

const gitReasons: Record<GitMeaning, Reason | undefined> = {
  notFound: 'SourceNotFound',
  refNotFound: 'SourceNotFound',
  denied: 'SourceDenied',
  notAllowed: 'SourceNotAllowed',
  tooLarge: 'SourceTooLarge',
  unavailable: undefined,
};

const dockerReasons: Record<DockerMeaning, Reason | undefined> = {
  buildFailed: 'BuildFailed',
  dockerfileNotFound: 'DockerfileNotFound',
  imageNotFound: 'ImageNotFound',
  denied: 'ImageNotFound',
  unreachable: undefined,
  invalid: 'BuildFailed',
  noSpace: undefined,
};

/** Reads an error of a stage. What may be better next time is tried again until the deadline; the rest fails at once. Pure. */
export function verdictOn(error: unknown): Verdict {
  if (isGitFault(error)) return verdict(gitReasons[error.meaning], error.message);
  if (isDockerFault(error)) return verdict(dockerReasons[error.meaning], error.message);
  if (isFault(error, 'Invalid')) return verdict('Rejected', error.message);
  return { verdict: 'again' };
}

function verdict(reason: Reason | undefined, message: string): Verdict {
  return reason === undefined ? { verdict: 'again' } : { verdict: 'failed', reason, message };
}
