import type { AccountStore } from '../../controller/access/account-store.ts';

const MOST_KNOWN = 10_000;

/** Turns what objects and the audit name a user by into the id of the account; what belongs to no account is its own id. */
export function createUserDirectory(accounts: Pick<AccountStore, 'find'>): { idOf(user: string): Promise<string> } {
  // An address never passes to another account, so what was found once stays so.
  const known = new Map<string, string>();
  return {
    async idOf(user) {
      const before = known.get(user);
      if (before !== undefined || !user.includes('@')) return before ?? user;
      const account = await accounts.find(user);
      if (!account) return user;
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(user, account.id);
      return account.id;
    },
  };
}
