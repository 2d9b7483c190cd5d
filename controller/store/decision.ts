import type { ManagedFields, ObjectMeta } from '../../crds/meta.ts';
import type { Scope } from '../../crds/define-kind.ts';
import type { Fault } from '../errors.ts';

/** An object as the store sees it: metadata it knows, the rest it only compares. */
export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: unknown;
  status: unknown;
}

/** What the rules of writing need to know of a kind. */
export interface KindRules<O extends StoredObject = StoredObject> {
  readonly kind: string;
  readonly scope: Scope;
  readonly finalizer: string | undefined;
  readonly immutableExcept: readonly string[] | undefined;
  /** Throws a ZodError for what is not of this kind. */
  read(stored: unknown): O;
  /** As `read` does it with the status. */
  readonly statusSchema: { parse(stored: unknown): O['status'] };
}

/** What a decision depends on besides the objects. */
export interface DecisionContext {
  now: Date;
  manager: ManagedFields['manager'];
  newUid(): string;
}

/** What a write comes to. Objects still carry the version they had; the store that commits them gives the new one. */
export type Decision<O extends StoredObject = StoredObject> =
  | { type: 'refused'; fault: Fault }
  | { type: 'unchanged'; object: O }
  | { type: 'stored'; change: 'ADDED' | 'MODIFIED'; object: O }
  | { type: 'removed'; object: O };
