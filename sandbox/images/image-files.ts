import { closeSync, createReadStream, openSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { readLayers, type ImageLayer } from '../lxc/oci-archive.ts';
import type { OciImage } from './oci-image.ts';

/** Files of an image that were asked for, by path without a leading slash; those not there are left out. */
export async function readImageFiles(
  path: string,
  image: OciImage,
  wanted: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await eachEntry(path, image, async (name, content) => {
    if (wanted.includes(name)) found.set(name, (await buffer(content())).toString('utf8'));
    else if (isWhiteoutOf(name, wanted)) found.delete(name.replace('.wh.', ''));
  });
  return found;
}

/** Paths of everything in an image, without a leading slash. */
export async function listImageFiles(path: string, image: OciImage): Promise<Set<string>> {
  const names = new Set<string>();
  await eachEntry(path, image, async (name) => void names.add(name));
  return names;
}

async function eachEntry(
  path: string,
  image: OciImage,
  visit: (name: string, content: () => Readable) => Promise<void>,
): Promise<void> {
  for (const layer of layersOf(path, image)) {
    const entries = extract();
    const source = openLayer(path, layer);
    source.on('error', (error) => entries.destroy(error));
    source.pipe(entries);
    for await (const entry of entries) {
      await visit(entry.header.name.replace(/^(\.?\/)+/, '').replace(/\/$/, ''), () => Readable.from(entry));
      entry.resume();
    }
  }
}

function layersOf(path: string, image: OciImage): ImageLayer[] {
  const fd = openSync(path, 'r');
  try {
    return readLayers(fd, image.members);
  } finally {
    closeSync(fd);
  }
}

function openLayer(path: string, { offset, size, compression }: ImageLayer): Readable {
  const raw = createReadStream(path, { start: offset, end: offset + size - 1 });
  switch (compression) {
    case 'none':
      return raw;
    case 'gzip':
      return raw.pipe(createGunzip());
    case 'zstd':
      return raw.pipe(createZstdDecompress());
    default:
      return compression satisfies never;
  }
}

function isWhiteoutOf(name: string, wanted: readonly string[]): boolean {
  return name.includes('.wh.') && wanted.includes(name.replace('.wh.', ''));
}
