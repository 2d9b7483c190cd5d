import { constants } from 'node:fs';
import { lstat, open, readdir, readFile, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { DockerFault } from './fault.ts';
import { readIgnoreFile, type IgnoreFile } from './ignore-file.ts';

interface ContextOptions {
  contextDir: string;
  /** Path inside the folder. */
  dockerfile: string;
  maxBytes: number;
}

interface ContextEntry {
  /** Inside the context, without a leading slash. */
  path: string;
  kind: 'file' | 'folder' | 'link';
  sizeBytes: number;
  modifiedAt: Date;
  executable: boolean;
}

/**
 * The folder as a tar for a Docker engine, without what `.dockerignore` names. Links are sent as links and never followed;
 * sockets, pipes and devices are left out. Throws dockerfileNotFound, and invalid for too many bytes.
 */
export async function openBuildContext(options: ContextOptions, signal: AbortSignal): Promise<Readable> {
  const dockerfile = posix.relative('/', posix.resolve('/', options.dockerfile));
  if (!(await lstat(join(options.contextDir, dockerfile)).catch(() => undefined))) {
    throw new DockerFault('dockerfileNotFound', `There is no Dockerfile at "${dockerfile}". Correct the path.`);
  }
  const ignore = await readIgnore(options.contextDir);
  // The engine needs these two even when they are ignored; it keeps them out of the image itself.
  const needed = new Set([dockerfile, '.dockerignore']);
  const entries: ContextEntry[] = [];
  let bytes = 0;
  for await (const entry of walk(options.contextDir, '', ignore, needed)) {
    bytes += entry.sizeBytes;
    if (bytes > options.maxBytes) throw tooLarge(options.maxBytes);
    entries.push(entry);
  }
  const archive = pack();
  writeEntries(archive, options.contextDir, entries, signal).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Readable.from(archive);
}

async function readIgnore(contextDir: string): Promise<IgnoreFile> {
  const path = join(contextDir, '.dockerignore');
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile()) return readIgnoreFile('');
  if (found.size > 256 * 1024)
    throw new DockerFault('invalid', 'The .dockerignore is larger than 256 KiB. Shorten it.');
  return readIgnoreFile(await readFile(path, 'utf8'));
}

/** In the order of names, a folder before what is in it. */
async function* walk(
  contextDir: string,
  folder: string,
  ignore: IgnoreFile,
  needed: ReadonlySet<string>,
): AsyncGenerator<ContextEntry> {
  const names = (await readdir(join(contextDir, folder))).toSorted();
  for (const name of names) {
    const path = posix.join(folder, name);
    const status = await lstat(join(contextDir, path));
    const ignored = ignore.ignores(path) && !needed.has(path);
    const entry = { path, sizeBytes: 0, modifiedAt: status.mtime, executable: (status.mode & 0o111) !== 0 };
    if (status.isDirectory()) {
      if (!ignored) yield { ...entry, kind: 'folder' };
      const descend = !ignored || ignore.hasExceptions || [...needed].some((one) => one.startsWith(`${path}/`));
      if (descend) yield* walk(contextDir, path, ignore, needed);
    } else if (status.isSymbolicLink() && !ignored) yield { ...entry, kind: 'link' };
    else if (status.isFile() && !ignored) yield { ...entry, kind: 'file', sizeBytes: status.size };
  }
}

async function writeEntries(
  archive: Pack,
  contextDir: string,
  entries: readonly ContextEntry[],
  signal: AbortSignal,
): Promise<void> {
  for (const entry of entries) {
    signal.throwIfAborted();
    const path = join(contextDir, entry.path);
    // Whoever checked the files out may have had a umask that other users in the image could not read them with.
    const headers = { name: entry.path, mtime: entry.modifiedAt, mode: entry.executable ? 0o755 : 0o644 };
    switch (entry.kind) {
      case 'folder':
        await addEmpty(archive, { ...headers, type: 'directory', mode: 0o755 });
        break;
      case 'link':
        await addEmpty(archive, { ...headers, type: 'symlink', linkname: await readlink(path), mode: 0o777 });
        break;
      case 'file':
        await addFile(archive, { ...headers, size: entry.sizeBytes }, path, signal);
        break;
      default:
        entry.kind satisfies never;
    }
  }
}

type EntryHeaders = Parameters<Pack['entry']>[0];

function addEmpty(archive: Pack, headers: EntryHeaders): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(headers, (error) => (error ? reject(error) : resolve()));
  });
}

/** A link that took the file's place meanwhile is not followed, and a file that grew is cut at the size announced. */
async function addFile(
  archive: Pack,
  headers: EntryHeaders & { size: number },
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const written = Promise.withResolvers<void>();
  const sink = archive.entry(headers, (error) => (error ? written.reject(error) : written.resolve()));
  const bytes =
    headers.size === 0 ? Readable.from([]) : file.createReadStream({ end: headers.size - 1, autoClose: false });
  await Promise.all([pipeline(bytes, sink, { signal }), written.promise]);
}

function tooLarge(maxBytes: number): DockerFault {
  const mebibytes = Math.ceil(maxBytes / 1024 ** 2);
  return new DockerFault(
    'invalid',
    `The files to build from are larger than the ${mebibytes} MiB allowed. Name what is not needed in .dockerignore.`,
  );
}
