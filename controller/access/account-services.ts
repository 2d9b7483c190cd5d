import type { AccountStore, RegistrationPolicy } from './account-store.ts';
import type { Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';
import type { TokenStore } from './token-store.ts';

/** What accounts, logins and tokens of an installation are made of. */
export interface AccountServices {
  accounts: AccountStore;
  tokens: TokenStore;
  sessions: Sessions;
  passwords: Passwords;
  registration: RegistrationPolicy;
}
