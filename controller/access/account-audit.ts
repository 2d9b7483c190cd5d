import type { Writer } from '../store/store.ts';
import { plainText } from '../store/plain-text.ts';
import type { AccountChanges } from './account-store.ts';
import type { AuditEntry } from './audit-log.ts';

/** What was done to an account, a token or a session. */
export interface AccountEvent {
  action: AuditEntry['action'];
  kind: 'User' | 'Token' | 'Session' | 'Installation';
  /** What people call it: an address, the name of a token. */
  name: string;
  uid: string;
  /** Names of the fields that changed. Never a value. */
  changed?: readonly string[];
}

/** The entry of the audit that a database writes beside the change. */
export function accountAuditRow({ action, kind, name, uid, changed = [] }: AccountEvent, by: Writer): string {
  return JSON.stringify({
    user: by.user,
    manager: plainText(by.manager),
    address: by.address,
    user_agent: by.userAgent && plainText(by.userAgent),
    request_id: by.requestId && plainText(by.requestId),
    action,
    kind,
    name: plainText(name),
    uid,
    changed,
  });
}

/** The same entry for an audit in memory. */
export function accountAuditEntry(event: AccountEvent, by: Writer, time: Date): Omit<AuditEntry, 'id'> {
  const { manager, user, address, userAgent, requestId } = by;
  const { action, kind, name, uid, changed = [] } = event;
  const where = { user, manager, address, userAgent, requestId };
  const what = { action, kind, namespace: undefined, name, uid, resourceVersion: '0' };
  return { time, ...where, ...what, changed, changes: [] };
}

/** Names of the fields that somebody changes about themselves. */
export function changedFields({ email, name, avatarUrl }: AccountChanges): string[] {
  return Object.entries({ email, name, avatarUrl }).flatMap(([field, value]) => (value === undefined ? [] : [field]));
}
