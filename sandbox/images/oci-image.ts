import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { z } from 'zod';
import { EngineError, type ImageConfig } from '../engine/engine.ts';
import type { TarMember } from '../lxc/tar-index.ts';
import { archiveKind } from './archive-kind.ts';

/** An image as its archive holds it. */
export interface OciImage extends ImageConfig {
  volumes: string[];
  labels: Record<string, string>;
  /** Bytes of all layers as they lie in the archive. */
  layerBytes: number;
  members: ReadonlyMap<string, TarMember>;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const Descriptor = z.object({ mediaType: z.string(), digest: z.string(), size: z.number() });
const Index = z.object({ manifests: z.array(Descriptor) });
const Manifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const strings = z.array(z.string()).nullish();
const Config = z.object({
  config: z
    .object({
      Entrypoint: strings,
      Cmd: strings,
      Env: strings,
      User: z.string().nullish(),
      WorkingDir: z.string().nullish(),
      StopSignal: z.string().nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});

interface Known {
  stamp: string;
  image: OciImage | undefined;
}

const known = new Map<string, Known>();

/**
 * Reads the image that Proxmox would take from an archive; undefined for an archive that is no OCI archive. Throws
 * EngineError with Proxmox's words for a broken one. An unchanged file is read once.
 */
export function readOciImage(path: string, shownPath = path): OciImage | undefined {
  const { mtimeMs, size, ino } = statSync(path);
  const stamp = `${mtimeMs} ${size} ${ino}`;
  const cached = known.get(path);
  if (cached?.stamp === stamp) return cached.image;
  const kind = archiveKind(path, shownPath);
  const image = kind.kind === 'oci' ? readImage(path, kind.members) : undefined;
  known.set(path, { stamp, image });
  return image;
}

function readImage(path: string, members: ReadonlyMap<string, TarMember>): OciImage {
  const fd = openSync(path, 'r');
  try {
    const index = readDocument(fd, members, 'index.json', Index);
    const chosen = index.manifests.find(({ mediaType }) => mediaType === manifestType);
    if (!chosen) throw new EngineError('Error while parsing OCI image: Unsupported CPU architecture');
    const manifest = readDocument(fd, members, blobName(chosen.digest), Manifest);
    const { config } = readDocument(fd, members, blobName(manifest.config.digest), Config);
    return {
      entrypoint: [...(config?.Entrypoint ?? []), ...(config?.Cmd ?? [])],
      env: config?.Env ?? [],
      user: config?.User ?? '',
      workingDir: config?.WorkingDir ?? '',
      stopSignal: config?.StopSignal ?? '',
      exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
      volumes: Object.keys(config?.Volumes ?? {}),
      labels: config?.Labels ?? {},
      layerBytes: manifest.layers.reduce((sum, { size }) => sum + size, 0),
      members,
    };
  } finally {
    closeSync(fd);
  }
}

function readDocument<T>(fd: number, members: ReadonlyMap<string, TarMember>, name: string, schema: z.ZodType<T>): T {
  const member = members.get(name);
  if (!member) throw new EngineError(`Error while parsing OCI image: ${name} is missing in the archive`);
  const content = Buffer.alloc(member.size);
  readSync(fd, content, 0, member.size, member.offset);
  const parsed = schema.safeParse(parseJson(content.toString('utf8')));
  if (!parsed.success)
    throw new EngineError(`Error while parsing OCI image: ${name} cannot be read`, [], { cause: parsed.error });
  return parsed.data;
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
