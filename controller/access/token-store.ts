import { createHash, randomBytes } from 'node:crypto';

/** What a token was made for: `admin` gives what its user has, `write` no administration, `read` no change at all. */
export type TokenScope = 'read' | 'write' | 'admin';

/** Who shows a token. */
export interface Identity {
  user: string;
  /** Whether the user is an administrator of the installation. */
  admin: boolean;
  scope: TokenScope;
  tokenId: string;
}

/** A token to be made. */
export interface NewToken {
  /** What its owner calls it. */
  name: string;
  user: string;
  admin: boolean;
  scope: TokenScope;
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

/** Who may use the API. Only hashes of tokens are kept. */
export interface TokenStore {
  /** The text of the token is answered here and never again. */
  create(token: NewToken): Promise<{ id: string; token: string }>;
  /** Undefined for a token that is unknown, expired or revoked. */
  verify(token: string): Promise<Identity | undefined>;
  /** The oldest first, those that are no longer valid too. */
  list(): Promise<ListedToken[]>;
  /** From now on it is not valid; false when there is no such token. Again is as good as once. */
  revoke(id: string): Promise<boolean>;
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
