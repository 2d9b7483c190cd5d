import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import type { Clock } from '../../controller/clock.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { BuilderPool } from '../providers/docker/builder-pool.ts';
import type { DockerClient, ListedImage } from '../providers/docker/client.ts';
import { isDockerFault } from '../providers/docker/fault.ts';
import { isOver } from './admission.ts';
import { BUILD_IMAGE_LABEL, IMAGE_PREFIX, INSTALLATION_IMAGE_LABEL } from './image-labels.ts';

export interface ImageSweepDeps {
  read: ResourceReader;
  builders: BuilderPool;
  installation: string;
  /** How long the image of a build that ended stays on its engine, where the next build takes layers from it. */
  keepUnusedMs: number;
}

/** A younger image may belong to a build that the cache does not show yet. */
const MIN_AGE_MS = 10 * 60_000;

/**
 * Removes images of ours from the engines: those whose Build is gone, and those of builds that ended long ago. Only what
 * carries the label of this installation is looked at, and of that only names of ours are taken away. An engine that does not
 * answer has its turn the next time.
 */
export async function sweepImages(deps: ImageSweepDeps, clock: Clock, signal: AbortSignal): Promise<void> {
  const now = clock.now().getTime();
  for (const { metadata } of deps.read.list(Builder)) {
    const docker = deps.builders.get(metadata.name);
    if (!docker) continue;
    try {
      for (const image of await docker.listByLabel(`${INSTALLATION_IMAGE_LABEL}=${deps.installation}`, signal))
        if (isNeedless(image, deps, now)) await removeOurs(docker, image, signal);
    } catch (error) {
      if (!isDockerFault(error)) throw error;
    }
  }
}

function isNeedless({ labels, createdAt }: ListedImage, { read, keepUnusedMs }: ImageSweepDeps, now: number): boolean {
  const build = read.list(Build).find(({ metadata }) => metadata.uid === labels[BUILD_IMAGE_LABEL]);
  if (!build) return now - createdAt.getTime() >= MIN_AGE_MS;
  const { phase, completedAt } = build.status;
  return isOver(phase) && completedAt !== undefined && now - Date.parse(completedAt) >= keepUnusedMs;
}

/** Under a name that somebody else gave it, the image stays. */
async function removeOurs(docker: DockerClient, { imageId, tags }: ListedImage, signal: AbortSignal): Promise<void> {
  for (const tag of tags.filter((name) => name.startsWith(IMAGE_PREFIX))) await docker.remove(tag, signal);
  if (tags.length === 0) await docker.remove(imageId, signal);
}
