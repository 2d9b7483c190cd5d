import { readFileSync } from 'node:fs';
import { ApiClient } from '../client.ts';
import { readUrl, saveContext } from '../context.ts';
import { CliError } from '../exit.ts';
import { kindNamed } from '../kind-names.ts';
import type { Say } from '../text.ts';

export interface LoginFlags {
  tokenFile?: string;
  context?: string;
}

/** Keeps a server and its token, once the server has accepted the token. */
export async function login(address: string, { tokenFile, context = 'default' }: LoginFlags, say: Say): Promise<void> {
  const url = readUrl(address, 'URL');
  if (new URL(url).protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(new URL(url).hostname))
    process.stderr.write(
      `${url} is not encrypted: whoever is on the way can read the token. Use https where you can.\n`,
    );
  const token = readToken(tokenFile).trim();
  if (token === '') throw new CliError('usage', 'The token is empty. Give it on standard input or with --token-file.');
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CliError('usage', 'The token holds characters that no token has.');
  await new ApiClient({ url, token }).list(kindNamed('Project'));
  saveContext(context, { url, token });
  say(`Logged in to ${url} as context "${context}".`);
}

function readToken(file: string | undefined): string {
  if (file === undefined && process.stdin.isTTY) process.stderr.write('Token, then Ctrl-D (it is shown as you type): ');
  try {
    return readFileSync(file ?? 0, 'utf8');
  } catch (cause) {
    throw new CliError('usage', `The token cannot be read from ${file ?? 'standard input'}.`, [], { cause });
  }
}
