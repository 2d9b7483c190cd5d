import { readFileSync } from 'node:fs';
import { ApiClient } from '../client.ts';
import { saveContext } from '../context.ts';
import { CliError } from '../exit.ts';
import { kindNamed } from '../kind-names.ts';

/** Keeps a server and its token, once the server has accepted the token. */
export async function login(
  url: string,
  flags: { tokenFile?: string; context: string },
  say: (line: string) => void,
): Promise<void> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new CliError('usage', `"${url}" is not a URL such as https://containr.example.com.`);
  const token = readToken(flags.tokenFile).trim();
  if (token === '') throw new CliError('usage', 'The token is empty.');
  const connection = { url: url.replace(/\/+$/, ''), token };
  await new ApiClient(connection).list(kindNamed('Project'));
  saveContext(flags.context, connection);
  say(`Logged in to ${connection.url} as context "${flags.context}".`);
}

function readToken(file: string | undefined): string {
  if (file === undefined && process.stdin.isTTY) process.stderr.write('Token (end with Ctrl-D): ');
  try {
    return readFileSync(file ?? 0, 'utf8');
  } catch (cause) {
    throw new CliError('usage', `The token cannot be read from ${file ?? 'standard input'}.`, [], { cause });
  }
}
