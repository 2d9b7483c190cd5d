import { randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { signedAt, type SessionKeys } from './session-keys.ts';

/** What a session's token says, once it is verified. */
export interface SessionClaims {
  /** Names the session. */
  id: string;
  accountId: string;
  /** The era of the account in which it was started. */
  era: number;
  expiresAt: Date;
}

interface SessionTokensOptions {
  keys: SessionKeys;
  clock: Pick<Clock, 'now'>;
  lifetimeMs: number;
}

const ISSUER = 'containr';
const AUDIENCE = 'containr-api';
const ALGORITHM = 'HS256';

const Claims = z.object({ sub: z.string(), jti: z.string(), era: z.int(), iat: z.number(), exp: z.number() });

/** Signs and verifies the JWTs of sessions. */
export class SessionTokens {
  readonly #options: SessionTokensOptions;

  constructor(options: SessionTokensOptions) {
    this.#options = options;
  }

  async issue(accountId: string, era: number): Promise<{ token: string; claims: SessionClaims }> {
    const { keys, clock, lifetimeMs } = this.#options;
    const now = clock.now();
    const { id: kid, key } = keys.signing(now);
    const id = randomUUID();
    const issuedAt = Math.floor(now.getTime() / 1000);
    const expiresAt = issuedAt + Math.floor(lifetimeMs / 1000);
    const token = await new SignJWT({ era })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(accountId)
      .setJti(id)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(key);
    return { token, claims: { id, accountId, era, expiresAt: new Date(expiresAt * 1000) } };
  }

  /** Undefined for what was not signed here in this very form, or is over. */
  async verify(token: string): Promise<SessionClaims | undefined> {
    const { keys, clock } = this.#options;
    const now = clock.now();
    try {
      const { payload, protectedHeader } = await jwtVerify(
        token,
        ({ kid = '' }) => {
          const found = keys.verifying(kid, now);
          if (!found) throw new errors.JWKSNoMatchingKey();
          return found.key;
        },
        {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          typ: 'JWT',
          requiredClaims: ['iat', 'exp'],
          currentDate: now,
        },
      );
      const claims = Claims.safeParse(payload);
      // A key that became known after its time must sign nothing more.
      if (!claims.success || !signedAt(protectedHeader.kid ?? '', new Date(claims.data.iat * 1000))) return undefined;
      const { sub, jti, era, exp } = claims.data;
      return { id: jti, accountId: sub, era, expiresAt: new Date(exp * 1000) };
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
