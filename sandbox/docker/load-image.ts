import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PassThrough, Transform, type Duplex } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { z } from 'zod';
import { DockerError } from './docker-error.ts';
import { FileTree, readContent, splitPath, type Content } from './file-tree.ts';
import { ImageConfig } from './image-config.ts';
import { formatTag, parseImageName } from './image-name.ts';
import type { ImageStore, StoredImage } from './image-store.ts';

/** An image that came out of an archive, with the names it brought. */
export interface LoadedImage {
  image: StoredImage;
  tags: string[];
}

const DockerIndex = z.array(
  z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()) }),
);
const Descriptor = z.object({ mediaType: z.string(), digest: z.string() });
const OciIndex = z.object({ manifests: z.array(Descriptor) });
const OciManifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });

/** Reads an archive as `docker save` or an OCI tool writes it, from a tar file. Throws DockerError when it is none. */
export async function loadImages(store: ImageStore, tarFile: string): Promise<LoadedImage[]> {
  const archive = new FileTree();
  await archive.addTar(tarFile, { whiteouts: false });
  const loaded: LoadedImage[] = [];
  for (const { Config, RepoTags, Layers } of await readIndex(archive)) {
    const raw = (await readMember(archive, Config)).toString('utf8');
    const diffIds = ImageConfig.parse(JSON.parse(raw)).rootfs.diff_ids ?? [];
    if (diffIds.length !== Layers.length) {
      throw new DockerError(
        400,
        `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${Layers.length}`,
      );
    }
    for (const [index, path] of Layers.entries()) {
      await addLayer(store, contentOf(archive, path), diffIds[index] ?? '');
    }
    const image = store.addImage(raw);
    const tags = (RepoTags ?? []).map((tag) => formatTag(parseImageName(tag)));
    for (const tag of tags) store.tag(image.id, tag);
    loaded.push({ image, tags });
  }
  return loaded;
}

async function readIndex(archive: FileTree): Promise<z.output<typeof DockerIndex>> {
  if (archive.get('manifest.json')) return DockerIndex.parse(await readJson(archive, 'manifest.json'));
  if (!archive.get('index.json')) throw new DockerError(400, 'the archive has neither manifest.json nor index.json');
  const { manifests } = OciIndex.parse(await readJson(archive, 'index.json'));
  return Promise.all(
    manifests.map(async ({ digest }) => {
      const manifest = OciManifest.parse(await readJson(archive, blobName(digest)));
      return {
        Config: blobName(manifest.config.digest),
        Layers: manifest.layers.map((layer) => blobName(layer.digest)),
      };
    }),
  );
}

/** Copies a layer into the store, decompressed, and checks that it is what the image says. */
async function addLayer(store: ImageStore, content: Content, diffId: string): Promise<void> {
  const file = join(store.temporary, randomUUID());
  const hash = createHash('sha256');
  const watched = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const { offset, size } = content;
  const source = createReadStream(content.file, { start: offset, end: Math.max(offset, offset + size - 1) });
  try {
    await pipeline(source, decompressor(await readStart(content.file, offset)), watched, createWriteStream(file));
    const actual = `sha256:${hash.digest('hex')}`;
    if (actual !== diffId)
      throw new DockerError(400, `invalid diffID for layer: expected "${diffId}", got "${actual}"`);
    store.addLayer(file, diffId);
  } finally {
    await rm(file, { force: true });
  }
}

/** What undoes a compression, by the first bytes of a stream. */
export function decompressor(start: Uint8Array): Duplex {
  const hex = Buffer.from(start).toString('hex');
  if (hex.startsWith('1f8b')) return createGunzip();
  return hex.startsWith('28b52ffd') ? createZstdDecompress() : new PassThrough();
}

/** The first bytes of a file, or of what begins in it at an offset. */
export async function readStart(path: string, offset = 0): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    return (await handle.read(Buffer.alloc(4), 0, 4, offset)).buffer;
  } finally {
    await handle.close();
  }
}

async function readJson(archive: FileTree, path: string): Promise<unknown> {
  return JSON.parse((await readMember(archive, path)).toString('utf8'));
}

function readMember(archive: FileTree, path: string): Promise<Buffer> {
  return readContent(contentOf(archive, path));
}

/** Docker 1.10 to 24 write a layer that came twice as a symbolic link to the first. */
function contentOf(archive: FileTree, path: string): Content {
  const entry = archive.get(archive.resolve(splitPath(path).join('/'), { followLast: true }));
  if (entry?.type === 'file') return entry.content;
  throw new DockerError(400, `open ${path}: no such file or directory`);
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
