import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { Database } from '../store/connect-postgres.ts';
import type { AuditLog } from './audit-log.ts';

const optional = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined);
const Row = z.object({
  id: z.string(),
  time: z.date(),
  user: optional,
  manager: z.string(),
  address: optional,
  userAgent: optional,
  requestId: optional,
  action: z.enum(['create', 'update', 'delete', 'status', 'login']),
  kind: z.string(),
  namespace: optional,
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  changed: z.array(z.string()),
  changes: z.array(
    z.object({ path: z.string(), before: z.string().exactOptional(), after: z.string().exactOptional() }),
  ),
});

/** Reads the audit that the PostgreSQL store writes. */
export function createPostgresAuditLog(database: Database): AuditLog {
  return {
    async list({ user, users, kind, uid, action, limit, before, skip = 0 }) {
      if (before !== undefined && !/^\d{1,18}$/.test(before))
        throw new Fault('Invalid', `"${before}" is no audit entry.`);
      return database.read(
        Row,
        (sql) => sql`
          SELECT id, at AS time, "user", manager, address, user_agent AS "userAgent", request_id AS "requestId", action,
            kind, namespace, name, uid, version AS "resourceVersion", to_json(changed) AS changed, changes
          FROM audit
          WHERE true
            ${user === undefined ? sql`` : sql`AND "user" = ${user}`}
            ${users === undefined ? sql`` : sql`AND "user" = ANY(${[...users]}::text[])`}
            ${kind === undefined ? sql`` : sql`AND kind = ${kind}`}
            ${uid === undefined ? sql`` : sql`AND uid = ${uid}`}
            ${action === undefined ? sql`` : sql`AND action = ${action}`}
            ${before === undefined ? sql`` : sql`AND id < ${before}`}
          ORDER BY id DESC LIMIT ${limit} OFFSET ${skip}`,
      );
    },
  };
}
