import type { Build } from '../../crds/build.ts';
import { splitImage } from './image-name.ts';

export const buildStatuses = ['pending', 'running', 'success', 'failed', 'cancelled'] as const;
export type BuildStatus = (typeof buildStatuses)[number];

/** The ids of what a build belongs to. */
export interface BuildPlace {
  projectId: string | undefined;
  serviceId: string | undefined;
}

/** A Build in the form of the contract. */
export function buildView(build: Build, { projectId, serviceId }: BuildPlace, log?: string): object {
  const { metadata, spec, status } = build;
  const image = spec.image ?? splitImage(status.artifact?.image ?? spec.source.image ?? '');
  return {
    id: metadata.uid,
    project_id: projectId,
    service_id: serviceId,
    status: shownBuildStatus(build),
    progress: status.phase === 'Succeeded' ? 100 : status.progress,
    started_at: status.startedAt,
    completed_at: status.completedAt,
    image_name: image.name === '' ? undefined : image.name,
    image_tag: image.tag,
    size: status.artifact?.sizeBytes,
    error: status.failure,
    log,
    metadata: metadataOf(build),
  };
}

export function shownBuildStatus({ status: { phase } }: Build): BuildStatus {
  switch (phase) {
    case undefined:
    case 'Pending':
      return 'pending';
    case 'Fetching':
    case 'Detecting':
    case 'Building':
    case 'Exporting':
    case 'Publishing':
      return 'running';
    case 'Succeeded':
      return 'success';
    case 'Failed':
      return 'failed';
    case 'Cancelled':
      return 'cancelled';
    default:
      return phase satisfies never;
  }
}

export function isOver(build: Build): boolean {
  const status = shownBuildStatus(build);
  return status !== 'pending' && status !== 'running';
}

/** What else is known, as the texts that the contract has room for. */
function metadataOf({ metadata, spec, status }: Build): Record<string, string> {
  const { source, image } = spec;
  const known = {
    name: metadata.name,
    phase: status.phase,
    repository: source.repository,
    branch: source.branch,
    commit: status.commit ?? source.commit,
    commit_message: status.commitMessage,
    strategy: status.strategy,
    builder: status.builder,
    digest: status.artifact?.digest,
    registry: image?.registry,
  };
  return Object.fromEntries(
    Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
