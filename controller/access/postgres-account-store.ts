import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { systemClock, type Clock } from '../clock.ts';
import type { BuildQuery, Database } from '../store/connect-postgres.ts';
import { accountAuditRow, changedFields } from './account-audit.ts';
import { MOST_ADDRESSES, type AccountStore } from './account-store.ts';
import { foldAddress } from './fold-address.ts';

const columns = {
  id: z.string(),
  email: z.string(),
  name: z.string(),
  avatarUrl: z
    .string()
    .nullable()
    .transform((url) => url ?? undefined),
  administrator: z.boolean(),
  emails: z.array(z.string()),
  sessionEra: z.int(),
  createdAt: z.date(),
  updatedAt: z.date(),
};
const Row = z.object(columns);
const CredentialsRow = z.object({ ...columns, passwordHash: z.string() });
const SessionRow = z.object({ ...columns, ended: z.boolean() });
const Registered = z.object({ end: z.enum(['registered', 'taken', 'closed']) });
const Updated = z.object({ end: z.enum(['updated', 'taken', 'full', 'absent']) });

interface PostgresAccountStoreOptions {
  /** That `createPostgresStore` migrated. */
  sql: Database;
  clock?: Clock;
}

/** The contract of `AccountStore` in PostgreSQL. */
export function createPostgresAccountStore({
  sql: database,
  clock = systemClock,
}: PostgresAccountStoreOptions): AccountStore {
  async function get(id: string) {
    const [account] = await database.read(Row, (sql) => sql`SELECT ${fields(sql)} FROM users AS u WHERE id = ${id}`);
    return account;
  }

  return {
    get,

    async register({ email, name, avatarUrl, passwordHash }, policy, by) {
      const id = randomUUID();
      const account = { id, email, name, avatar_url: avatarUrl ?? null, password_hash: passwordHash };
      const entry = accountAuditRow({ action: 'create', kind: 'User', name: email, uid: id }, by);
      const [row] = await database.write(
        Registered,
        (sql) => sql`
          SELECT register_account(${JSON.stringify(account)}::text::json, ${foldAddress(email)}, ${policy}, ${clock.now()},
            ${entry}::text::json) AS end`,
      );
      if (row?.end !== 'registered') return row?.end ?? 'closed';
      const made = await get(id);
      if (!made) throw new Error('An account that was just made is not there.');
      return made;
    },

    async isEmpty() {
      const [any] = await database.read(z.object({ id: z.string() }), (sql) => sql`SELECT id FROM users LIMIT 1`);
      return any === undefined;
    },

    async find(address) {
      const [account] = await database.read(
        Row,
        (sql) => sql`
          SELECT ${fields(sql)} FROM users AS u
          WHERE id = (SELECT user_id FROM user_addresses WHERE address = ${foldAddress(address)})`,
      );
      return account;
    },

    async credentials(email) {
      const folded = foldAddress(email);
      const [row] = await database.read(
        CredentialsRow,
        (sql) => sql`
          SELECT ${fields(sql)}, password_hash AS "passwordHash" FROM users AS u
          WHERE id = (SELECT user_id FROM user_addresses WHERE address = ${folded})`,
      );
      if (!row || foldAddress(row.email) !== folded) return undefined;
      const { passwordHash, ...account } = row;
      return { account, passwordHash };
    },

    async update(id, changes, by) {
      const { email, name, avatarUrl } = changes;
      const known = await get(id);
      if (!known) return 'absent';
      const entry = accountAuditRow(
        { action: 'update', kind: 'User', name: known.email, uid: id, changed: changedFields(changes) },
        by,
      );
      const folded = email === undefined ? null : foldAddress(email);
      const [row] = await database.write(
        Updated,
        (sql) => sql`
          SELECT update_account(${id}, ${email ?? null}, ${folded}, ${name ?? null}, ${avatarUrl ?? null},
            ${MOST_ADDRESSES}, ${clock.now()}, ${entry}::text::json) AS end`,
      );
      if (row?.end !== 'updated') return row?.end ?? 'absent';
      return (await get(id)) ?? 'absent';
    },

    async setPassword(id, passwordHash, by) {
      const known = await get(id);
      if (!known) return false;
      const event = { action: 'update', kind: 'User', name: known.email, uid: id, changed: ['password'] } as const;
      const changed = await database.execute(
        (sql) => sql`
          WITH changed AS (
            UPDATE users SET password_hash = ${passwordHash}, session_era = session_era + 1, updated_at = ${clock.now()}
            WHERE id = ${id} RETURNING id
          )
          SELECT note_audit(${accountAuditRow(event, by)}::text::json) FROM changed`,
      );
      return changed === 1;
    },

    async noteLogin({ id, email }, by) {
      const entry = accountAuditRow({ action: 'login', kind: 'User', name: email, uid: id }, by);
      await database.execute((sql) => sql`SELECT note_audit(${entry}::text::json)`);
    },

    async endSession({ id, expiresAt }, by) {
      const entry = accountAuditRow({ action: 'delete', kind: 'Session', name: id, uid: id }, by);
      await database.execute(
        (sql) => sql`
          WITH over AS (DELETE FROM ended_sessions WHERE expires_at < ${clock.now()}),
          ended AS (
            INSERT INTO ended_sessions (id, expires_at) VALUES (${id}, ${expiresAt}) ON CONFLICT DO NOTHING RETURNING id
          )
          SELECT note_audit(${entry}::text::json) FROM ended`,
      );
    },

    async session(accountId, sessionId) {
      const [row] = await database.read(
        SessionRow,
        (sql) => sql`
          SELECT ${fields(sql)}, EXISTS (SELECT 1 FROM ended_sessions WHERE id = ${sessionId}) AS ended
          FROM users AS u WHERE id = ${accountId}`,
      );
      if (!row) return undefined;
      const { ended, ...account } = row;
      return { account, ended };
    },
  };
}

function fields(sql: Parameters<BuildQuery>[0]) {
  return sql`
    u.id, u.email, u.name, u.avatar_url AS "avatarUrl", u.administrator, u.session_era AS "sessionEra",
    u.created_at AS "createdAt", u.updated_at AS "updatedAt",
    (SELECT json_agg(a.address ORDER BY a.place) FROM user_addresses AS a WHERE a.user_id = u.id) AS emails`;
}
