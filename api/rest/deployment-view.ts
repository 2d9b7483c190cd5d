import type { Build } from '../../crds/build.ts';
import type { Deployment } from '../../crds/deployment.ts';
import { splitImage } from './image-name.ts';
import { objectTimes } from './object-times.ts';
import { serviceIdOf } from './revisions.ts';

/** A Deployment in the form of the contract, with what its build says of it. */
export function deploymentView(deployment: Deployment, build: Build | undefined): object {
  const { metadata, spec, status } = deployment;
  const image = imageOf(deployment, build);
  return {
    id: metadata.uid,
    service_id: serviceIdOf(deployment),
    commit_hash: status.commit ?? build?.status.commit ?? spec.source?.commit,
    status: shownStatus(status.phase),
    image_name: image?.name,
    image_tag: image?.tag,
    error: status.failure ?? (status.phase === 'Failed' ? build?.status.failure : undefined),
    started_at: status.startedAt,
    completed_at: status.completedAt,
    ...objectTimes(deployment),
  };
}

function imageOf({ spec, status }: Deployment, build: Build | undefined) {
  const source = build?.spec.source ?? spec.source;
  const reference = status.artifact?.image ?? build?.status.artifact?.image ?? source?.image;
  return reference === undefined ? undefined : splitImage(reference);
}

type ShownStatus = 'pending' | 'building' | 'deploying' | 'active' | 'failed' | 'superseded' | 'rolled_back';

/** What a deployment does, in one word. `active` is the one that serves. */
function shownStatus(phase: Deployment['status']['phase']): ShownStatus {
  switch (phase) {
    case undefined:
    case 'Pending':
      return 'pending';
    case 'AwaitingBuild':
      return 'building';
    case 'Provisioning':
    case 'Verifying':
    case 'Promoting':
    case 'Draining':
      return 'deploying';
    case 'Active':
      return 'active';
    case 'Failed':
      return 'failed';
    case 'Superseded':
      return 'superseded';
    case 'RolledBack':
      return 'rolled_back';
    default:
      return phase satisfies never;
  }
}
