import type { Build } from '../../crds/build.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Service } from '../../crds/service.ts';
import { isFromSpec } from './adopt.ts';
import type { Following } from './follow-references.ts';
import { buildHashOf, templateHashOf } from './hashes.ts';
import { unsupportedIn } from './unsupported.ts';

/** Why a revision that is asked for is not made. */
export interface Hold {
  /** What is not carried out: the spec, a commit that is new on the branch, or a change of what its environment refers to. */
  of: 'spec' | 'commit' | 'references';
  reason: 'Paused' | 'ConfigMissing';
  message: string;
}

/** What a service loop does next about revisions. */
export type ServicePlan =
  | { do: 'nothing' }
  | { do: 'unsupported'; message: string }
  | { do: 'hold'; hold: Hold }
  /** Make the revision that the spec asks for; without a `build`, with an image of its own. */
  | { do: 'newRevision'; revision: number; build: string | undefined }
  /** Make a revision of a commit that is new on the branch. */
  | { do: 'newCommit'; revision: number; commit: string }
  /** Make the newest revision once more, with what references have come to. */
  | { do: 'revisionOnceMore'; revision: number; newest: Deployment }
  | { do: 'restartGuests' }
  | { do: 'createBuild'; newest: Deployment }
  | { do: 'prune'; deployments: readonly Deployment[] };

interface PlanInput {
  service: Service;
  status: Service['status'];
  /** Of the newest revision. */
  build: Build | undefined;
  newest: Deployment | undefined;
  /** All of the service's, newest first. */
  deployments: readonly Deployment[];
  /** What the environment of the spec refers to and does not exist. */
  missing: string | undefined;
  following: Following;
  /** New on the branch that is followed. */
  newCommit: string | undefined;
}

/** Revisions that ended and are kept for looking back and rolling back. */
const KEPT_REVISIONS = 10;

/** The first thing that differs between what is asked for and the revisions that there are. Pure. */
export function planService(input: PlanInput): ServicePlan {
  const { service, status, build, newest, following } = input;
  const unsupported = unsupportedIn(service.spec);
  if (unsupported !== undefined) return { do: 'unsupported', message: unsupported };

  const { paused } = service.spec.rollout;
  const isLost = newest === undefined || newest.spec.revision < status.latestRevision;
  if (isLost || status.templateHash !== templateHashOf(service.spec)) {
    if (paused) return held('spec', 'The spec is not rolled out.');
    if (input.missing !== undefined)
      return { do: 'hold', hold: { of: 'spec', reason: 'ConfigMissing', message: input.missing } };
    return { do: 'newRevision', revision: nextRevision(input), build: reusableBuild(input) };
  }
  if (input.newCommit !== undefined) {
    if (paused) return held('commit', `The commit ${input.newCommit} is not rolled out.`);
    if (input.missing !== undefined)
      return { do: 'hold', hold: { of: 'commit', reason: 'ConfigMissing', message: input.missing } };
    return { do: 'newCommit', revision: nextRevision(input), commit: input.newCommit };
  }
  if (following.do === 'roll' || following.do === 'restart') {
    if (paused) return held('references', 'What changed in what it refers to is not followed.');
    return following.do === 'restart'
      ? { do: 'restartGuests' }
      : { do: 'revisionOnceMore', revision: nextRevision(input), newest };
  }
  if (!build && newest.status.artifact === undefined && !isEnded(newest)) return { do: 'createBuild', newest };

  const surplus = input.deployments.filter((one) => one !== newest && isEnded(one)).slice(KEPT_REVISIONS);
  return surplus.length > 0 ? { do: 'prune', deployments: surplus } : { do: 'nothing' };
}

/** Builds that ended, that no revision was made from, and that are older than the newest revision. Pure. */
export function needlessBuilds(builds: readonly Build[], kept: readonly Deployment[]): Build[] {
  const needed = new Set(kept.map(({ spec }) => spec.build));
  const newestAt = kept[0]?.metadata.creationTimestamp ?? '';
  return builds.filter(
    ({ metadata, status }) =>
      !needed.has(metadata.name) && status.completedAt !== undefined && metadata.creationTimestamp < newestAt,
  );
}

function held(of: Hold['of'], what: string): ServicePlan {
  const message = `New revisions are paused. ${what} Resume: containr rollout resume.`;
  return { do: 'hold', hold: { of, reason: 'Paused', message } };
}

function nextRevision({ status, deployments }: PlanInput): number {
  return Math.max(status.latestRevision, ...deployments.map(({ spec }) => spec.revision)) + 1;
}

/** The image of the newest revision serves again when it is of the same source and was, or is being, built. */
function reusableBuild({ service, status, build, newest }: PlanInput): string | undefined {
  const isUsable = build !== undefined && build.status.phase !== 'Failed' && build.status.phase !== 'Cancelled';
  const isSame = status.buildHash === buildHashOf(service.spec);
  return newest && isFromSpec(newest) && isSame && isUsable ? newest.spec.build : undefined;
}

function isEnded({ metadata, status: { phase } }: Deployment): boolean {
  const isOver = phase === 'Superseded' || phase === 'RolledBack' || phase === 'Failed';
  return isOver && metadata.deletionTimestamp === undefined;
}
