import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Keyring } from '../secrets/keyring.ts';
import type { Database } from '../store/connect-postgres.ts';
import type { AccountServices } from './account-services.ts';
import { Passwords } from './passwords.ts';
import { createPostgresAccountStore } from './postgres-account-store.ts';
import { createPostgresTokenStore } from './postgres-token-store.ts';
import { SessionKeys } from './session-keys.ts';
import { Sessions } from './sessions.ts';
import { SessionTokens } from './session-tokens.ts';

interface OpenAccountsOptions {
  config: Pick<Config, 'registration' | 'sessionMinutes' | 'sessionKeyDays'>;
  keyring: Keyring;
  /** That `createPostgresStore` migrated. */
  sql: Database;
  clock: Clock;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Accounts, tokens and sessions of an installation, as it is configured. */
export function openAccounts({ config, keyring, sql, clock }: OpenAccountsOptions): AccountServices {
  const lifetimeMs = config.sessionMinutes * MINUTE;
  const keys = new SessionKeys({ derive: keyring.derive, rotationMs: config.sessionKeyDays * DAY, lifetimeMs });
  const accounts = createPostgresAccountStore({ sql, clock });
  return {
    accounts,
    tokens: createPostgresTokenStore({ sql, clock }),
    sessions: new Sessions({ accounts, clock, tokens: new SessionTokens({ keys, clock, lifetimeMs }) }),
    passwords: new Passwords(),
    registration: config.registration,
  };
}
