import type { ApiClient } from '../client.ts';
import type { DatabaseLogin } from '../database-client.ts';
import { askLogin } from '../read-login.ts';
import type { Say } from '../text.ts';

export interface DbUrlFlags {
  namespace?: string;
  field: keyof DatabaseLogin;
}

/** Says the URL of a database with its password, or one part of it. */
export async function dbUrl(
  client: ApiClient,
  word: string,
  { namespace, field }: DbUrlFlags,
  say: Say,
): Promise<void> {
  const { login } = await askLogin(client, word, namespace);
  say(login[field]);
}
