import type { AuditEntry, AuditLog, AuditQuery } from './audit-log.ts';

/** An audit in memory, filled by the memory store. */
export class MemoryAuditLog implements AuditLog {
  readonly #entries: AuditEntry[] = [];

  record(entry: Omit<AuditEntry, 'id'>): void {
    this.#entries.push({ id: String(this.#entries.length + 1), ...entry });
  }

  async list({ user, users, kind, uid, action, limit, before, skip = 0 }: AuditQuery): Promise<AuditEntry[]> {
    return this.#entries
      .filter(
        (entry) =>
          (user === undefined || entry.user === user) &&
          (users === undefined || (entry.user !== undefined && users.includes(entry.user))) &&
          (kind === undefined || entry.kind === kind) &&
          (uid === undefined || entry.uid === uid) &&
          (action === undefined || entry.action === action) &&
          (before === undefined || Number(entry.id) < Number(before)),
      )
      .toReversed()
      .slice(skip, skip + limit);
  }
}
