import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { Fault } from '../../../controller/errors.ts';
import type { Artifact } from './artifact.ts';
import type { SavedFiles } from './saved-files.ts';
import { DockerManifests, ImageConfig, ImageIndex, ImageManifest, type Descriptor } from './schema.ts';

/** The one image that is meant in a `docker save` archive. */
export interface SavedImage {
  digest: string;
  config: ImageConfig;
  /** Files of the layers, the lowest first. */
  layers: string[];
}

const maxDepth = 4;

/** Finds the image for the architecture in an OCI layout, or in Docker's own older one. Throws Invalid without one. */
export async function findSavedImage(files: SavedFiles, architecture: Artifact['architecture']): Promise<SavedImage> {
  const image = files.has('index.json')
    ? await findInIndex(files, 'index.json', architecture, maxDepth)
    : await readDockerArchive(files);
  if (!image)
    throw new Fault('Invalid', `The image is not there for linux/${architecture}. Build or name one that is.`);
  const { config, layers } = image;
  if (config.os !== 'linux' || config.architecture !== architecture) {
    throw new Fault(
      'Invalid',
      `The image is made for ${config.os}/${config.architecture}, the guest is linux/${architecture}. Build it for that.`,
    );
  }
  if (layers.length !== config.rootfs.diff_ids.length) {
    throw new Fault('Invalid', 'The image does not list the layers that its config names. Build it anew.');
  }
  return image;
}

/** An index can hold images for several platforms, indexes, and attestations, which are no images. */
async function findInIndex(
  files: SavedFiles,
  name: string,
  architecture: string,
  depth: number,
): Promise<SavedImage | undefined> {
  const { manifests } = await files.json(name, ImageIndex);
  const candidates = manifests.filter((descriptor) => mayBeFor(descriptor, architecture));
  // A platform that is named is a better answer than one that has to be found out.
  const ordered = candidates.toSorted((a, b) => Number(Boolean(b.platform)) - Number(Boolean(a.platform)));
  for (const descriptor of ordered) {
    const blob = blobName(descriptor);
    if (!files.has(blob)) continue;
    const content = await files.json(blob, z.union([ImageManifest, ImageIndex]));
    if ('manifests' in content) {
      const nested = depth > 0 ? await findInIndex(files, blob, architecture, depth - 1) : undefined;
      if (nested) return nested;
    } else if (!isAttestation(descriptor)) {
      const config = await files.json(blobName(content.config), ImageConfig);
      if (!descriptor.platform && config.architecture !== architecture && ordered.length > 1) continue;
      return { digest: descriptor.digest, config, layers: content.layers.map((layer) => files.path(blobName(layer))) };
    }
  }
  return undefined;
}

function mayBeFor({ platform }: Descriptor, architecture: string): boolean {
  return !platform || (platform.os === 'linux' && platform.architecture === architecture);
}

function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] !== undefined;
}

function blobName({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** Without a manifest of its own the image is known by its config. */
async function readDockerArchive(files: SavedFiles): Promise<SavedImage | undefined> {
  const [manifest] = await files.json('manifest.json', DockerManifests);
  if (!manifest) return undefined;
  const config = await files.json(manifest.Config, ImageConfig);
  const digest = createHash('sha256')
    .update(await readFile(files.path(manifest.Config)))
    .digest('hex');
  return { digest: `sha256:${digest}`, config, layers: manifest.Layers.map((name) => files.path(name)) };
}
