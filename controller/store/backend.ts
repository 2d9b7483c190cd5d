import type { AuditAction } from '../access/audit-log.ts';
import type { Decision, DecisionContext, StoredObject } from './decision.ts';
import type { GraphNode } from './plan-garbage.ts';
import type { Stored } from './stored.ts';
import type { ChangeType, ObjectKey, Writer } from './store.ts';

/** One write on its way to the store. */
export interface Write<O extends StoredObject> {
  kind: string;
  key: ObjectKey;
  writer: Writer;
  action: AuditAction;
  dryRun: boolean;
  /** Whether decisions hold the object as its kind reads it, and not only its metadata: then nobody has to read it again. */
  isWhole: boolean;
  /** From what is stored now. Pure: it may be called again when that was changed before the decision could be stored. */
  decide(stored: Stored | undefined, context: DecisionContext): Decision<O>;
}

/** A decision that is to be carried out. */
export type Accepted<O extends StoredObject> = Exclude<Decision<O>, { type: 'refused' }>;

/** What this process has of an object in memory already, at whatever version; frozen. */
export type KnownObject = (kind: string, key: ObjectKey) => StoredObject | undefined;

/** One committed change. */
export interface StoredChange extends Stored {
  change: ChangeType;
  kind: string;
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  name: string;
  /** As it was before; undefined when there was no such object. */
  previous: Stored | undefined;
}

/** Some of the changes after a version. */
export interface ChangeBatch {
  /** In order of version. */
  changes: StoredChange[];
  /** The answer holds every change up to here. */
  upTo: bigint;
  /** Whether there is more to read at once. */
  more: boolean;
}

/** Where in the order of a list something stands. */
export interface ListPosition {
  namespace: string;
  name: string;
}

/** Which objects of a kind, in their order. */
export interface PageRequest {
  kind: string;
  namespace: string | undefined;
  /** The version to read as of; the newest without one. */
  at: bigint | undefined;
  after: ListPosition | undefined;
  limit: number;
}

/** Objects as they were at one version. */
export interface StoredPage {
  version: bigint;
  /** In order of namespace and name. */
  objects: (ListPosition & Stored)[];
  more: boolean;
}

/** What an implementation of the store has to bring: atomic writes in one order, and reads of what was committed. */
export interface StoreBackend {
  /** Commits the decision, with its version in the answered object. Throws the fault of a refusal. */
  submit<O extends StoredObject>(write: Write<O>): Promise<Accepted<O>>;
  read(kind: string, key: ObjectKey): Promise<Stored | undefined>;
  readByUid(kind: string, uid: string): Promise<Stored | undefined>;
  /** Expired when `at` is compacted. */
  readPage(request: PageRequest): Promise<StoredPage>;
  /** How many objects come after a place in a list. */
  count(request: Omit<PageRequest, 'limit'>): Promise<number>;
  /** How many objects of a kind, not counting those being deleted, are in each of `namespaces`; none there is no entry. */
  countIn(kind: string, namespaces: readonly string[]): Promise<Map<string, number>>;
  /** Expired when changes after `after` are compacted, or when there never was such a version. */
  readChanges(after: bigint, limit: number): Promise<ChangeBatch>;
  /** Who owns whom among all that is stored; empty when there is nothing to collect. */
  readGraph(): Promise<GraphNode[]>;
  currentVersion(): Promise<bigint>;
  compact(options: { keepMs: number; keepChanges: number }): Promise<void>;
  close(): Promise<void>;
}
