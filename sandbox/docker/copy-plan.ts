import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { DockerError } from './docker-error.ts';
import { readContent, splitPath, type FileEntry, type FileTree } from './file-tree.ts';
import type { LayerEntry } from './layer-writer.ts';

/** One COPY or ADD, with variables replaced. */
export interface CopyRequest {
  /** COPY or ADD, for messages. */
  instruction: 'COPY' | 'ADD';
  /** The build context, or the files of another stage. */
  source: FileTree;
  fromStage: boolean;
  sources: readonly string[];
  /** Absolute; a trailing slash says that it is a folder. */
  destination: string;
  /** The files of the image so far. */
  target: FileTree;
  owner: { uid: number; gid: number };
}

/** What a COPY or ADD puts into the image, parents first. Throws DockerError in Docker's words. */
export function planCopy(request: CopyRequest): LayerEntry[] {
  const { instruction, source, sources, destination, target } = request;
  const matches = sources.flatMap((pattern) => matchSource(request, pattern));
  const place = target.resolve(destination, { followLast: true });
  const isFolder = destination.endsWith('/') || target.get(place)?.type === 'folder';
  if (matches.length > 1 && !destination.endsWith('/')) {
    throw new DockerError(
      400,
      `When using ${instruction} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  const layer = new Map<string, LayerEntry>();
  for (const path of matches) {
    const entry = source.get(path);
    if (entry?.type === 'folder') {
      makeFolders(request, layer, splitPath(place));
      for (const [below, inner] of source.below(path)) {
        add(request, layer, posix.join(place, posix.relative(path === '' ? '.' : path, below)), inner);
      }
    } else if (entry) {
      add(request, layer, isFolder ? posix.join(place, posix.basename(path)) : place, entry);
    }
  }
  return [...layer.values()];
}

/** A digest of what would be copied; names, modes, owners and contents count, times do not. */
export async function digestCopy(entries: readonly LayerEntry[]): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of entries) {
    const { path, type, mode, uid, gid } = entry;
    hash.update(`${JSON.stringify([path, type, mode, uid, gid, entry.type === 'link' ? entry.target : ''])}\n`);
    if (entry.type === 'file')
      hash.update(
        createHash('sha256')
          .update(await readContent(entry.content))
          .digest(),
      );
  }
  return hash.digest('hex');
}

/** ADD fetches addresses and unpacks archives, which this builder does not. Throws DockerError for both. */
export async function refuseWhatOnlyAddDoes({ source, sources }: CopyRequest): Promise<void> {
  for (const path of sources) {
    if (/^https?:\/\//.test(path))
      throw new DockerError(400, `ADD failed: Get "${path}": this builder reaches no network`);
    const entry = source.get(source.resolve(path, { followLast: true }));
    if (entry?.type !== 'file') continue;
    const head = (await readContent({ ...entry.content, size: Math.min(entry.content.size, 512) })).toString('latin1');
    if (archiveStarts.some((start) => head.startsWith(start)) || head.slice(257, 262) === 'ustar') {
      throw new DockerError(
        400,
        `ADD failed: this builder cannot unpack ${path}; copy what is in it, or install Docker`,
      );
    }
  }
}

/** gzip, bzip2, xz, zstd */
const archiveStarts = ['\u001F\u008B', 'BZh', '\u00FD7zXZ', '\u0028\u00B5\u002F\u00FD'];

function matchSource({ instruction, source, fromStage }: CopyRequest, pattern: string): string[] {
  const normal = posix.normalize(`./${pattern}`);
  if (normal === '..' || normal.startsWith('../')) {
    throw new DockerError(400, `${instruction} failed: forbidden path outside the build context: ${pattern} ()`);
  }
  const wanted = splitPath(normal).join('/');
  if (/[*?[\\]/.test(wanted)) {
    const found = matchWildcard(source, wanted);
    if (found.length > 0) return found;
    throw new DockerError(400, `${instruction} failed: no source files were specified`);
  }
  const path = source.resolve(wanted, { followLast: true });
  if (source.get(path)) return [path];
  const where = fromStage ? '' : ': file not found in build context or excluded by .dockerignore';
  throw new DockerError(404, `${instruction} failed${where}: stat ${wanted}: file does not exist`);
}

/** Every part of the pattern stands for one part of a path, as in Go's filepath.Match. */
function matchWildcard(source: FileTree, pattern: string): string[] {
  const parts = splitPath(pattern).map(
    (part) =>
      new RegExp(
        `^${part
          .replaceAll(/[.+^${}()|]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.')}$`,
        'su',
      ),
  );
  return source.below('').flatMap(([path]) => {
    const names = path.split('/');
    const fits = names.length === parts.length && names.every((name, index) => parts[index]?.test(name));
    return fits ? [path] : [];
  });
}

function add(request: CopyRequest, layer: Map<string, LayerEntry>, path: string, entry: FileEntry): void {
  const parts = splitPath(path);
  makeFolders(request, layer, parts.slice(0, -1));
  const place = request.target.resolve(path, { followLast: false });
  layer.set(place, { ...entry, ...request.owner, path: place });
}

/** Folders that the image lacks belong to the owner of what is copied. */
function makeFolders({ target, owner }: CopyRequest, layer: Map<string, LayerEntry>, parts: readonly string[]): void {
  for (let depth = 1; depth <= parts.length; depth++) {
    const path = target.resolve(parts.slice(0, depth).join('/'), { followLast: true });
    if (layer.has(path) || target.get(path)?.type === 'folder') continue;
    layer.set(path, { type: 'folder', mode: 0o755, ...owner, path });
  }
}
