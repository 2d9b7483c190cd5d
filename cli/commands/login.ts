import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { ApiClient } from '../client.ts';
import { readUrl, saveContext } from '../context.ts';
import { CliError } from '../exit.ts';
import { kindNamed } from '../kind-names.ts';
import { readSecrets } from '../read-secrets.ts';
import type { Say } from '../text.ts';

export interface LoginFlags {
  tokenFile?: string | undefined;
  email?: string | undefined;
  context?: string | undefined;
}

/** Keeps a server and a token, once the server has accepted the token, or the password of an account. */
export async function login(
  address: string,
  { tokenFile, email, context = 'default' }: LoginFlags,
  say: Say,
): Promise<void> {
  const url = readUrl(address, 'URL');
  if (email !== undefined && tokenFile !== undefined)
    throw new CliError('usage', 'Use --email or --token-file, not both.');
  if (new URL(url).protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(new URL(url).hostname)) {
    const what = email === undefined ? 'token' : 'password';
    process.stderr.write(
      `${url} is not encrypted: whoever is on the way can read the ${what}. Use https where you can.\n`,
    );
  }
  const token = email === undefined ? readToken(tokenFile) : await tokenByPassword(url, email);
  await new ApiClient({ url, token }).list(kindNamed('Project'));
  saveContext(context, { url, token });
  say(`Logged in to ${url} as context "${context}".`);
}

function readToken(file: string | undefined): string {
  const token = readText(file).trim();
  if (token === '') throw new CliError('usage', 'The token is empty. Give it on standard input or with --token-file.');
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CliError('usage', 'The token holds characters that no token has.');
  return token;
}

function readText(file: string | undefined): string {
  if (file === undefined && process.stdin.isTTY) process.stderr.write('Token, then Ctrl-D (it is shown as you type): ');
  try {
    return readFileSync(file ?? 0, 'utf8');
  } catch (cause) {
    throw new CliError('usage', `The token cannot be read from ${file ?? 'standard input'}.`, [], { cause });
  }
}

const KEPT_MS = 30 * 24 * 3_600_000;

/** What a login answers is over within the hour: with it a token is made that is kept, can be listed, and be revoked. */
async function tokenByPassword(url: string, email: string): Promise<string> {
  const [password] = await readSecrets(['password']);
  const anybody = new ApiClient({ url, token: '' });
  const session = await anybody.request<{ token: string }>('POST', '/api/v1/auth/login', { email, password });
  const client = new ApiClient({ url, token: session.token });
  const now = new Date();
  const wanted = {
    name: `containr login ${hostname().slice(0, 24)} ${now.toISOString()}`,
    login: true,
    expiresAt: new Date(now.getTime() + KEPT_MS).toISOString(),
  };
  const token = await createToken(client, { ...wanted, scope: 'admin' }).catch((error: unknown) => {
    if (error instanceof CliError && error.exit === 'forbidden')
      return createToken(client, { ...wanted, scope: 'write' });
    throw error;
  });
  await client.request('DELETE', '/api/tokens/current');
  return token;
}

async function createToken(client: ApiClient, wanted: object): Promise<string> {
  return (await client.request<{ token: string }>('POST', '/api/tokens', wanted)).token;
}
