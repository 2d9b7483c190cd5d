import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { readSecrets } from '../read-secrets.ts';
import type { Say } from '../text.ts';

/** Changes one's own password. At a terminal the new one is asked for twice, as nobody sees what they type. */
export async function changePassword(client: ApiClient, say: Say): Promise<void> {
  const twice = process.stdin.isTTY ? ['new password again'] : [];
  const [currentPassword, newPassword, again] = await readSecrets(['present password', 'new password', ...twice]);
  if (again !== undefined && again !== newPassword)
    throw new CliError('usage', 'The new password was not the same twice. Nothing was changed.');
  await client.request('POST', '/api/account/password', { currentPassword, newPassword });
  say('The password was changed, and every login with the old one has ended. Tokens stay valid.');
}
