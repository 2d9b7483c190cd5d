import type { Artifact } from './artifact.ts';

export interface StoredArchive {
  digest: string;
  sizeBytes: number;
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
  /** What the same build gave before, if its archive is still kept. */
  lookup(key: string): Promise<Artifact | undefined>;
  remember(key: string, artifact: Artifact): Promise<void>;
  /** Removes all archives but these and those younger than `minAgeMs`; says which. */
  sweep(keep: ReadonlySet<string>, minAgeMs?: number): Promise<string[]>;
}

/** So young an archive may belong to a build that has not written its status yet. */
export const defaultMinAgeMs = 60_000;
