import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../clock.ts';
import type { Writer } from '../store/store.ts';
import { accountAuditEntry, type AccountEvent } from './account-audit.ts';
import type { AccountStore } from './account-store.ts';
import { foldAddress } from './fold-address.ts';
import type { MemoryAuditLog } from './memory-audit-log.ts';
import { NOTED_EVERY_MS, newTokenText, tokenHash, type ListedToken, type TokenStore } from './token-store.ts';

interface MemoryTokenStoreOptions {
  clock?: Clock;
  /** Whose tokens they may be. */
  accounts?: Pick<AccountStore, 'get'> | undefined;
  audit?: MemoryAuditLog | undefined;
}

/** The contract of `TokenStore` in this process' memory, for tests. */
export function createMemoryTokenStore({
  clock = systemClock,
  accounts,
  audit,
}: MemoryTokenStoreOptions = {}): TokenStore {
  const byHash = new Map<string, ListedToken>();

  function note(event: Omit<AccountEvent, 'kind'>, by: Writer | undefined): void {
    if (by) audit?.record(accountAuditEntry({ ...event, kind: 'Token' }, by, clock.now()));
  }

  async function withOwner(token: ListedToken) {
    const account = token.owner === undefined ? undefined : await accounts?.get(token.owner);
    if (!account) return { account, token };
    return { account, token: { ...token, user: foldAddress(account.email), admin: account.administrator } };
  }

  return {
    async create(token, by) {
      const text = newTokenText();
      const id = randomUUID();
      const key = keyOf(text);
      if (key !== undefined) {
        const unused = {
          owner: undefined,
          login: false,
          expiresAt: undefined,
          lastUsedAt: undefined,
          revokedAt: undefined,
        };
        byHash.set(key, { ...unused, ...token, id, createdAt: clock.now() });
        note({ action: 'create', name: token.name, uid: id }, by);
      }
      return { id, token: text };
    },

    async verify(text) {
      const key = keyOf(text);
      const found = key === undefined ? undefined : byHash.get(key);
      const now = clock.now();
      if (!found || found.revokedAt || (found.expiresAt && found.expiresAt <= now)) return undefined;
      if (!found.lastUsedAt || now.getTime() - found.lastUsedAt.getTime() >= NOTED_EVERY_MS) found.lastUsedAt = now;
      const { account, token } = await withOwner(found);
      const { user, admin, scope, id, login, expiresAt } = token;
      const shown = account && { id: account.id, name: account.name, emails: account.emails };
      return { user, admin, scope, tokenId: id, account: shown, expiresAt: login ? undefined : expiresAt };
    },

    list: () => Promise.all([...byHash.values()].map(async (token) => (await withOwner(token)).token)),

    async revoke(id, by) {
      const token = [...byHash.values()].find((each) => each.id === id);
      if (token && !token.revokedAt) {
        token.revokedAt = clock.now();
        note({ action: 'delete', name: token.name, uid: id }, by);
      }
      return token !== undefined;
    },
  };
}

function keyOf(text: string): string | undefined {
  return tokenHash(text)?.toString('base64');
}
