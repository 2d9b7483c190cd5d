import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../controller/clock.ts';
import { Fault } from '../../../controller/errors.ts';
import { Artifact, Digest } from './artifact.ts';

export interface StoredArchive {
  digest: string;
  sizeBytes: number;
  /** When it was stored, or last said to be in use. */
  storedAt: Date;
}

/**
 * Archives kept by their content, and which build made which. A crash at any moment leaves a whole archive or none.
 * Throws Exhausted when there is no room.
 */
export interface ArtifactStore {
  /** A folder on the same disk for work in progress; emptied when the store is opened. */
  readonly workDir: string;
  /** Takes the file over: it is gone from `path` afterwards. One that is there already is kept. */
  put(path: string, digest: string): Promise<void>;
  /** Where the archive lies, or would. */
  path(digest: string): string;
  has(digest: string): Promise<boolean>;
  list(): Promise<StoredArchive[]>;
  /** Success also when it is not there. What was remembered of it is forgotten. */
  remove(digest: string): Promise<void>;
  /** It is in use: its age begins anew. Nothing when it is not there. */
  touch(digest: string): Promise<void>;
  /** What the same build gave before, if its archive is still kept; its age begins anew. */
  lookup(key: string): Promise<Artifact | undefined>;
  remember(key: string, artifact: Artifact): Promise<void>;
  /** Removes all archives but these and those younger than `minAgeMs`; says which. */
  sweep(keep: ReadonlySet<string>, minAgeMs?: number): Promise<string[]>;
}

/** So young an archive may belong to a build that has not written its status yet. */
export const defaultMinAgeMs = 60_000;

interface ArtifactStoreOptions {
  /** Made when absent. One process at a time. */
  dir: string;
  clock: Clock;
  /** Of all archives together; no limit when absent. */
  maxBytes?: number;
}

/** Opens the store in a folder: archives/HEX.tar, index/HASH.json and work/. */
export function createArtifactStore({ dir, clock, maxBytes }: ArtifactStoreOptions): ArtifactStore {
  const archives = join(dir, 'archives');
  const index = join(dir, 'index');
  const workDir = join(dir, 'work');
  for (const folder of [archives, index, workDir]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(workDir)) rmSync(join(workDir, name), { recursive: true, force: true });

  const archivePath = (digest: string) => join(archives, `${hexOf(digest)}.tar`);
  const indexPath = (key: string) => join(index, `${createHash('sha256').update(key).digest('hex')}.json`);

  async function list(): Promise<StoredArchive[]> {
    const found: StoredArchive[] = [];
    for (const name of await readdir(archives)) {
      const hex = /^([0-9a-f]{64})\.tar$/.exec(name)?.[1];
      const status = hex === undefined ? undefined : await stat(join(archives, name)).catch(() => undefined);
      if (status) found.push({ digest: `sha256:${hex}`, sizeBytes: status.size, storedAt: status.mtime });
    }
    return found;
  }

  async function has(digest: string): Promise<boolean> {
    return (await stat(archivePath(digest)).catch(() => undefined)) !== undefined;
  }

  async function touchArchive(digest: string): Promise<void> {
    await utimes(archivePath(digest), clock.now(), clock.now()).catch((error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error;
    });
  }

  async function makeRoom(sizeBytes: number): Promise<void> {
    if (maxBytes === undefined) return;
    const used = (await list()).reduce((sum, archive) => sum + archive.sizeBytes, 0);
    if (used + sizeBytes <= maxBytes) return;
    throw new Fault(
      'Exhausted',
      `The archives would take more than the ${Math.ceil(maxBytes / 1024 ** 2)} MiB they may. ` +
        'Remove services or old builds, or raise the limit.',
    );
  }

  /** Whole or not at all, also after a power cut. */
  async function writeWhole(path: string, text: string): Promise<void> {
    const draft = join(workDir, `${randomUUID()}.draft`);
    await withRoom(async () => {
      await using file = await open(draft, 'w', 0o600);
      await file.writeFile(text);
      await file.sync();
    });
    await rename(draft, path);
    await syncFolder(index);
  }

  async function readIndex(path: string): Promise<Artifact | undefined> {
    const text = await readFile(path, 'utf8').catch(() => '');
    return Artifact.safeParse(parseJson(text)).data;
  }

  async function remove(digest: string): Promise<void> {
    // First what points at it: a crash in between must not leave a key without its archive.
    for (const name of await readdir(index)) {
      if ((await readIndex(join(index, name)))?.digest === digest) await rm(join(index, name), { force: true });
    }
    await rm(archivePath(digest), { force: true });
  }

  return {
    workDir,

    async put(path, digest) {
      if (await has(digest)) {
        await touchArchive(digest);
        return rm(path);
      }
      await makeRoom((await stat(path)).size);
      await withRoom(() => moveInto(path, archivePath(digest), workDir));
      await touchArchive(digest);
      await syncFolder(archives);
    },

    path: archivePath,
    has,
    list,
    remove,

    async lookup(key) {
      const artifact = await readIndex(indexPath(key));
      if (!artifact || !(await has(artifact.digest))) return undefined;
      await touchArchive(artifact.digest);
      return artifact;
    },

    touch: touchArchive,

    remember: (key, artifact) => writeWhole(indexPath(key), JSON.stringify(artifact)),

    async sweep(keep, minAgeMs = defaultMinAgeMs) {
      const before = clock.now().getTime() - minAgeMs;
      const swept: string[] = [];
      for (const { digest, storedAt } of await list()) {
        if (keep.has(digest) || storedAt.getTime() > before) continue;
        await remove(digest);
        swept.push(digest);
      }
      return swept;
    },
  };
}

function hexOf(digest: string): string {
  const parsed = Digest.safeParse(digest);
  if (!parsed.success) throw new Fault('Invalid', 'The digest of an archive is not sha256: and 64 hex digits.');
  return parsed.data.slice('sha256:'.length);
}

/** Renames; a file from another disk is first copied beside. */
async function moveInto(from: string, to: string, workDir: string): Promise<void> {
  await sync(from);
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, 'EXDEV')) throw error;
    const draft = join(workDir, `${randomUUID()}.draft`);
    await copyFile(from, draft);
    await sync(draft);
    await rename(draft, to);
    await rm(from);
  }
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function withRoom<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'ENOSPC')) throw error;
    throw new Fault('Exhausted', "The disk of the server's data folder is full. Free space on it.", { cause: error });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
