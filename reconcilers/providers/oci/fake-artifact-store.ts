import { rm, stat } from 'node:fs/promises';
import type { Clock } from '../../../controller/clock.ts';
import type { Artifact } from './artifact.ts';
import { defaultMinAgeMs, type ArtifactStore, type StoredArchive } from './artifact-store.ts';

interface FakeArtifactStoreOptions {
  clock: Clock;
  /** A real folder, where archives are made. */
  workDir: string;
}

/** Remembers archives and forgets their bytes: `path` names no file. */
export function createFakeArtifactStore({ clock, workDir }: FakeArtifactStoreOptions): ArtifactStore {
  const archives = new Map<string, StoredArchive>();
  const remembered = new Map<string, Artifact>();

  async function touch(digest: string): Promise<void> {
    const archive = archives.get(digest);
    if (archive) archives.set(digest, { ...archive, storedAt: clock.now() });
  }

  async function remove(digest: string): Promise<void> {
    archives.delete(digest);
    for (const [key, artifact] of remembered) if (artifact.digest === digest) remembered.delete(key);
  }

  return {
    workDir,

    async put(path, digest) {
      const { size } = await stat(path);
      await rm(path);
      archives.set(digest, { digest, sizeBytes: archives.get(digest)?.sizeBytes ?? size, storedAt: clock.now() });
    },

    path: (digest) => `/artifacts/${digest.slice('sha256:'.length)}.tar`,
    has: async (digest) => archives.has(digest),
    list: async () => [...archives.values()],
    remove,
    touch,

    async lookup(key) {
      const artifact = remembered.get(key);
      if (!artifact || !archives.has(artifact.digest)) return undefined;
      await touch(artifact.digest);
      return structuredClone(artifact);
    },

    async remember(key, artifact) {
      remembered.set(key, structuredClone(artifact));
    },

    async sweep(keep, minAgeMs = defaultMinAgeMs) {
      const before = clock.now().getTime() - minAgeMs;
      const swept = [...archives.values()].filter(
        ({ digest, storedAt }) => !keep.has(digest) && storedAt.getTime() <= before,
      );
      for (const { digest } of swept) await remove(digest);
      return swept.map(({ digest }) => digest);
    },
  };
}
