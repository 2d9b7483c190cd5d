import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { ownVersion } from '../own-version.ts';
import type { Say } from '../text.ts';

/** Both versions; a server that does not answer is said, and no failure. */
export async function version(connect: () => ApiClient, say: Say): Promise<void> {
  say(`containr ${ownVersion()}`);
  try {
    const client = connect();
    const { gitVersion } = await client.version();
    say(`server   ${gitVersion ?? 'unknown'} at ${client.url}`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    say('server   unknown');
    process.stderr.write(`${error.message}\n`);
  }
}
