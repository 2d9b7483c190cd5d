import { Option, type Command } from 'commander';
import { namespaceOption } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that reach into databases. */
export function defineDatabaseCommands(program: Command, { say, end, loadClient }: Tools): void {
  const db = program.command('db').description('reach into databases');

  db.command('url')
    .description('print the URL of a database with its password, or one part of it')
    .argument('<database>', 'its name')
    .addOption(namespaceOption())
    .addOption(
      new Option('--field <part>', 'one part of it')
        .choices(['url', 'host', 'port', 'username', 'password', 'database'])
        .default('url'),
    )
    .addHelpText(
      'after',
      `
It is for developers and owners of the project. What is printed may stay in a terminal or a log.

Examples:
  DATABASE_URL=$(containr db url main -n shop) npm run migrate
  containr db url main -n shop --field host`,
    )
    .action(async (word: string, flags) => {
      const [{ dbUrl }, connect] = await Promise.all([import('./commands/db-url.ts'), loadClient()]);
      await dbUrl(connect(), word, flags, say);
    });

  db.command('shell')
    .description('start psql, mysql, redis-cli, mongosh or clickhouse-client of this machine; ends with its exit code')
    .argument('<database>', 'its name')
    .argument('[parameters...]', 'for the client, after --')
    .addOption(namespaceOption())
    .addHelpText(
      'after',
      `
This machine has to reach the address of the database. The password is in no parameter: the client has it from its
environment, or from a file that only you may read and that goes when the client ends.

Examples:
  containr db shell main -n shop
  containr db shell main -n shop -- -c 'select count(*) from orders'`,
    )
    .action(async (word: string, parameters: string[], flags) => {
      const [{ dbShell }, connect] = await Promise.all([import('./commands/db-shell.ts'), loadClient()]);
      end(await dbShell(connect(), word, parameters, flags.namespace));
    });
}
