import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../clock.ts';
import type { Writer } from '../store/store.ts';
import { accountAuditEntry, changedFields, type AccountEvent } from './account-audit.ts';
import { MOST_ADDRESSES, type Account, type AccountStore } from './account-store.ts';
import { foldAddress } from './fold-address.ts';
import type { MemoryAuditLog } from './memory-audit-log.ts';

interface MemoryAccountStoreOptions {
  clock?: Clock;
  audit?: MemoryAuditLog | undefined;
}

/** The contract of `AccountStore` in this process' memory, for tests. */
export function createMemoryAccountStore({ clock = systemClock, audit }: MemoryAccountStoreOptions = {}): AccountStore {
  const accounts = new Map<string, Account>();
  const passwords = new Map<string, string>();
  const ended = new Map<string, Date>();

  function note(event: AccountEvent, by: Writer): void {
    audit?.record(accountAuditEntry(event, by, clock.now()));
  }

  async function find(address: string): Promise<Account | undefined> {
    const folded = foldAddress(address);
    return [...accounts.values()].find(({ emails }) => emails.includes(folded));
  }

  return {
    find,

    async register({ email, name, avatarUrl, passwordHash }, policy, by) {
      const isFirst = accounts.size === 0;
      if (policy === 'closed' || (policy === 'first-user' && !isFirst)) return 'closed';
      const folded = foldAddress(email);
      if ([...accounts.values()].some(({ emails }) => emails.includes(folded))) return 'taken';
      const now = clock.now();
      const who = { id: randomUUID(), email, name, avatarUrl, administrator: isFirst, emails: [folded] };
      const account = { ...who, sessionEra: 0, createdAt: now, updatedAt: now };
      accounts.set(account.id, account);
      passwords.set(account.id, passwordHash);
      note({ action: 'create', kind: 'User', name: email, uid: account.id }, by);
      return account;
    },

    isEmpty: async () => accounts.size === 0,

    get: async (id) => accounts.get(id),

    async credentials(email) {
      const account = await find(email);
      const passwordHash = account && passwords.get(account.id);
      if (passwordHash === undefined || foldAddress(account?.email ?? '') !== foldAddress(email)) return undefined;
      return account && { account, passwordHash };
    },

    async update(id, changes, by) {
      const known = accounts.get(id);
      if (!known) return 'absent';
      const { email = known.email, name = known.name, avatarUrl = known.avatarUrl } = changes;
      const folded = foldAddress(email);
      if ([...accounts.values()].some((other) => other.id !== id && other.emails.includes(folded))) return 'taken';
      const isNew = !known.emails.includes(folded);
      if (isNew && known.emails.length >= MOST_ADDRESSES) return 'full';
      const emails = isNew ? [...known.emails, folded] : known.emails;
      const account = { ...known, email, name, avatarUrl: avatarUrl || undefined, emails, updatedAt: clock.now() };
      accounts.set(id, account);
      note({ action: 'update', kind: 'User', name: known.email, uid: id, changed: changedFields(changes) }, by);
      return account;
    },

    async setPassword(id, passwordHash, by) {
      const known = accounts.get(id);
      if (!known) return false;
      accounts.set(id, { ...known, sessionEra: known.sessionEra + 1, updatedAt: clock.now() });
      passwords.set(id, passwordHash);
      note({ action: 'update', kind: 'User', name: known.email, uid: id, changed: ['password'] }, by);
      return true;
    },

    async noteLogin({ id, email }, by) {
      note({ action: 'login', kind: 'User', name: email, uid: id }, by);
    },

    async endSession({ id, expiresAt }, by) {
      if (ended.has(id)) return;
      ended.set(id, expiresAt);
      note({ action: 'delete', kind: 'Session', name: id, uid: id }, by);
    },

    async session(accountId, sessionId) {
      const account = accounts.get(accountId);
      return account && { account, ended: ended.has(sessionId) };
    },
  };
}
