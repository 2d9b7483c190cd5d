import { existsSync, readFileSync } from 'node:fs';
import type { ApiClient } from '../client.ts';

/** Both versions; a server that does not answer is said, and no failure. */
export async function version(connect: () => Promise<ApiClient>, say: (line: string) => void): Promise<void> {
  say(`containr ${ownVersion()}`);
  try {
    const client = await connect();
    const { gitVersion } = await client.json<{ gitVersion?: string }>('/version');
    say(`server   ${gitVersion ?? 'unknown'} at ${client.url}`);
  } catch (error) {
    say(`server   ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

function ownVersion(): string {
  const beside = new URL('../../package.json', import.meta.url);
  const file = existsSync(beside) ? beside : new URL('../../../package.json', import.meta.url);
  const parsed: { version?: string } = JSON.parse(readFileSync(file, 'utf8'));
  return parsed.version ?? 'unknown';
}
