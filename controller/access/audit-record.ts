import type { Write } from '../store/backend.ts';
import type { StoredObject } from '../store/decision.ts';
import type { Writer } from '../store/store.ts';
import type { AuditEntry } from './audit-log.ts';
import { auditDiff } from './audit-diff.ts';
import { changedPaths } from './changed-paths.ts';

/** An entry before it has its place in the audit. */
export type AuditRecord = Omit<AuditEntry, 'id' | 'time' | 'resourceVersion'>;

/**
 * What the audit keeps of a write; undefined for what loops write on their own (managers `controller/...` without a user),
 * which the change log and events show.
 */
export function auditRecord(
  { writer, action, kind, key }: Omit<Write<StoredObject>, 'decide'>,
  { before, after }: { before: string | undefined; after: StoredObject },
): AuditRecord | undefined {
  if (!isAudited(writer)) return undefined;
  const { manager, user, address, userAgent, requestId } = writer;
  const old: unknown = action === 'create' || before === undefined ? undefined : JSON.parse(before);
  return {
    user,
    manager,
    address,
    userAgent,
    requestId,
    action,
    kind,
    namespace: key.namespace,
    name: key.name,
    uid: after.metadata.uid,
    changed: old === undefined ? [] : changedPaths(old, after),
    changes: old === undefined ? auditDiff({}, { spec: after.spec }) : auditDiff(old, after),
  };
}

/** Whether the audit keeps what is written on somebody's behalf. */
export function isAudited({ manager, user }: Pick<Writer, 'manager' | 'user'>): boolean {
  return user !== undefined || (manager !== 'controller' && !manager.startsWith('controller/'));
}
