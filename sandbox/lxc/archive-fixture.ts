import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import type { Compression } from './oci-archive.ts';

/** One entry of a layer; without a type it is a file with `content`. */
export interface EntryFixture extends Partial<Header> {
  name: string;
  content?: string | Uint8Array;
}

/** A layer of a test image. */
export interface LayerFixture {
  entries: EntryFixture[];
  compression?: Compression;
}

/** A test image, lowest layer first. */
export interface ImageFixture {
  layers: LayerFixture[];
  /** Changes to what a sound archive says, for tests of broken ones. */
  manifestType?: string;
  layerType?: string;
  diffIds?: string[];
}

/** Where Debian's busybox-static puts its program. */
export const busyboxPath = '/usr/bin/busybox';

/** An image with busybox as `/bin/busybox` and a link for each applet named. */
export function busyboxLayer(applets: readonly string[], more: readonly EntryFixture[] = []): LayerFixture {
  return {
    entries: [
      { name: 'bin/', type: 'directory', mode: 0o755 },
      { name: 'tmp/', type: 'directory', mode: 0o1777 },
      { name: 'bin/busybox', mode: 0o755, content: readFileSync(busyboxPath) },
      ...applets.map((name): EntryFixture => ({ name: `bin/${name}`, type: 'link', linkname: 'bin/busybox' })),
      ...more,
    ],
  };
}

/** Writes an OCI archive as Proxmox takes it: an uncompressed tar with `oci-layout`, `index.json` and `blobs/`. */
export async function writeImage(path: string, image: ImageFixture): Promise<void> {
  const manifestType = image.manifestType ?? 'application/vnd.oci.image.manifest.v1+json';
  const blobs: Uint8Array[] = [];
  const layers: Array<{ mediaType: string; digest: string; size: number }> = [];
  const diffIds: string[] = [];
  for (const { entries, compression = 'none' } of image.layers) {
    const tar = await packTar(entries);
    const blob = compress(tar, compression);
    blobs.push(blob);
    diffIds.push(digestOf(tar));
    const suffix = compression === 'none' ? '' : `+${compression}`;
    const mediaType = image.layerType ?? `application/vnd.oci.image.layer.v1.tar${suffix}`;
    layers.push({ mediaType, digest: digestOf(blob), size: blob.byteLength });
  }
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: image.diffIds ?? diffIds },
  });
  const configType = 'application/vnd.oci.image.config.v1+json';
  const manifest = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: digestOf(config), size: config.byteLength },
    layers,
  });
  const index = { manifests: [{ mediaType: manifestType, digest: digestOf(manifest), size: manifest.byteLength }] };
  const members: EntryFixture[] = [...blobs, config, manifest].map((blob) => ({
    name: `blobs/${digestOf(blob).replace(':', '/')}`,
    content: blob,
  }));
  const layout = { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) };
  await writeFile(
    path,
    await packTar([layout, { name: 'index.json', content: json({ schemaVersion: 2, ...index }) }, ...members]),
  );
}

/** A tar archive with these entries, in order, exactly as named. */
export async function packTar(entries: readonly EntryFixture[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    archive.entry({ mtime: new Date(1_700_000_000_000), ...header }, content === undefined ? '' : Buffer.from(content));
  }
  archive.finalize();
  return buffer(Readable.from(archive));
}

function compress(tar: Uint8Array, compression: Compression): Uint8Array {
  switch (compression) {
    case 'none':
      return tar;
    case 'gzip':
      return gzipSync(tar, { level: 1 });
    case 'zstd':
      return zstdCompressSync(tar);
    default:
      return compression satisfies never;
  }
}

function digestOf(blob: Uint8Array): string {
  return `sha256:${createHash('sha256').update(blob).digest('hex')}`;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
