import { createReadStream, createWriteStream, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { EngineError } from '../engine/engine.ts';

/**
 * Unpacks an ordinary archive, a backup mostly, with files and folders only: owners are nobody's, and links go nowhere
 * outside, for they are kept as they are and never followed.
 */
export async function unpackPlain(path: string, rootfs: string): Promise<void> {
  const entries = extract();
  const fed = pipeline(createReadStream(path), decompressor(path), entries).catch(() => undefined);
  const links = new Set<string>();
  try {
    for await (const entry of entries) {
      const parts = entry.header.name.split('/').filter((part) => part !== '' && part !== '.');
      if (parts.includes('..')) throw new EngineError(`the archive names ${entry.header.name}, outside of the root`);
      const target = join(rootfs, ...parts);
      const isSafe = !parts.some((_, index) => links.has(parts.slice(0, index).join('/')));
      if (isSafe && entry.header.type === 'directory') mkdirSync(target, { recursive: true });
      if (isSafe && entry.header.type === 'file') {
        mkdirSync(dirname(target), { recursive: true });
        await pipeline(Readable.from(entry), createWriteStream(target));
      }
      if (isSafe && entry.header.type === 'symlink') {
        mkdirSync(dirname(target), { recursive: true });
        symlinkSync(entry.header.linkname, target);
        links.add(parts.join('/'));
      }
      entry.resume();
    }
  } finally {
    await fed;
  }
}

function decompressor(path: string): Transform {
  if (path.endsWith('.gz') || path.endsWith('.tgz')) return createGunzip();
  return path.endsWith('.zst') ? createZstdDecompress() : new PassThrough();
}
