import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { systemClock, type Clock } from '../clock.ts';
import type { BuildQuery, Database } from '../store/connect-postgres.ts';
import { accountAuditRow } from './account-audit.ts';
import { NOTED_EVERY_MS, newTokenText, tokenHash, type TokenStore } from './token-store.ts';

const optionalDate = z
  .date()
  .nullable()
  .transform((date) => date ?? undefined);
const optionalText = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined);
const Row = z.object({
  id: z.string(),
  name: z.string(),
  owner: optionalText,
  user: z.string(),
  admin: z.boolean(),
  scope: z.enum(['read', 'write', 'admin']),
  login: z.boolean(),
  createdAt: z.date(),
  expiresAt: optionalDate,
  revokedAt: optionalDate,
  lastUsedAt: optionalDate,
});
const VerifyRow = Row.extend({ ownerName: optionalText, emails: z.array(z.string()).nullable() });
const Named = z.object({ name: z.string() });

interface PostgresTokenStoreOptions {
  /** That `createPostgresStore` migrated. */
  sql: Database;
  clock?: Clock;
}

/** The contract of `TokenStore` in PostgreSQL. */
export function createPostgresTokenStore({
  sql: database,
  clock = systemClock,
}: PostgresTokenStoreOptions): TokenStore {
  return {
    async create({ name, owner, user, admin, scope, login = false, expiresAt }, by) {
      const id = randomUUID();
      const token = newTokenText();
      const hash = tokenHash(token);
      if (!hash) throw new Error('A new token is not of the form of tokens.');
      const entry = by && accountAuditRow({ action: 'create', kind: 'Token', name, uid: id }, by);
      await database.execute(
        (sql) => sql`
          WITH made AS (
            INSERT INTO api_tokens (id, hash, name, owner, "user", admin, scope, login, created_at, expires_at)
            VALUES (${id}, ${hash}, ${name}, ${owner ?? null}, ${user}, ${admin}, ${scope}, ${login}, ${clock.now()},
              ${expiresAt ?? null})
            RETURNING id
          )
          SELECT note_audit(${entry ?? null}::text::json) FROM made WHERE ${entry !== undefined}::boolean`,
      );
      return { id, token };
    },

    async verify(text) {
      const hash = tokenHash(text);
      if (!hash) return undefined;
      const [token] = await database.read(
        VerifyRow,
        (sql) => sql`
          SELECT ${columns(sql)}, u.name AS "ownerName",
            (SELECT json_agg(a.address ORDER BY a.place) FROM user_addresses AS a WHERE a.user_id = u.id) AS emails
          FROM api_tokens AS t LEFT JOIN users AS u ON u.id = t.owner WHERE t.hash = ${hash}`,
      );
      const now = clock.now();
      if (!token || token.revokedAt || (token.expiresAt && token.expiresAt <= now)) return undefined;
      const { id, owner, ownerName, emails, user, admin, scope, login, expiresAt, lastUsedAt } = token;
      if (!lastUsedAt || now.getTime() - lastUsedAt.getTime() >= NOTED_EVERY_MS) {
        await database.execute((sql) => sql`UPDATE api_tokens SET last_used_at = ${now} WHERE id = ${id}`);
      }
      const account = owner === undefined ? undefined : { id: owner, name: ownerName ?? user, emails: emails ?? [] };
      return { user, admin, scope, tokenId: id, account, expiresAt: login ? undefined : expiresAt };
    },

    list: () =>
      database.read(
        Row,
        (sql) => sql`
          SELECT ${columns(sql)} FROM api_tokens AS t LEFT JOIN users AS u ON u.id = t.owner ORDER BY t.created_at, t.id`,
      ),

    async revoke(id, by) {
      const [token] = await database.read(Named, (sql) => sql`SELECT name FROM api_tokens WHERE id = ${id}`);
      if (!token) return false;
      const entry = by && accountAuditRow({ action: 'delete', kind: 'Token', name: token.name, uid: id }, by);
      await database.execute(
        (sql) => sql`
          WITH revoked AS (
            UPDATE api_tokens SET revoked_at = ${clock.now()} WHERE id = ${id} AND revoked_at IS NULL RETURNING id
          )
          SELECT note_audit(${entry ?? null}::text::json) FROM revoked WHERE ${entry !== undefined}::boolean`,
      );
      return true;
    },
  };
}

function columns(sql: Parameters<BuildQuery>[0]) {
  return sql`
    t.id, t.name, t.owner, coalesce(lower(u.email COLLATE "C"), t."user") AS "user", coalesce(u.administrator, t.admin) AS admin, t.scope, t.login,
    t.created_at AS "createdAt", t.expires_at AS "expiresAt", t.revoked_at AS "revokedAt",
    t.last_used_at AS "lastUsedAt"`;
}
