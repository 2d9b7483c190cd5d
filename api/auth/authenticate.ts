import { createHash } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Clock } from '../../controller/clock.ts';
import type { ApiEnv } from '../context.ts';
import { Refused } from '../status.ts';
import { networkOf } from './client-address.ts';
import { FailureLimit } from './failure-limit.ts';
import type { Identity, TokenStore } from '../../controller/access/token-store.ts';

interface AuthenticateOptions {
  tokens: Pick<TokenStore, 'verify'>;
  clock: Clock;
}

const MOST_KNOWN = 1_000;

/** Lets through who shows a valid bearer token, and says in the context who that is. Everybody else gets 401, or 429 in time. */
export function authenticate({ tokens, clock }: AuthenticateOptions): MiddlewareHandler<ApiEnv> {
  const limit = new FailureLimit(clock);
  // Digests of tokens that were valid lately: a neighbour who guesses must not lock out those behind the same address.
  const known = new Set<string>();

  return async (context, next) => {
    const from = networkOf(context.get('address'));
    const token = bearerToken(context.req.header('authorization'));
    if (token === undefined) {
      context.header('WWW-Authenticate', 'Bearer realm="containr"');
      throw new Refused(
        'Unauthorized',
        'This needs a token. Send the header "Authorization: Bearer TOKEN"; containr login gets one.',
      );
    }
    const digest = createHash('sha256').update(token).digest('base64');
    const waitMs = known.has(digest) ? 0 : limit.waitMs(from);
    if (waitMs > 0) throw tooMany(waitMs);
    const identity = await verified(tokens, token);
    if (!identity) {
      known.delete(digest);
      limit.failed(from);
      context.header('WWW-Authenticate', 'Bearer realm="containr", error="invalid_token"');
      throw new Refused(
        'Unauthorized',
        'The token is not valid: it is unknown, expired or revoked. containr login gets a new one.',
      );
    }
    if (known.size >= MOST_KNOWN) known.clear();
    known.add(digest);
    context.set('identity', identity);
    context.set('tokenHolds', async () => (await verified(tokens, token)) !== undefined);
    await next();
  };
}

async function verified(tokens: Pick<TokenStore, 'verify'>, token: string): Promise<Identity | undefined> {
  return token.length > 4_096 ? undefined : tokens.verify(token);
}

function tooMany(waitMs: number): Refused {
  const seconds = Math.ceil(waitMs / 1000);
  return new Refused('TooManyRequests', `Too many invalid tokens came from this address. Try again in ${seconds} s.`, {
    retryAfterSeconds: seconds,
  });
}

/** The token of an Authorization header; undefined for any other header. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1];
}
