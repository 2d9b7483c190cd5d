import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { pack, type Header } from 'tar-stream';

/** One entry of a tar archive; a file unless it says otherwise. */
export interface ArchiveEntry extends Partial<Header> {
  name: string;
  content?: string | Uint8Array;
}

/** What an image archive for a test says and holds. */
export interface ImageContent {
  files: readonly ArchiveEntry[];
  config: Record<string, unknown>;
}

/** An OCI archive as Proxmox takes it: one uncompressed layer, entries named without `./`. */
export async function imageArchive({ files, config }: ImageContent): Promise<Buffer> {
  const layer = await tarArchive(files);
  const imageConfig = json({
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor('application/vnd.oci.image.config.v1+json', imageConfig),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const index = json({ schemaVersion: 2, manifests: [descriptor(manifestType, manifest)] });
  return tarArchive([
    { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: index },
    ...[layer, imageConfig, manifest].map((blob) => ({
      name: `blobs/${digestOf(blob).replace(':', '/')}`,
      content: blob,
    })),
  ]);
}

/** An archive of these entries. */
export async function tarArchive(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    if (content === undefined) archive.entry(header);
    else archive.entry(header, typeof content === 'string' ? Buffer.from(content) : content);
  }
  archive.finalize();
  return buffer(Readable.from(archive));
}

/** Writes an image that serves on port 80, for tests to which its content does not matter. */
export async function writeWebImage(path: string, config: Record<string, unknown> = {}): Promise<void> {
  const files = [{ name: 'bin/httpd', content: 'a program', mode: 0o755 }];
  const base = { Entrypoint: ['/bin/httpd', '-f'], Env: ['PATH=/bin'], ExposedPorts: { '80/tcp': {} } };
  await writeFile(path, await imageArchive({ files, config: { ...base, ...config } }));
}

function descriptor(mediaType: string, blob: Buffer): Record<string, unknown> {
  return { mediaType, digest: digestOf(blob), size: blob.byteLength };
}

function digestOf(blob: Uint8Array): string {
  return `sha256:${createHash('sha256').update(blob).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
