import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { digestOf, type ImageStore, type StoredImage } from './image-store.ts';

/** `oci`: an OCI layout with Docker's own index beside it, since Docker 25. `docker-archive`: what was before. */
export type SaveFormat = 'oci' | 'docker-archive';

interface Member {
  name: string;
  content: string | { file: string };
}

const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};

/** The archive that `docker save` writes. `tag` is the name that was asked for; without one the archive has none. */
export function saveImage(
  store: ImageStore,
  image: StoredImage,
  tag: string | undefined,
  format: SaveFormat,
): Readable {
  const members = format === 'oci' ? ociMembers(store, image, tag) : dockerMembers(store, image, tag);
  const archive = pack();
  addMembers(archive, members).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Readable.from(archive);
}

function ociMembers(store: ImageStore, image: StoredImage, tag: string | undefined): Member[] {
  const diffIds = image.config.rootfs.diff_ids ?? [];
  const layers = diffIds.map((digest) => ({
    mediaType: mediaTypes.layer,
    digest,
    size: statSync(store.layerFile(digest)).size,
  }));
  const config = { mediaType: mediaTypes.config, digest: image.id, size: Buffer.byteLength(image.raw) };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers });
  const annotations = tag === undefined ? undefined : { 'org.opencontainers.image.ref.name': tag.split(':').at(-1) };
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [
      {
        mediaType: mediaTypes.manifest,
        digest: digestOf(manifest),
        size: Buffer.byteLength(manifest),
        ...(annotations && { annotations }),
      },
    ],
  });
  const blobs: Member[] = [
    ...[...new Set(diffIds)].map((digest) => ({ name: blobName(digest), content: { file: store.layerFile(digest) } })),
    { name: blobName(image.id), content: image.raw },
    { name: blobName(digestOf(manifest)), content: manifest },
  ];
  return [
    ...blobs,
    { name: 'index.json', content: index },
    { name: 'manifest.json', content: dockerIndex(blobName(image.id), tag, diffIds.map(blobName)) },
    { name: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
  ];
}

function dockerMembers(store: ImageStore, image: StoredImage, tag: string | undefined): Member[] {
  const diffIds = image.config.rootfs.diff_ids ?? [];
  const names = diffIds.map((digest) => `${hexOf(digest)}/layer.tar`);
  const unique = [...new Set(diffIds)];
  const configName = `${hexOf(image.id)}.json`;
  return [
    { name: configName, content: image.raw },
    ...unique.flatMap((digest): Member[] => [
      { name: `${hexOf(digest)}/VERSION`, content: '1.0' },
      { name: `${hexOf(digest)}/json`, content: JSON.stringify({ id: hexOf(digest), os: 'linux' }) },
      { name: `${hexOf(digest)}/layer.tar`, content: { file: store.layerFile(digest) } },
    ]),
    { name: 'manifest.json', content: dockerIndex(configName, tag, names) },
  ];
}

function dockerIndex(config: string, tag: string | undefined, layers: readonly string[]): string {
  return JSON.stringify([{ Config: config, RepoTags: tag === undefined ? null : [tag], Layers: layers }]);
}

async function addMembers(archive: Pack, members: readonly Member[]): Promise<void> {
  const folders = new Set<string>();
  for (const { name, content } of members) {
    const parts = name.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = `${parts.slice(0, depth).join('/')}/`;
      if (folders.has(folder)) continue;
      folders.add(folder);
      await addEntry(archive, { name: folder, type: 'directory', mode: 0o755 }, Readable.from([]));
    }
    const isText = typeof content === 'string';
    const size = isText ? Buffer.byteLength(content) : statSync(content.file).size;
    const bytes = isText ? Readable.from([Buffer.from(content)]) : createReadStream(content.file);
    await addEntry(archive, { name, size, mode: 0o644 }, bytes);
  }
}

async function addEntry(
  archive: Pack,
  header: { name: string; mode: number; size?: number; type?: 'directory' },
  bytes: Readable,
): Promise<void> {
  const written = Promise.withResolvers<void>();
  const sink = archive.entry({ ...header, mtime: new Date(0) }, (error) =>
    error ? written.reject(error) : written.resolve(),
  );
  if (header.type !== 'directory') await pipeline(bytes, sink);
  await written.promise;
}

function blobName(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function hexOf(digest: string): string {
  return digest.replace('sha256:', '');
}
