import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Artifact } from './artifact.ts';
import type { Layer } from './layer.ts';

const epoch = new Date(0);

/** Something that goes into the archive under its digest. */
export type Blob =
  | { digest: string; sizeBytes: number; bytes: Buffer }
  | { digest: string; sizeBytes: number; path: string };

interface ImageContent {
  layers: readonly Layer[];
  supervisor: SupervisorLayer;
  architecture: Artifact['architecture'];
  variant: string | undefined;
  exposedPorts: readonly string[];
}

export interface SupervisorLayer {
  bytes: Buffer;
  digest: string;
}

/**
 * The layer that is put on top of every image: process 1, the key that it opens its configuration with, and the folder it keeps its
 * log in.
 */
export async function makeSupervisorLayer(init: Buffer, configKey: Buffer): Promise<SupervisorLayer> {
  const layer = pack();
  const root = { uid: 0, gid: 0, mtime: epoch };
  layer.entry({ ...root, name: '.containr', type: 'directory', mode: 0o755 });
  layer.entry({ ...root, name: '.containr/init', mode: 0o755 }, init);
  layer.entry({ ...root, name: '.containr/key', mode: 0o400 }, `${configKey.toString('hex')}\n`);
  layer.entry({ ...root, name: '.containr/log', type: 'directory', mode: 0o700 });
  layer.finalize();
  const bytes = await buffer(layer);
  return { bytes, digest: digestOf(bytes) };
}

/**
 * Writes an OCI layout with one manifest, of the media types that Proxmox knows. Only what a guest needs is in its config:
 * Proxmox would turn everything else into settings that nobody could change later.
 */
export async function writeArchive(
  path: string,
  content: ImageContent,
  signal: AbortSignal,
): Promise<{ digest: string; sizeBytes: number }> {
  const { layers, supervisor, architecture, variant, exposedPorts } = content;
  const config = jsonBlob({
    architecture,
    ...(variant !== undefined && { variant }),
    os: 'linux',
    config: {
      Entrypoint: ['/.containr/init'],
      ...(exposedPorts.length > 0 && { ExposedPorts: Object.fromEntries(exposedPorts.map((port) => [port, {}])) }),
    },
    rootfs: { type: 'layers', diff_ids: [...layers.map(({ diffId }) => diffId), supervisor.digest] },
  });
  const supervisorType = 'application/vnd.oci.image.layer.v1.tar';
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [
      ...layers.map((layer) => descriptor(layer.mediaType, layer)),
      descriptor(supervisorType, { digest: supervisor.digest, sizeBytes: supervisor.bytes.length }),
    ],
  });
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        platform: { architecture, os: 'linux', ...(variant !== undefined && { variant }) },
      },
    ],
  };
  const top: Blob = { ...supervisor, sizeBytes: supervisor.bytes.length };
  return writeTar(path, index, [manifest, config, ...layers, top], signal);
}

async function writeTar(
  path: string,
  index: unknown,
  blobs: readonly Blob[],
  signal: AbortSignal,
): Promise<{ digest: string; sizeBytes: number }> {
  const archive = pack();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const count = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      yield chunk;
    }
  };
  const headers = { uid: 0, gid: 0, mode: 0o644, mtime: epoch };
  const fill = async () => {
    archive.entry({ ...headers, name: 'oci-layout' }, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    archive.entry({ ...headers, name: 'index.json' }, JSON.stringify(index));
    for (const blob of distinct(blobs)) {
      const name = `blobs/${blob.digest.replace(':', '/')}`;
      if ('bytes' in blob) archive.entry({ ...headers, name }, blob.bytes);
      else
        await pipeline(createReadStream(blob.path), archive.entry({ ...headers, name, size: blob.sizeBytes }), {
          signal,
        });
    }
    archive.finalize();
  };
  await Promise.all([
    fill(),
    pipeline(Readable.from(archive), count, createWriteStream(path, { flush: true }), { signal }),
  ]);
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

/** The same layer can occur twice in an image, and is stored once; sorted, for the order must not depend on anything. */
function distinct(blobs: readonly Blob[]): Blob[] {
  const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]));
  return [...byDigest.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

function descriptor(mediaType: string, { digest, sizeBytes }: Pick<Blob, 'digest' | 'sizeBytes'>) {
  return { mediaType, digest, size: sizeBytes };
}

function jsonBlob(value: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, digest: digestOf(bytes), sizeBytes: bytes.length };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
