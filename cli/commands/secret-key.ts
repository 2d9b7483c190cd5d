import type { ApiClient } from '../client.ts';
import type { Say } from '../text.ts';

/** The public key that values are sealed for now, `age1...`. */
export async function fetchSealingKey(client: ApiClient): Promise<string> {
  return (await client.request<{ publicKey: string }>('GET', '/api/sealing-key')).publicKey;
}

/** Prints it, for `--key`. */
export async function showSealingKey(client: ApiClient, say: Say): Promise<void> {
  say(await fetchSealingKey(client));
}
