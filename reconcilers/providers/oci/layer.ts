import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Fault } from '../../../controller/errors.ts';
import { scanTar, type TarEntry } from './tar-scan.ts';

/** A layer as it goes into the archive for Proxmox. */
export interface Layer {
  path: string;
  mediaType: string;
  /** Of the file. */
  digest: string;
  sizeBytes: number;
  /** Of the tar, which differs when the file is compressed. */
  diffId: string;
}

type Compression = 'none' | 'gzip' | 'zstd';

const mediaTypes: Record<Compression, string> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/** Containers have the ids 0 to 65535; Proxmox fails to unpack any other. */
const idLimit = 65_536;
const ownFolder = '.containr';

/**
 * Reads a layer through and makes sure that a guest can be made from it. Device nodes are left out, in a copy beside the
 * file: an unprivileged container cannot have them and gets its own /dev. Throws Invalid, naming the file.
 */
export async function readLayer(path: string, diffId: string, signal: AbortSignal): Promise<Layer> {
  const compression = await detectCompression(path);
  const devices = new Set<string>();
  const found = await hashThrough(
    scanTar(openLayer(path, compression), (entry) => check(entry, devices)),
    signal,
  );
  if (found !== diffId) {
    throw new Fault('Unavailable', 'A layer of the saved image is damaged. It is saved again.');
  }
  if (devices.size === 0) return layerAt(path, compression, diffId, signal);

  const copy = `${path}.tar`;
  const kept = scanTar(openLayer(path, compression), (entry) => !isDevice(entry, devices));
  await pipeline(kept, createWriteStream(copy), { signal });
  const copyId = await hashThrough(createReadStream(copy), signal);
  return layerAt(copy, 'none', copyId, signal);
}

async function layerAt(path: string, compression: Compression, diffId: string, signal: AbortSignal): Promise<Layer> {
  const digest = compression === 'none' ? diffId : await hashThrough(createReadStream(path), signal);
  return { path, mediaType: mediaTypes[compression], digest, sizeBytes: (await stat(path)).size, diffId };
}

/** Keeps every entry; notes devices, throws for what cannot be. */
function check(entry: TarEntry, devices: Set<string>): boolean {
  if (isDevice(entry, devices)) {
    devices.add(entry.name);
    return true;
  }
  if (entry.uid >= idLimit || entry.gid >= idLimit) {
    throw new Fault(
      'Invalid',
      `The image's file /${entry.name} belongs to ${entry.uid}:${entry.gid}; a guest has ids up to ${idLimit - 1}. ` +
        'Change its owner in the Dockerfile.',
    );
  }
  if (entry.name === ownFolder || entry.name.startsWith(`${ownFolder}/`)) {
    throw new Fault('Invalid', `The image has /${entry.name}, where the guest's supervisor belongs. Rename it.`);
  }
  return true;
}

function isDevice({ type, name, linkName }: TarEntry, devices: ReadonlySet<string>): boolean {
  return type === '3' || type === '4' || devices.has(name) || (type === '1' && devices.has(linkName));
}

/** By the first bytes; the media type is not to be relied on. */
async function detectCompression(path: string): Promise<Compression> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.readUInt16BE(0) === 0x1f8b) return 'gzip';
  return buffer.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
}

async function* openLayer(path: string, compression: Compression): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  try {
    if (compression === 'none') return yield* file;
    const plain = compression === 'gzip' ? createGunzip() : createZstdDecompress();
    file.on('error', (error) => plain.destroy(error));
    yield* file.pipe(plain);
  } catch (cause) {
    throw new Fault('Invalid', 'A layer of the image cannot be decompressed. Build the image anew.', { cause });
  } finally {
    file.destroy();
  }
}

async function hashThrough(source: AsyncIterable<Buffer>, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return `sha256:${hash.digest('hex')}`;
}
