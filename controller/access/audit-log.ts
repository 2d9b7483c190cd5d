import type { AuditChange } from './audit-diff.ts';

/** What was done to an object, or by whom: a login changes nothing, and is noted all the same. */
export type AuditAction = 'create' | 'update' | 'delete' | 'status' | 'login';

/** One write by somebody: who, what, when, from where. Never a value that may be a secret. */
export interface AuditEntry {
  /** Grows with time; for paging. */
  id: string;
  time: Date;
  user: string | undefined;
  manager: string;
  address: string | undefined;
  userAgent: string | undefined;
  requestId: string | undefined;
  action: AuditAction;
  kind: string;
  /** Undefined for cluster-scoped kinds. */
  namespace: string | undefined;
  name: string;
  uid: string;
  resourceVersion: string;
  changed: readonly string[];
  /** What these fields were and are, without anything that may be a secret. */
  changes: readonly AuditChange[];
}

/** Which entries; all that are given must match. */
export interface AuditQuery {
  user?: string | undefined;
  /** Any of these names of one person. */
  users?: readonly string[] | undefined;
  kind?: string | undefined;
  uid?: string | undefined;
  action?: AuditAction | undefined;
  limit: number;
  /** Only entries older than the one with this id. */
  before?: string | undefined;
  /** So many of the newest are left out. */
  skip?: number | undefined;
}

/** Reads who changed what, newest first. The store writes it in the transaction of the change itself. */
export interface AuditLog {
  list(query: AuditQuery): Promise<AuditEntry[]>;
}
