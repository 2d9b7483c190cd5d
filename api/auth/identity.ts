/** Who is asking, and how much their token may do. */
export interface Identity {
  user: string;
  /** Whether the user is an administrator of the installation. */
  admin: boolean;
  /** What this token was made for: `admin` gives what the user has, `write` no administration, `read` no change at all. */
  scope: 'read' | 'write' | 'admin';
  tokenId: string;
}

/** Knows tokens. */
export interface TokenVerifier {
  /** Undefined for a token that is unknown, expired or revoked. */
  verify(token: string): Promise<Identity | undefined>;
}
