import type { ApiClient } from './client.ts';
import { statusText } from './backup-facts.ts';
import { readLogin, type DatabaseLogin } from './database-client.ts';
import { CliError } from './exit.ts';
import { targetName } from './kind-names.ts';
import { namedTarget } from './named-target.ts';
import { conditionOf, type ApiObject } from './objects.ts';
import { plainLine } from './text.ts';

interface ToldDatabase {
  connection_url?: string;
}

/**
 * Asks the server for the login of a database. Forbidden for whoever may not have it; a "no" that says how the database stands
 * while there is none.
 */
export async function askLogin(
  client: ApiClient,
  word: string,
  namespace: string | undefined,
): Promise<{ database: ApiObject; login: DatabaseLogin }> {
  const target = namedTarget(word, ['Database'], namespace);
  const database = await client.get(target);
  const shown = targetName(target);
  if (statusText(database, 'endpoint') === '') {
    const ready = conditionOf(database, 'Ready');
    throw new CliError('negative', `${shown} has no address yet. ${plainLine(ready?.message ?? '')}`.trimEnd(), [
      `To wait for it: containr wait ${shown} -n ${target.namespace ?? ''} --for=condition=Ready`,
    ]);
  }
  const { uid = '' } = database.metadata;
  const told = await client.request<ToldDatabase>('GET', `/api/v1/databases/${encodeURIComponent(uid)}`);
  if (told.connection_url !== undefined) return { database, login: readLogin(told.connection_url) };
  throw new CliError('forbidden', `The server does not tell the login of ${shown}.`, [
    `It is for developers and owners of the project, with a token that may write: containr auth can-i update secrets -n ${target.namespace ?? ''}`,
    `If you may, look at what the database says of its Secret: containr describe ${shown} -n ${target.namespace ?? ''}`,
  ]);
}
