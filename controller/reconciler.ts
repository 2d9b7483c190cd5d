import type { Logger } from 'pino';
import type { Kind, Manifest, Resource } from '../crds/define-kind.ts';
import type { Reason } from '../crds/reasons.ts';
import type { Outcome } from './outcome.ts';
import type { DeleteOptions, ObjectKey } from './store/store.ts';

/** What one pass has to go on. */
export interface Pass<R extends Resource> {
  /** As the pass began; never written to. */
  readonly resource: R;
  /** A draft: written once at the end of the pass, and by `checkpoint`. */
  status: R['status'];
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Saves the status now: a choice that the world cannot show later must outlive us before it is acted on. */
  checkpoint(): Promise<void>;
  /** Tells people what happened to this object; the same event again is counted, not repeated. */
  event(type: 'Normal' | 'Warning', reason: Reason, message: string): void;
}

/** Whose changes wake this loop besides its own kind's. */
export interface WatchedKind<R extends Resource = Resource> {
  kind: Kind<R>;
  /**
   * Which of this loop's objects such a change concerns. Pure, over the cache. `previous` is the object before the change;
   * undefined for a new one. When more than its status moved it is asked once for each of the two.
   */
  keysOf(changed: R, resources: ResourceReader, previous?: R): ObjectKey[];
}

/** Watches `kind`, with its own type for `keysOf`. */
export function watching<R extends Resource>(
  kind: Kind<R>,
  keysOf: (changed: R, resources: ResourceReader, previous?: R) => ObjectKey[],
): WatchedKind {
  const watched: WatchedKind<R> = { kind, keysOf };
  return watched;
}

/** Whose statuses may move without there being anything to do for this loop, and when that is so. */
export interface ToldKind<R extends Resource = Resource> {
  kind: Kind<R>;
  isOnlyTold(changed: R, previous: R): boolean;
}

/** Tells of `kind`, with its own type for `isOnlyTold`. */
export function telling<R extends Resource>(kind: Kind<R>, isOnlyTold: (changed: R, previous: R) => boolean): ToldKind {
  const told: ToldKind<R> = { kind, isOnlyTold };
  return told;
}

/** A loop: brings the world to what one kind says, one object at a time. */
export interface Reconciler<R extends Resource> {
  readonly kind: Kind<R>;
  /** Kinds whose objects name one of ours as their controller; their changes wake the owner. */
  readonly owns?: readonly Kind[];
  readonly watches?: readonly WatchedKind[];
  /** Passes at once; default 8. One that takes longer than a second makes room for another, up to five times as many. */
  readonly workers?: number;
  /**
   * What moves elsewhere and is only told of wakes an object after so long, together with all that moves meanwhile; one that
   * is being deleted, at once. Without `only` that is whatever it owns or watches.
   */
  readonly gathers?: { readonly forMs: number; readonly only?: readonly ToldKind[] };
  /** Its status tells only what was seen and decides nothing, so that it is written in full also in observe-only mode. */
  readonly onlyTells?: true;
  /** Called once at start: wakes objects for what is not in the store (a task ended, a guest stopped). */
  readonly attach?: (wake: (key: ObjectKey) => void, signal: AbortSignal) => void;
  reconcile(pass: Pass<R>): Promise<Outcome>;
  /** While being deleted, until it answers settled: then our finalizer goes. Without it the finalizer goes at once. */
  finalize?(pass: Pass<R>): Promise<Outcome>;
}

/** Reads from the informers' cache: immediate, and possibly a moment old. Objects are shared and must not be written to. */
export interface ResourceReader {
  get<R extends Resource>(kind: Kind<R>, key: ObjectKey): R | undefined;
  list<R extends Resource>(kind: Kind<R>, namespace?: string): readonly R[];
  /** Objects that name `uid` as an owner. */
  ownedBy<R extends Resource>(kind: Kind<R>, uid: string): readonly R[];
}

/** Writes of loops: fenced by the lease, recorded under the loop's name. */
export interface ResourceWriter {
  /** Answers what exists already when that is ours by owner uid (a crash after create); AlreadyExists when it is not. */
  create<R extends Resource>(kind: Kind<R>, manifest: Manifest<R['spec']>): Promise<R>;
  update<R extends Resource>(kind: Kind<R>, object: R): Promise<R>;
  delete<R extends Resource>(kind: Kind<R>, object: R, options?: Pick<DeleteOptions, 'propagation'>): Promise<void>;
}

/** What every loop gets. */
export interface Resources {
  read: ResourceReader;
  write: ResourceWriter;
}
