import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../clock.ts';
import { NOTED_EVERY_MS, newTokenText, tokenHash, type ListedToken, type TokenStore } from './token-store.ts';

/** The contract of `TokenStore` in this process' memory, for tests. */
export function createMemoryTokenStore({ clock = systemClock }: { clock?: Clock } = {}): TokenStore {
  const byHash = new Map<string, ListedToken>();

  return {
    async create(token) {
      const text = newTokenText();
      const id = randomUUID();
      const key = keyOf(text);
      if (key !== undefined) {
        const unused = { expiresAt: undefined, lastUsedAt: undefined, revokedAt: undefined };
        byHash.set(key, { ...unused, ...token, id, createdAt: clock.now() });
      }
      return { id, token: text };
    },

    async verify(text) {
      const key = keyOf(text);
      const token = key === undefined ? undefined : byHash.get(key);
      const now = clock.now();
      if (!token || token.revokedAt || (token.expiresAt && token.expiresAt <= now)) return undefined;
      if (!token.lastUsedAt || now.getTime() - token.lastUsedAt.getTime() >= NOTED_EVERY_MS) token.lastUsedAt = now;
      return { user: token.user, admin: token.admin, scope: token.scope, tokenId: token.id };
    },

    async list() {
      return [...byHash.values()].map((token) => ({ ...token }));
    },

    async revoke(id) {
      const token = [...byHash.values()].find((each) => each.id === id);
      if (token) token.revokedAt ??= clock.now();
      return token !== undefined;
    },
  };
}

function keyOf(text: string): string | undefined {
  return tokenHash(text)?.toString('base64');
}
