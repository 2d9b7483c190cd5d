import { z } from 'zod';
import { SingleLine } from '../../crds/names.ts';
import type { Identity, ListedToken } from '../../controller/access/token-store.ts';
import { causesOf, Refused } from '../status.ts';

/** What somebody asks for who wants a token. */
export const TokenRequest = z.strictObject({
  name: SingleLine.min(1, 'must not be empty').max(64, 'must be at most 64 characters long'),
  scope: z.enum(['read', 'write', 'admin']).default('write'),
  /** For the machine that somebody logs in at, with the session of that login. */
  login: z.boolean().default(false),
  expiresAt: z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' }).optional(),
});
export type TokenRequest = z.output<typeof TokenRequest>;

const MOST_TOKENS = 100;

/**
 * When the token that is asked for ends. Throws Refused: a token gives nothing that the one it is made with does not give, and
 * lasts no longer. Pure.
 */
export function endOfNewToken(
  { name, scope, login, expiresAt }: TokenRequest,
  { identity, live, now }: { identity: Identity; live: readonly ListedToken[]; now: Date },
): Date | undefined {
  requireWriting(identity);
  if (scope === 'admin' && !identity.admin)
    throw new Refused('Forbidden', 'Only administrators can have tokens with the scope admin. Use the scope write.');
  if (scope === 'admin' && identity.scope !== 'admin')
    throw new Refused('Forbidden', 'A token with the scope admin is made with one that has it, or after a login.');
  if (login && !identity.session)
    throw new Refused('Forbidden', 'Only a login makes a token of a login. Leave login out.');
  if (live.some((token) => token.name === name))
    throw new Refused('AlreadyExists', `You have a token "${name}" already. Revoke it first, or choose another name.`);
  // Nobody must be shut out because they logged in often.
  if (!login && live.filter((token) => !token.login).length >= MOST_TOKENS)
    throw new Refused('Forbidden', `You have ${MOST_TOKENS} tokens already. Revoke those that nobody uses.`);
  const most = identity.expiresAt;
  if (expiresAt === undefined) return most;
  const end = new Date(expiresAt);
  if (end <= now) throw wrongEnd('must be in the future');
  if (most && end > most) throw wrongEnd(`must not be after ${most.toISOString()}, when the token ends that makes it`);
  return end;
}

/** Throws Refused for a token that may only read. */
export function requireWriting({ scope }: Identity): void {
  if (scope === 'read') throw new Refused('Forbidden', 'This token may only read. Use one with the scope write.');
}

function wrongEnd(message: string): Refused {
  return new Refused('Invalid', `expiresAt ${message}.`, { causes: causesOf([{ path: 'expiresAt', message }]) });
}
