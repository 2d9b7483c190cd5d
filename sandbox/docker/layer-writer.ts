import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { readContent, type FileEntry } from './file-tree.ts';
import type { ImageStore } from './image-store.ts';

/** A file, folder or link with its path in the image. */
export type LayerEntry = FileEntry & { path: string };

/**
 * Writes a layer into the store and returns its digest. Equal entries always give equal bytes: they are written in the
 * order given, and no time is kept.
 */
export async function writeLayer(store: ImageStore, entries: readonly LayerEntry[]): Promise<string> {
  const file = join(store.temporary, randomUUID());
  const hash = createHash('sha256');
  const archive = pack();
  const watched = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    const written = pipeline(Readable.from(archive), watched, createWriteStream(file));
    await Promise.all([written, addEntries(archive, entries)]);
    const diffId = `sha256:${hash.digest('hex')}`;
    store.addLayer(file, diffId);
    return diffId;
  } finally {
    await rm(file, { force: true });
  }
}

async function addEntries(archive: Pack, entries: readonly LayerEntry[]): Promise<void> {
  for (const entry of entries) {
    const { mode, uid, gid } = entry;
    const header = { mode, uid, gid, mtime: new Date(0) };
    switch (entry.type) {
      case 'folder':
        archive.entry({ ...header, name: `${entry.path}/`, type: 'directory' });
        break;
      case 'link':
        archive.entry({ ...header, name: entry.path, type: 'symlink', linkname: entry.target });
        break;
      case 'file': {
        const content = await readContent(entry.content);
        await new Promise<void>((resolve, reject) => {
          archive.entry({ ...header, name: entry.path, size: content.byteLength }, content, (error) =>
            error ? reject(error) : resolve(),
          );
        });
        break;
      }
      default:
        entry satisfies never;
    }
  }
  archive.finalize();
}
