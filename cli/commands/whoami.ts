import type { ApiClient } from '../client.ts';
import { ownIdentity } from '../own-identity.ts';
import { alignColumns } from '../render-table.ts';
import { plainLine, type Say } from '../text.ts';

/** Shows who the server takes the asker for. */
export async function whoAmI(client: ApiClient, say: Say): Promise<void> {
  const { user, isAdministrator, scope, expiresAt } = await ownIdentity(client);
  const rows = [
    ['User:', plainLine(user)],
    ['Administrator:', isAdministrator ? 'yes' : 'no'],
    ['Token scope:', scope ?? 'unknown'],
    ['Token ends:', expiresAt ?? 'never'],
    ['Server:', client.url],
  ];
  for (const line of alignColumns(rows)) say(line);
}
