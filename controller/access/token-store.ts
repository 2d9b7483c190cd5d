import { createHash, randomBytes } from 'node:crypto';
import type { Writer } from '../store/store.ts';
import type { Account } from './account-store.ts';

/** What a token was made for: `admin` gives what its user has, `write` no administration, `read` no change at all. */
export type TokenScope = 'read' | 'write' | 'admin';

/** Who asks, by the token that they show: `context.get('identity')` behind `authenticate`; see also `principalOf`. */
export interface Identity {
  /** As the audit names them: the present address of the account, folded, so one of its `emails`; else what the token was made for. */
  user: string;
  /** Whether the user is an administrator of the installation. */
  admin: boolean;
  scope: TokenScope;
  /** Of the token, or of the session. */
  tokenId: string;
  /** Undefined for a token that belongs to no account, such as the first administrator's. */
  account?: Pick<Account, 'id' | 'name' | 'emails'> | undefined;
  /** When tokens that are made with this one end at the latest: when it ends itself, but for sessions and tokens of a login. */
  expiresAt?: Date | undefined;
  /** Of a session, which a login began: when it ends. */
  session?: { endsAt: Date } | undefined;
}

/** A token to be made. */
export interface NewToken {
  /** What its owner calls it. */
  name: string;
  /** The id of the account that it belongs to. What that account may not do, the token may not either. */
  owner?: string | undefined;
  /** Whom it is for, and whether that is an administrator; of a token with an owner the account says both. */
  user: string;
  admin: boolean;
  scope: TokenScope;
  /** Whether a login made it, for whoever sits at a machine: what is made with it may last longer. */
  login?: boolean | undefined;
  expiresAt?: Date | undefined;
}

/** A token as people may see it: never its text, which nobody has but its owner. */
export interface ListedToken extends NewToken {
  id: string;
  createdAt: Date;
  /** To the minute. */
  lastUsedAt: Date | undefined;
  revokedAt: Date | undefined;
}

/** Who may use the API. Only hashes of tokens are kept. What people make and revoke is in the audit. */
export interface TokenStore {
  /** The text of the token is answered here and never again. Without `by` nobody asked for it, and the audit says nothing. */
  create(token: NewToken, by?: Writer): Promise<{ id: string; token: string }>;
  /** Undefined for a token that is unknown, expired or revoked. */
  verify(token: string): Promise<Identity | undefined>;
  /** The oldest first, those that are no longer valid too. */
  list(): Promise<ListedToken[]>;
  /** From now on it is not valid; false when there is no such token. Again is as good as once. */
  revoke(id: string, by?: Writer): Promise<boolean>;
}

/** How often the use of a token is noted at most. */
export const NOTED_EVERY_MS = 60_000;

/** `ctr_` and 32 random bytes. */
export function newTokenText(): string {
  return `ctr_${randomBytes(32).toString('base64url')}`;
}

/**
 * What is kept of a token, and looked up by: a hash says nothing about how much of a guess was right, and 32 random bytes
 * need no salt. Undefined for text that no token ever had.
 */
export function tokenHash(text: string): Buffer | undefined {
  return /^ctr_[A-Za-z0-9_-]{43}$/.test(text) ? createHash('sha256').update(text).digest() : undefined;
}
