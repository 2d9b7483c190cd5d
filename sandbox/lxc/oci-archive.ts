import { readSync } from 'node:fs';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import type { TarMember } from './tar-index.ts';

/** How a layer is packed. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** A layer of an image, where it lies in the archive. */
export interface ImageLayer extends TarMember {
  compression: Compression;
  /** SHA-256 of the layer's tar after decompression, hex. */
  diffId: string;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const layerTypes: ReadonlyMap<string, Compression> = new Map([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
]);
const maxDocumentBytes = 8 * 1024 * 1024;

const Descriptor = z.object({ mediaType: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) });
const Index = z.object({ manifests: z.array(Descriptor) });
const Manifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const Config = z.object({ rootfs: z.object({ diff_ids: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)) }) });

/** The layers of the image that Proxmox would take from the archive, lowest first. EngineError with Proxmox's words where it has some. */
export function readLayers(fd: number, members: ReadonlyMap<string, TarMember>): ImageLayer[] {
  const index = readDocument(fd, members, 'index.json', Index);
  const image = index.manifests.find(({ mediaType }) => mediaType === manifestType);
  if (!image) throw new EngineError('Error while parsing OCI image: Unsupported CPU architecture');
  const manifest = readDocument(fd, members, blobName(image.digest), Manifest);
  const config = readDocument(fd, members, blobName(manifest.config.digest), Config);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new EngineError(
      `Error while parsing OCI image: ${manifest.layers.length} layers, but ${diffIds.length} in the configuration`,
    );
  }
  return manifest.layers.map(({ mediaType, digest }, position) => {
    const compression = layerTypes.get(mediaType);
    if (compression === undefined) throw new EngineError('Error while parsing OCI image: Wrong media type');
    const member = members.get(blobName(digest));
    if (!member) throw new EngineError(`Error while parsing OCI image: layer ${digest} is missing in the archive`);
    return { ...member, compression, diffId: (diffIds[position] ?? '').replace('sha256:', '') };
  });
}

function readDocument<T>(fd: number, members: ReadonlyMap<string, TarMember>, name: string, schema: z.ZodType<T>): T {
  const member = members.get(name);
  if (!member) throw new EngineError(`Error while parsing OCI image: ${name} is missing in the archive`);
  if (member.size > maxDocumentBytes) throw new EngineError(`Error while parsing OCI image: ${name} is too large`);
  const buffer = Buffer.alloc(member.size);
  readSync(fd, buffer, 0, member.size, member.offset);
  const parsed = schema.safeParse(parseJson(buffer.toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new EngineError(`Error while parsing OCI image: ${name} is not as the OCI image format has it`, [], {
    cause: parsed.error,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
