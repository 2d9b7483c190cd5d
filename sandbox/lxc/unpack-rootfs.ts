import { createHash, type Hash } from 'node:crypto';
import { chmodSync, chownSync, closeSync, createReadStream, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { PassThrough, Transform, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { EngineError } from '../engine/engine.ts';
import { ID_BASE } from './id-map.ts';
import { readLayers, type Compression, type ImageLayer } from './oci-archive.ts';
import { RootfsWriter } from './rootfs-writer.ts';
import { indexTar } from './tar-index.ts';

/** An archive with a root file system: an OCI image, or a plain tar that may be compressed with gzip or zstd. */
export interface RootfsArchive {
  path: string;
  format: 'oci' | 'plain';
}

const chunkBytes = 1024 * 1024;

/**
 * Unpacks an archive into an empty folder for an unprivileged container. Blocks the thread, so unpacker.ts runs it in
 * one of its own. Throws EngineError for an archive that cannot be unpacked; the folder is then left half full.
 */
export async function unpackRootfs({ path, format }: RootfsArchive, rootfs: string): Promise<void> {
  if (readdirSync(rootfs).length > 0) throw new EngineError(`the root file system is not empty: ${rootfs}`);
  chownSync(rootfs, ID_BASE, ID_BASE);
  chmodSync(rootfs, 0o755);
  const fd = openSync(path, 'r');
  try {
    if (format === 'oci') await unpackImage(fd, path, rootfs);
    else await unpackPlain(fd, path, rootfs);
  } finally {
    closeSync(fd);
  }
}

async function unpackImage(fd: number, path: string, rootfs: string): Promise<void> {
  const layers = readLayers(fd, indexTar(fd, fstatSync(fd).size));
  const writer = new RootfsWriter(rootfs, { whiteouts: true });
  for (const layer of layers) {
    writer.nextLayer();
    const hash = createHash('sha256');
    await unpackTar(path, layer, writer, hash);
    if (hash.digest('hex') !== layer.diffId) {
      throw new EngineError(`Error while parsing OCI image: layer sha256:${layer.diffId} is damaged in the archive`);
    }
  }
}

async function unpackPlain(fd: number, path: string, rootfs: string): Promise<void> {
  const compression = detectCompression(fd);
  const writer = new RootfsWriter(rootfs, { whiteouts: false });
  await unpackTar(path, { offset: 0, size: fstatSync(fd).size, compression }, writer);
}

async function unpackTar(
  path: string,
  { offset, size, compression }: Omit<ImageLayer, 'diffId'>,
  writer: RootfsWriter,
  hash?: Hash,
): Promise<void> {
  if (size === 0) return;
  const source = createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: chunkBytes });
  const watched = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash?.update(chunk);
      done(null, chunk);
    },
  });
  const entries = extract();
  // A broken stream ends the entries with the same error, so only theirs has to be told.
  const fed = pipeline(source, decompressor(compression), watched, entries).catch(() => undefined);
  try {
    for await (const entry of entries) {
      await writer.write(entry.header, entry);
      entry.resume();
    }
  } finally {
    await fed;
  }
}

function decompressor(compression: Compression): Duplex {
  switch (compression) {
    case 'none':
      return new PassThrough();
    case 'gzip':
      return createGunzip({ chunkSize: chunkBytes });
    case 'zstd':
      return createZstdDecompress({ chunkSize: chunkBytes });
    default:
      return compression satisfies never;
  }
}

function detectCompression(fd: number): Compression {
  const magic = Buffer.alloc(4);
  readSync(fd, magic, 0, 4, 0);
  const hex = magic.toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  if (hex === '28b52ffd') return 'zstd';
  if (hex === 'fd377a58') throw new EngineError('this sandbox cannot unpack xz; use an archive with gzip or zstd');
  return 'none';
}
