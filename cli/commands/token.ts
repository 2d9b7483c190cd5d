import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { alignColumns } from '../render-table.ts';
import { ageText, plainLine, type Say } from '../text.ts';

interface ApiToken {
  id: string;
  name: string;
  user: string;
  scope: string;
  createdAt: string;
  expiresAt?: string;
  lastUsedAt?: string;
}

export interface NewTokenFlags {
  scope: string;
  /** In milliseconds. */
  expires?: number;
}

/** Makes a token, and says nothing but the token: it goes into a file or a pipe. */
export async function createToken(
  client: ApiClient,
  name: string,
  { scope, expires }: NewTokenFlags,
  say: Say,
): Promise<void> {
  const expiresAt = expires === undefined ? undefined : new Date(Date.now() + expires).toISOString();
  const made = await client.request<ApiToken & { token: string }>('POST', '/api/tokens', { name, scope, expiresAt });
  say(made.token);
  process.stderr.write(`This is the token "${plainLine(made.name)}". Keep it: it is not shown again.\n`);
}

/** Shows the tokens that are valid, never their text. */
export async function listTokens(client: ApiClient, { all = false }: { all?: boolean }, say: Say): Promise<void> {
  const tokens = await tokensOf(client, all);
  if (tokens.length === 0) {
    process.stderr.write('No tokens.\n');
    return;
  }
  const head = ['ID', 'NAME', ...(all ? ['USER'] : []), 'SCOPE', 'AGE', 'USED', 'EXPIRES'];
  const rows = tokens.map(({ id, name, user, scope, createdAt, lastUsedAt, expiresAt }) => [
    id,
    plainLine(name),
    ...(all ? [plainLine(user)] : []),
    scope,
    ageText(createdAt),
    lastUsedAt === undefined ? 'never' : ageText(lastUsedAt),
    expiresAt?.slice(0, 10) ?? 'never',
  ]);
  for (const line of alignColumns([head, ...rows])) say(line);
}

/** Ends a token by its name or id; without one, the one in use. */
export async function revokeToken(client: ApiClient, wanted: string | undefined, say: Say): Promise<void> {
  if (wanted === undefined) {
    await client.request('DELETE', '/api/tokens/current');
    say('Revoked the token in use. "containr login" gets another.');
    return;
  }
  if (wanted.startsWith('ctr_'))
    throw new CliError('usage', 'That is a token itself. Say its name or id, which "containr token list" shows.');
  const tokens = await tokensOf(client, false);
  const found = tokens.filter(({ id, name }) => id === wanted || name === wanted);
  if (found.length > 1) {
    const ids = found.map(({ id }) => id);
    throw new CliError('usage', `There are ${found.length} tokens "${wanted}". Say which by its id:`, ids);
  }
  const [token] = found;
  // Somebody else's, of which an administrator knows the id.
  await client.request('DELETE', `/api/tokens/${encodeURIComponent(token?.id ?? wanted)}`);
  say(`Revoked the token "${plainLine(token?.name ?? wanted)}".`);
}

async function tokensOf(client: ApiClient, all: boolean): Promise<ApiToken[]> {
  const { items } = await client.request<{ items: ApiToken[] }>('GET', all ? '/api/tokens?all=true' : '/api/tokens');
  return items;
}
