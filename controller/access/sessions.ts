import type { Clock } from '../clock.ts';
import type { Writer } from '../store/store.ts';
import type { Account, AccountStore } from './account-store.ts';
import { foldAddress } from './fold-address.ts';
import type { SessionTokens } from './session-tokens.ts';
import type { Identity } from './token-store.ts';

interface SessionsOptions {
  accounts: Pick<AccountStore, 'session' | 'endSession'>;
  tokens: SessionTokens;
  clock: Clock;
}

type Found = Awaited<ReturnType<AccountStore['session']>>;

/** How long another controller may still let in a session that was ended here. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 1_000;

/** What a login begins: a token that lasts for a while, and says who it is. */
export class Sessions {
  readonly #options: SessionsOptions;
  /** So that not every request asks the database. */
  readonly #remembered = new Map<string, { found: Found; untilMs: number }>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** The token, which is kept nowhere. */
  async start({ id, sessionEra }: Pick<Account, 'id' | 'sessionEra'>): Promise<string> {
    return (await this.#options.tokens.issue(id, sessionEra)).token;
  }

  /** Who shows a session's token; undefined for one that is over, or was ended, and for any other text. */
  async verify(token: string): Promise<Identity | undefined> {
    const claims = await this.#options.tokens.verify(token);
    const found = claims && (await this.#find(claims.accountId, claims.id));
    if (!found || found.ended || found.account.sessionEra !== claims.era) return undefined;
    const { id, email, name, emails, administrator } = found.account;
    const account = { id, name, emails };
    const session = { endsAt: claims.expiresAt };
    return { user: foldAddress(email), admin: administrator, scope: 'admin', tokenId: claims.id, account, session };
  }

  /** It is over from now on; here at once, in other controllers after some seconds. */
  async end(session: { id: string; expiresAt: Date }, by: Writer): Promise<void> {
    await this.#options.accounts.endSession(session, by);
    this.#remembered.delete(session.id);
  }

  /** To be called when an account was changed, so that it shows at once. */
  forget(accountId: string): void {
    for (const [id, { found }] of this.#remembered) {
      if (found?.account.id === accountId) this.#remembered.delete(id);
    }
  }

  async #find(accountId: string, sessionId: string): Promise<Found> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#remembered.get(sessionId);
    if (known && known.untilMs > nowMs) return known.found;
    const found = await this.#options.accounts.session(accountId, sessionId);
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(sessionId, { found, untilMs: nowMs + REMEMBERED_MS });
    return found;
  }
}
