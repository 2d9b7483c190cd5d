import { DatabaseEngine } from '../../crds/database.ts';
import type { ApiClient } from '../client.ts';
import { statusText } from '../backup-facts.ts';
import { clientFor } from '../database-client.ts';
import { CliError } from '../exit.ts';
import { conditionOf, shownName } from '../objects.ts';
import { askLogin } from '../read-login.ts';
import { findProgram, runClient } from '../run-client.ts';
import { plainLine } from '../text.ts';

/** Starts the client of this machine on a database; answers its exit code. The password is in none of its parameters. */
export async function dbShell(
  client: ApiClient,
  word: string,
  parameters: readonly string[],
  namespace: string | undefined,
): Promise<number> {
  const { database, login } = await askLogin(client, word, namespace);
  const shown = shownName(database);
  const engine = DatabaseEngine.safeParse(database.spec?.['engine']);
  if (!engine.success)
    throw new CliError('negative', `This version of the command does not know the engine of ${shown}.`, [
      `Use a client of yours: containr db url ${database.metadata.name} -n ${database.metadata.namespace ?? ''}`,
    ]);
  const start = clientFor(engine.data, login, parameters);
  const program = findProgram(start.programs, process.env['PATH'] ?? '');
  if (program === undefined)
    throw new CliError('notFound', `${start.programs.join(' or ')} is not installed on this machine.`, [
      start.install,
      `Or use another client: containr db url ${database.metadata.name} -n ${database.metadata.namespace ?? ''}`,
    ]);
  const ready = conditionOf(database, 'Ready');
  if (ready?.status === 'False')
    process.stderr.write(
      `${shown} is not ready (${statusText(database, 'phase')}): ${plainLine(ready.message)} Trying ${login.host}:${login.port} all the same.\n`,
    );
  return runClient(program, start);
}
