import type { Database } from '../store/connect-postgres.ts';
import { plainText } from '../store/plain-text.ts';
import type { AuditRecord } from './audit-record.ts';

/** An entry with when and at which version it was written. */
type WrittenRecord = AuditRecord & { time: Date; resourceVersion: string };

/** Writes entries of the audit whose objects are kept elsewhere. */
export function createAuditWriter(database: Database): (entry: WrittenRecord) => Promise<void> {
  return async ({ user, manager, address, userAgent, requestId, changed, changes, ...what }) => {
    const version = /^\d{1,18}$/.test(what.resourceVersion) ? what.resourceVersion : '0';
    const shown = changes.map((change) =>
      Object.fromEntries(Object.entries(change).map(([key, text]) => [key, plainText(text)])),
    );
    await database.execute(
      (sql) => sql`
        INSERT INTO audit (
          at, "user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed, changes
        )
        VALUES (
          ${what.time}, ${user === undefined ? null : plainText(user)}, ${plainText(manager)},
          ${address === undefined ? null : plainText(address)}, ${userAgent === undefined ? null : plainText(userAgent)},
          ${requestId === undefined ? null : plainText(requestId)}, ${what.action}, ${what.kind}, ${what.namespace ?? null},
          ${what.name}, ${what.uid}, ${version}, ${changed.map(plainText)}::text[], ${JSON.stringify(shown)}::text::json
        )`,
    );
  };
}
