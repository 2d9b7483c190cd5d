import { foldAddress } from '../../controller/access/fold-address.ts';
import type { Identity, TokenScope } from '../../controller/access/token-store.ts';

/** The person behind a request: `principalOf(context.get('identity'))`, behind `authenticate` only. */
export interface Principal {
  /** Of the account, which never changes. A token without an account has what it was made for: `admin`. */
  id: string;
  /** Every address that the account has or had, folded; none without an account. */
  emails: readonly string[];
  name: string;
  /** Of the installation. Only with `scope` admin may they act as one. */
  administrator: boolean;
  /** What the token was made for; that of a login has `admin`. */
  scope: TokenScope;
}

export function principalOf({ account, user, admin, scope }: Identity): Principal {
  const { id = user, emails = [], name = user } = account ?? {};
  return { id, emails, name, administrator: admin, scope };
}

/**
 * Whether what an object calls a user means this person: the id, or any address that the account has or had, whatever its
 * case. No address ever passes to another account.
 */
export function isCalled({ account, user }: Pick<Identity, 'account' | 'user'>, name: string): boolean {
  const folded = foldAddress(name);
  return account ? account.id === folded || account.emails.includes(folded) : foldAddress(user) === folded;
}
