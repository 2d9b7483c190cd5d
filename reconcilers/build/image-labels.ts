import type { Build } from '../../crds/build.ts';

/** Which Build made an image, by its uid. */
export const BUILD_IMAGE_LABEL = 'dev.containr.build';
/** Which installation it belongs to; an engine may serve several. */
export const INSTALLATION_IMAGE_LABEL = 'dev.containr.installation';

/** What images of ours are called on an engine. No name that people choose, for later builds would begin with it. */
export const IMAGE_PREFIX = 'containr/';

/** The name of a build's image on the engine. */
export function imageTag({ metadata, spec }: Build): string {
  return `${IMAGE_PREFIX}${metadata.namespace}-${spec.service ?? 'build'}:${metadata.uid.slice(0, 8)}`;
}

/** What people know the image by. */
export function imageName(build: Build): string {
  const { image, source } = build.spec;
  if (image) return `${image.registry === undefined ? '' : `${image.registry}/`}${image.name}:${image.tag}`;
  return source.image ?? imageTag(build);
}

/** Labels of the image: what was asked for, and above it what we know it by. */
export function imageLabels(build: Build, installation: string): Record<string, string> {
  const { image } = build.spec;
  return {
    ...image?.labels,
    ...(image && { 'org.opencontainers.image.ref.name': imageName(build) }),
    [BUILD_IMAGE_LABEL]: build.metadata.uid,
    [INSTALLATION_IMAGE_LABEL]: installation,
    'dev.containr.commit': build.status.commit ?? '',
  };
}
