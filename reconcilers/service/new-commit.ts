import type { Build } from '../../crds/build.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Service } from '../../crds/service.ts';
import { isFromSpec } from './adopt.ts';

/** What is known of the commits of a service that follows a branch. */
export interface Commits {
  /** The newest commit that a revision was made from, as it is to be recorded. */
  followed: string | undefined;
  /** What the newest revision is of; undefined while that is not known. */
  ofNewest: string | undefined;
  /** The newest revision is still to find out its commit. */
  isOpen: boolean;
}

/** Whether the service follows a branch: not a commit, not an image, and not while suspended. Pure. */
export function followsBranch({ source, suspended }: Service['spec']): boolean {
  return source.repository !== undefined && source.commit === undefined && source.type !== 'image' && !suspended;
}

/**
 * The commits of a service. One that a revision was made from is kept through a rollback, so that the commit that was rolled
 * back from does not come again; the next one does. Pure.
 */
export function commitsOf(
  status: Service['status'],
  newest: Deployment | undefined,
  build: Build | undefined,
  tip: string | undefined,
): Commits {
  const ofNewest = newest && (newest.spec.source?.commit ?? build?.status.commit ?? newest.status.commit);
  const hasFailed = build?.status.phase === 'Failed' || newest?.status.phase === 'Failed';
  const isOpen = ofNewest === undefined && !hasFailed;
  const { followedCommit } = status;
  if (ofNewest === undefined) return { followed: followedCommit, ofNewest, isOpen };
  if (newest && isFromSpec(newest)) return { followed: ofNewest, ofNewest, isOpen };
  const isBaseline = tip !== undefined && (tip === ofNewest || followedCommit === undefined);
  return { followed: isBaseline ? tip : followedCommit, ofNewest, isOpen };
}

/** The commit that a new revision is due for; undefined when there is none. Pure. */
export function newCommitIn({ followed, ofNewest, isOpen }: Commits, tip: string | undefined): string | undefined {
  if (tip === undefined || isOpen || tip === ofNewest || tip === followed) return undefined;
  return tip;
}
