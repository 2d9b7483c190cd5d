import {
  createReadStream,
  createWriteStream,
  lstatSync,
  openSync,
  closeSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { extract, pack, type Header, type Pack } from 'tar-stream';

/** How a backup is compressed. */
export type BackupCompression = 'none' | 'gzip' | 'zstd';

/** A folder on this machine, and where it is in the guest. */
export interface BackupPart {
  folder: string;
  mountPath: string;
}

/** What goes into a backup. */
export interface BackupContent {
  configText: string;
  parts: readonly BackupPart[];
}

const configEntry = './etc/vzdump/pct.conf';
/** Owners of an unprivileged guest's files are moved up by this on the host; a backup has them as the guest sees them. */
const idBase = 100_000;
const idCount = 65_536;

/** Writes an archive as vzdump does: the config first, then the root and the volumes below it. Returns the bytes before compression. */
export async function writeBackup(
  path: string,
  content: BackupContent,
  compression: BackupCompression,
): Promise<number> {
  const archive = pack();
  let bytes = 0;
  const counted = new PassThrough();
  counted.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const written = pipeline(Readable.from(archive), counted, compressor(compression), createWriteStream(path));
  try {
    archive.entry({ name: configEntry, mode: 0o644, type: 'file' }, content.configText);
    for (const { folder, mountPath } of content.parts) {
      await addTree(archive, folder, `.${mountPath === '/' ? '' : mountPath}`, new Map());
    }
    archive.finalize();
  } catch (error) {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  }
  await written;
  return bytes;
}

/** The config that a backup carries; undefined when it carries none. */
export async function readBackupConfig(path: string): Promise<string | undefined> {
  const entries = extract();
  const source = createReadStream(path);
  const fed = pipeline(source, decompressor(path), entries).catch(() => undefined);
  let text: string | undefined;
  for await (const entry of entries) {
    if (entry.header.name === configEntry) {
      text = (await buffer(Readable.from(entry))).toString('utf8');
      break;
    }
    entry.resume();
  }
  source.destroy();
  entries.destroy();
  await fed;
  return text;
}

/** `.tar`, `.tar.gz`, `.tar.zst`. */
export function backupSuffix(compression: BackupCompression): string {
  return { none: 'tar', gzip: 'tar.gz', zstd: 'tar.zst' }[compression];
}

async function addTree(archive: Pack, path: string, name: string, links: Map<number, string>): Promise<void> {
  const stats = lstatSync(path);
  const header = headerOf(stats, name);
  if (stats.isDirectory()) {
    archive.entry({ ...header, name: `${name}/`, type: 'directory' });
    for (const child of readdirSync(path).sort()) await addTree(archive, join(path, child), `${name}/${child}`, links);
  } else if (stats.isSymbolicLink()) {
    archive.entry({ ...header, type: 'symlink', linkname: readlinkSync(path) });
  } else if (stats.isFile()) {
    const linkname = stats.nlink > 1 ? links.get(stats.ino) : undefined;
    if (linkname !== undefined) archive.entry({ ...header, type: 'link', linkname });
    else await addFile(archive, path, { ...header, type: 'file', size: stats.size });
    if (stats.nlink > 1) links.set(stats.ino, linkname ?? name);
  }
}

async function addFile(
  archive: Pack,
  path: string,
  header: Partial<Header> & { name: string; size: number },
): Promise<void> {
  const done = Promise.withResolvers<void>();
  const sink = archive.entry(header, (error) => (error ? done.reject(error) : done.resolve()));
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(256 * 1024);
    for (let left = header.size; left > 0;) {
      const read = readSync(file, chunk, 0, Math.min(chunk.length, left), null);
      const piece = read > 0 ? chunk.subarray(0, read) : Buffer.alloc(Math.min(chunk.length, left));
      if (!sink.write(Buffer.from(piece))) await new Promise<void>((resolve) => sink.once('drain', () => resolve()));
      left -= piece.length;
    }
  } finally {
    closeSync(file);
  }
  sink.end(undefined);
  await done.promise;
}

function headerOf(stats: Stats, name: string): Partial<Header> & { name: string } {
  return { name, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: guestId(stats.uid), gid: guestId(stats.gid) };
}

function guestId(id: number): number {
  return id >= idBase && id < idBase + idCount ? id - idBase : id;
}

function compressor(compression: BackupCompression): Transform {
  switch (compression) {
    case 'none':
      return new PassThrough();
    case 'gzip':
      return createGzip();
    case 'zstd':
      return createZstdCompress();
    default:
      return compression satisfies never;
  }
}

function decompressor(path: string): Transform {
  if (path.endsWith('.gz')) return createGunzip();
  return path.endsWith('.zst') ? createZstdDecompress() : new PassThrough();
}
