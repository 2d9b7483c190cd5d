import { createHash } from 'node:crypto';
import type { Build } from '../../crds/build.ts';
import type { Artifact } from '../../crds/workload.ts';
import { stableHash } from '../shared/stable-hash.ts';
import { imageName } from './image-labels.ts';
import type { StageDeps, StageInput, StageResult } from './stage.ts';

/** The part of a status that says what the image is made from. */
export type Origin = Pick<StageResult, 'commit' | 'strategy' | 'tool' | 'imageId' | 'pinnedImage'>;

/** What an earlier build of the same gave, while its archive is kept. */
export async function knownArtifact(deps: StageDeps, input: StageInput, origin: Origin): Promise<Artifact | undefined> {
  const known = await deps.artifacts.lookup(await buildKey(deps, input, origin));
  return known && { ...known, ...namesOf(input.build, origin, known.imageDigest) };
}

/** What people, and registries, call the image of a build. */
export function namesOf(
  build: Build,
  { pinnedImage }: Origin,
  imageDigest: string,
): Pick<Artifact, 'image' | 'imageDigest'> {
  return { image: imageName(build), imageDigest: pinnedImage?.split('@')[1] ?? imageDigest };
}

/** What makes two builds the same. A source is its project's own; an image is the same for all. */
export async function buildKey(
  { platform, readInit, configKey }: StageDeps,
  { build, buildSecrets }: StageInput,
  { commit, strategy, tool, imageId }: Origin,
): Promise<string> {
  const { sha256 } = await readInit(platform === 'linux/arm64' ? 'arm64' : 'amd64');
  // With another key of the installation an archive is another one.
  const supervisor = createHash('sha256').update(sha256).update(configKey).digest('hex');
  if (build.spec.source.type === 'image') return stableHash({ imageId, platform, supervisor });
  const { repository, rootDirectory, dockerfile } = build.spec.source;
  const { environment, args, buildCommand, startCommand } = build.spec.settings;
  return stableHash({
    namespace: build.metadata.namespace,
    source: { repository, rootDirectory, dockerfile, commit },
    settings: { environment, args, buildCommand, startCommand },
    secrets: stableHash(buildSecrets),
    by: { strategy, tool },
    platform,
    supervisor,
  });
}
