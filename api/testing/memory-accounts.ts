import type { RegistrationPolicy } from '../../controller/access/account-store.ts';
import { createMemoryAccountStore } from '../../controller/access/memory-account-store.ts';
import type { MemoryAuditLog } from '../../controller/access/memory-audit-log.ts';
import { createMemoryTokenStore } from '../../controller/access/memory-token-store.ts';
import { Passwords } from '../../controller/access/passwords.ts';
import { SessionKeys } from '../../controller/access/session-keys.ts';
import { Sessions } from '../../controller/access/sessions.ts';
import { SessionTokens } from '../../controller/access/session-tokens.ts';
import type { Clock } from '../../controller/clock.ts';
import type { AccountServices } from '../../controller/access/account-services.ts';

/** Accounts in memory, with sessions that last an hour. */
export function createMemoryAccounts({
  clock,
  audit,
  registration,
}: {
  clock: Clock;
  audit: MemoryAuditLog;
  registration: RegistrationPolicy;
}): AccountServices {
  const lifetimeMs = 3_600_000;
  const derive = (purpose: string) => Buffer.alloc(32, purpose);
  const keys = new SessionKeys({ derive, rotationMs: 86_400_000, lifetimeMs });
  const accounts = createMemoryAccountStore({ clock, audit });
  return {
    accounts,
    tokens: createMemoryTokenStore({ clock, accounts, audit }),
    sessions: new Sessions({ accounts, clock, tokens: new SessionTokens({ keys, clock, lifetimeMs }) }),
    passwords: new Passwords(),
    registration,
  };
}
