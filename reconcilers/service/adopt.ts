import type { Deployment } from '../../crds/deployment.ts';
import type { Service } from '../../crds/service.ts';
import { BUILD_HASH, TEMPLATE_HASH } from './child-manifests.ts';

/** The newest revision that is not being removed. */
export function newestOf(deployments: readonly Deployment[]): Deployment | undefined {
  return deployments.find(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Whether the loop made the revision from the spec of the Service; others were made by somebody else. */
export function isFromSpec({ metadata }: Deployment): boolean {
  return metadata.annotations?.[TEMPLATE_HASH] !== undefined;
}

/**
 * Takes the newest revision for what is asked for last, whoever made it. What it was made from is written on those that the
 * loop makes; one that somebody else made leaves that as it is, so that only another spec leads to another revision. Pure.
 */
export function adoptRevision(status: Service['status'], newest: Deployment | undefined): Service['status'] {
  if (!newest || newest.spec.revision < status.latestRevision) return status;
  const { [TEMPLATE_HASH]: templateHash, [BUILD_HASH]: buildHash } = newest.metadata.annotations ?? {};
  return {
    ...status,
    latestRevision: newest.spec.revision,
    latestDeployment: newest.metadata.name,
    latestBuild: newest.spec.build,
    ...(templateHash !== undefined && { templateHash }),
    ...(buildHash !== undefined && { buildHash }),
  };
}
