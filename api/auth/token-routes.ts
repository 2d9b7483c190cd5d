import { Hono, type MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import { problemText } from '../../crds/problem-text.ts';
import type { AccountServices } from '../../controller/access/account-services.ts';
import type { Identity, ListedToken } from '../../controller/access/token-store.ts';
import type { Clock } from '../../controller/clock.ts';
import type { ApiContext, ApiEnv } from '../context.ts';
import { readBody } from '../resources/body.ts';
import { writerOf } from '../resources/writer.ts';
import { respond } from '../respond.ts';
import { causesOf, Refused, success } from '../status.ts';
import { changePassword, PasswordRequest } from './change-password.ts';
import type { LoginLimits } from './login-limits.ts';
import { endOfNewToken, requireWriting, TokenRequest } from './new-token.ts';

interface TokenRoutesOptions extends Pick<AccountServices, 'accounts' | 'tokens' | 'sessions' | 'passwords'> {
  authenticated: MiddlewareHandler<ApiEnv>;
  limits: LoginLimits;
  clock: Clock;
}

const MOST_BYTES = 16_384;

/**
 * Tokens of the asker, and their password: what the contract has no paths for. `GET` and `POST /api/tokens`,
 * `DELETE /api/tokens/ID` (`current` is the one that is shown; of a session that is the end), `POST /api/account/password`.
 */
export function tokenRoutes({ authenticated, clock, ...services }: TokenRoutesOptions): Hono<ApiEnv> {
  const { tokens, sessions } = services;
  const routes = new Hono<ApiEnv>();
  routes.use('/api/tokens/*', authenticated);
  routes.use('/api/account/*', authenticated);

  routes.get('/api/tokens', async (context) => {
    const identity = context.get('identity');
    const wantsAll = context.req.query('all') === 'true';
    if (wantsAll && !identity.admin) throw new Refused('Forbidden', 'The tokens of all are for administrators.');
    const now = clock.now();
    const listed = (await tokens.list()).filter((token) => wantsAll || isOwn(identity, token));
    return respond(context, { items: listed.filter((token) => isLive(token, now)).map(shown) });
  });

  routes.post('/api/tokens', async (context) => {
    const identity = context.get('identity');
    const asked = await readRequest(context, TokenRequest);
    const now = clock.now();
    const live = (await tokens.list()).filter((token) => isOwn(identity, token) && isLive(token, now));
    const expiresAt = endOfNewToken(asked, { identity, live, now });
    const { user, admin, account } = identity;
    const { name, scope, login } = asked;
    const wanted = { name, scope, login, user, admin, owner: account?.id, expiresAt };
    const { id, token } = await tokens.create(wanted, writerOf(context, { fieldManager: '' }));
    const made = { ...wanted, id, createdAt: now, lastUsedAt: undefined, revokedAt: undefined };
    return respond(context, { ...shown(made), token }, { code: 201 });
  });

  routes.delete('/api/tokens/:id', async (context) => {
    const identity = context.get('identity');
    requireWriting(identity);
    const by = writerOf(context, { fieldManager: '' });
    const asked = context.req.param('id');
    const id = asked === 'current' ? identity.tokenId : asked;
    if (identity.session && id === identity.tokenId) {
      await sessions.end({ id, expiresAt: identity.session.endsAt }, by);
    } else {
      const found = (await tokens.list()).find((token) => token.id === id);
      const mayRevoke = found && (isOwn(identity, found) || (identity.admin && identity.scope === 'admin'));
      // Not repeated: it may be the token itself, by mistake.
      if (!mayRevoke) throw new Refused('NotFound', 'You have no token with this id. GET /api/tokens lists yours.');
      await tokens.revoke(id, by);
    }
    return respond(context, success({ kind: 'tokens', uid: id }));
  });

  routes.post('/api/account/password', async (context) => {
    const asked = await readRequest(context, PasswordRequest);
    const by = writerOf(context, { fieldManager: '' });
    await changePassword(asked, { identity: context.get('identity'), address: context.get('address'), by }, services);
    return respond(context, success({ kind: 'accounts' }));
  });
  return routes;
}

async function readRequest<T>(context: ApiContext, schema: z.ZodType<T>): Promise<T> {
  const read = schema.safeParse((await readBody(context.req.raw, 'json', MOST_BYTES)) ?? {}, { error: problemText });
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const sentences = problems.map(({ path, message }) => `${path} ${message}`.trim());
  throw new Refused('Invalid', `The request is not valid: ${sentences.join('; ')}.`, { causes: causesOf(problems) });
}

function isOwn({ account, user }: Identity, token: ListedToken): boolean {
  return account ? token.owner === account.id : token.owner === undefined && token.user === user;
}

function isLive({ revokedAt, expiresAt }: ListedToken, now: Date): boolean {
  return revokedAt === undefined && (expiresAt === undefined || expiresAt > now);
}

function shown({ id, name, user, scope, createdAt, expiresAt, lastUsedAt }: ListedToken): object {
  return { id, name, user, scope, createdAt, expiresAt, lastUsedAt };
}
