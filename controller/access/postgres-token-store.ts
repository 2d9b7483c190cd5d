import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { systemClock, type Clock } from '../clock.ts';
import type { BuildQuery, Database } from '../store/connect-postgres.ts';
import { NOTED_EVERY_MS, newTokenText, tokenHash, type TokenStore } from './token-store.ts';

const optionalDate = z
  .date()
  .nullable()
  .transform((date) => date ?? undefined);
const Row = z.object({
  id: z.string(),
  name: z.string(),
  user: z.string(),
  admin: z.boolean(),
  scope: z.enum(['read', 'write', 'admin']),
  createdAt: z.date(),
  expiresAt: optionalDate,
  revokedAt: optionalDate,
  lastUsedAt: optionalDate,
});

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
    async create({ name, user, admin, scope, expiresAt }) {
      const id = randomUUID();
      const token = newTokenText();
      const hash = tokenHash(token);
      if (!hash) throw new Error('A new token is not of the form of tokens.');
      await database.execute(
        (sql) => sql`
          INSERT INTO api_tokens (id, hash, name, "user", admin, scope, created_at, expires_at)
          VALUES (${id}, ${hash}, ${name}, ${user}, ${admin}, ${scope}, ${clock.now()}, ${expiresAt ?? null})`,
      );
      return { id, token };
    },

    async verify(text) {
      const hash = tokenHash(text);
      if (!hash) return undefined;
      const [token] = await database.read(Row, (sql) => sql`${select(sql)} WHERE hash = ${hash}`);
      const now = clock.now();
      if (!token || token.revokedAt || (token.expiresAt && token.expiresAt <= now)) return undefined;
      const { id, user, admin, scope, lastUsedAt } = token;
      if (!lastUsedAt || now.getTime() - lastUsedAt.getTime() >= NOTED_EVERY_MS) {
        await database.execute((sql) => sql`UPDATE api_tokens SET last_used_at = ${now} WHERE id = ${id}`);
      }
      return { user, admin, scope, tokenId: id };
    },

    list: () => database.read(Row, (sql) => sql`${select(sql)} ORDER BY created_at, id`),

    async revoke(id) {
      const now = clock.now();
      const revoked = await database.execute(
        (sql) => sql`UPDATE api_tokens SET revoked_at = coalesce(revoked_at, ${now}) WHERE id = ${id}`,
      );
      return revoked === 1;
    },
  };
}

function select(sql: Parameters<BuildQuery>[0]) {
  return sql`
    SELECT id, name, "user", admin, scope, created_at AS "createdAt", expires_at AS "expiresAt",
      revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"
    FROM api_tokens`;
}
