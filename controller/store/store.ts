import type { Kind, Manifest, Resource } from '../../crds/define-kind.ts';
import type { FieldSelector, LabelSelector } from './selector.ts';

/** Which object. Cluster-scoped kinds have no namespace. */
export interface ObjectKey {
  namespace?: string | undefined;
  name: string;
}

/**
 * On whose behalf something is written. `manager` owns the fields it writes (`containr-cli`, `rest`, `controller/guest`...);
 * the rest is for the audit. `fence` is the leader's token: a write with an outdated one is refused with Fenced.
 */
export interface Writer {
  manager: string;
  user?: string | undefined;
  address?: string | undefined;
  userAgent?: string | undefined;
  requestId?: string | undefined;
  fence?: bigint | undefined;
}

export interface ListOptions {
  namespace?: string | undefined;
  labels?: LabelSelector | undefined;
  fields?: FieldSelector | undefined;
  limit?: number | undefined;
  /** From the page before; Expired when that is compacted. */
  continue?: string | undefined;
}

export interface Page<R> {
  items: R[];
  /** Where a watch resumes so that it misses nothing after this list. The same for all pages of one list. */
  resourceVersion: string;
  continue: string | undefined;
  remaining: number | undefined;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Change<R> {
  type: ChangeType;
  /** As after the change; for DELETED as it was last, with the version of the deletion. */
  object: R;
}

/** A change, or the news that nothing happened up to a version (so that a resume need not go far back). */
export type WatchEvent<R> = Change<R> | { type: 'BOOKMARK'; resourceVersion: string };

export interface WatchOptions {
  namespace?: string | undefined;
  labels?: LabelSelector | undefined;
  fields?: FieldSelector | undefined;
  /** Everything after this version, each change once and in order. Expired when it is compacted. */
  since: string;
  signal: AbortSignal;
  bookmarks?: boolean | undefined;
}

export interface WriteOptions {
  /** Everything but the writing: answers what would be stored. */
  dryRun?: boolean | undefined;
}

export interface DeleteOptions extends WriteOptions {
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  /** Background (default): children go after it. Foreground: it goes after its children. Orphan: children stay. */
  propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

/**
 * Desired state and what loops report of it. Promises, held by one conformance suite for every implementation:
 *
 * - What a write, a list or a watch answers is shared: it is frozen, and a copy is made to change it.
 * - An acknowledged write is durable and visible to the next read. `resourceVersion` grows in commit order, over all kinds.
 * - Update and status update with a `resourceVersion` that is not the stored one fail with Conflict; never a lost update.
 *   An empty resourceVersion in `update` means "whatever is there".
 * - `generation` moves when the spec changes, and when deletion is requested, never else. A write that changes nothing makes
 *   no new version. Status writes cannot touch spec or metadata, spec writes cannot touch status.
 * - `create` sets uid, creationTimestamp, generation 1 and the kind's finalizer; AlreadyExists when the name is taken.
 * - `delete` of an object with finalizers sets deletionTimestamp; it goes when the last finalizer is removed by an update.
 *   An object being deleted takes no new finalizers. Children (owner references by uid) are deleted by the store's garbage
 *   collection, which is part of this contract: see `collectGarbage`.
 * - Every write by somebody leaves one audit row in the same transaction: who, what, when, from where. What a loop writes on
 *   its own account (manager `controller/...`, no user) leaves none.
 */
export interface ResourceStore {
  get<R extends Resource>(kind: Kind<R>, key: ObjectKey): Promise<R | undefined>;
  /** The object of this kind whose uid it is; any text may be asked for. */
  getByUid<R extends Resource>(kind: Kind<R>, uid: string): Promise<R | undefined>;
  list<R extends Resource>(kind: Kind<R>, options?: ListOptions): Promise<Page<R>>;
  /** How many objects of a kind, not counting those being deleted, are in each of `namespaces`; none there is no entry. */
  countIn(kind: Pick<Kind, 'kind'>, namespaces: readonly string[]): Promise<Map<string, number>>;
  watch<R extends Resource>(kind: Kind<R>, options: WatchOptions): AsyncIterable<WatchEvent<R>>;

  create<R extends Resource>(
    kind: Kind<R>,
    manifest: Manifest<R['spec']>,
    writer: Writer,
    options?: WriteOptions,
  ): Promise<R>;
  /** Spec, labels, annotations, finalizers and owner references become those of `object`. */
  update<R extends Resource>(kind: Kind<R>, object: R, writer: Writer, options?: WriteOptions): Promise<R>;
  /** The status becomes that of `object`; nothing else is looked at but its key and resourceVersion. */
  updateStatus<R extends Resource>(kind: Kind<R>, object: R, writer: Writer, options?: WriteOptions): Promise<R>;
  /** Answers the object as it is now (being deleted), or undefined when it is gone at once. NotFound when there is none. */
  delete<R extends Resource>(
    kind: Kind<R>,
    key: ObjectKey,
    writer: Writer,
    options?: DeleteOptions,
  ): Promise<R | undefined>;

  /** Deletes objects whose every owner is gone; how many. Safe to call at any time, by anyone. */
  collectGarbage(writer: Writer): Promise<number>;
  /** Forgets changes older than what is given; watches from before get Expired. */
  compact(options: { keepMs: number; keepChanges: number }): Promise<void>;
  /** The version of the newest committed change. */
  currentVersion(): Promise<string>;
  close(): Promise<void>;
}
