import type { AccountServices } from '../../controller/access/account-services.ts';
import type { Identity } from '../../controller/access/token-store.ts';

/** Verifies whatever somebody shows: the token of a session, or one that was made to last. */
export function createVerifier({ tokens, sessions }: Pick<AccountServices, 'tokens' | 'sessions'>): {
  verify(token: string): Promise<Identity | undefined>;
} {
  return { verify: (token) => (token.includes('.') ? sessions.verify(token) : tokens.verify(token)) };
}
