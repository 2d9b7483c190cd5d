import { isFault } from '../../controller/errors.ts';
import { outcomeOf } from '../../controller/outcome.ts';
import type { Reason } from '../../crds/reasons.ts';
import { isBuildpackFault, type BuildpackMeaning } from '../providers/buildpack/fault.ts';
import { isDockerFault, type DockerMeaning } from '../providers/docker/fault.ts';
import { isGitFault, type GitMeaning } from '../providers/git/fault.ts';

/** What the end of a stage's work means: it is tried again, or the build has failed. */
export type Verdict = { verdict: 'again' | 'failed'; reason: Reason; message: string };

const gitVerdicts: Record<GitMeaning, [Verdict['verdict'], Reason]> = {
  notFound: ['failed', 'SourceNotFound'],
  refNotFound: ['failed', 'SourceNotFound'],
  denied: ['failed', 'SourceDenied'],
  notAllowed: ['failed', 'SourceNotAllowed'],
  tooLarge: ['failed', 'SourceTooLarge'],
  unavailable: ['again', 'SourceUnavailable'],
};

const dockerVerdicts: Record<DockerMeaning, [Verdict['verdict'], Reason]> = {
  buildFailed: ['failed', 'BuildFailed'],
  dockerfileNotFound: ['failed', 'DockerfileNotFound'],
  imageNotFound: ['failed', 'ImageNotFound'],
  denied: ['failed', 'ImageNotFound'],
  unreachable: ['again', 'BuilderUnreachable'],
  invalid: ['failed', 'BuildFailed'],
  noSpace: ['again', 'StorageFull'],
  toolMissing: ['again', 'ToolMissing'],
};

const buildpackVerdicts: Record<BuildpackMeaning, [Verdict['verdict'], Reason]> = {
  missing: ['again', 'ToolMissing'],
  failed: ['failed', 'BuildFailed'],
  late: ['again', 'BuilderUnreachable'],
};

/** Reads an error of a stage. What may be better next time is tried again until the deadline; the rest fails at once. Pure. */
export function verdictOn(error: unknown): Verdict {
  if (isGitFault(error)) return verdict(gitVerdicts[error.meaning], error.message);
  if (isDockerFault(error)) return verdict(dockerVerdicts[error.meaning], error.message);
  if (isBuildpackFault(error)) return verdict(buildpackVerdicts[error.meaning], error.message);
  if (isFault(error, 'Invalid')) return verdict(['failed', 'Rejected'], error.message);
  const outcome = outcomeOf(error);
  if (outcome.type === 'settled') return verdict(['again', 'InternalError'], 'The work ended with an error.');
  return verdict(['again', outcome.reason], outcome.message);
}

function verdict([end, reason]: [Verdict['verdict'], Reason], message: string): Verdict {
  return { verdict: end, reason, message };
}
