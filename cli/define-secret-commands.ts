import type { Command } from 'commander';
import { namespaceOption } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that encrypt values of Secrets here, so that they may be kept in Git. */
export function defineSecretCommands(program: Command, { say, loadClient }: Tools): void {
  const secret = program
    .command('secret')
    .description('encrypt values of Secrets on this machine, safe to keep in Git');

  secret
    .command('seal')
    .description('print a Secret whose values only this installation opens, for this project, name and key only')
    .argument('<name>', 'of the Secret')
    .argument('[values...]', 'KEY asks for it, KEY=- reads standard input, KEY=VALUE is seen by others on this machine')
    .addOption(namespaceOption().makeOptionMandatory())
    .option('--from-file <[key=]file...>', 'the content of a file, as it is')
    .option('--from-env-file <file>', 'lines of KEY=VALUE; - for standard input')
    .option('--key <file>', 'the public key, as "containr secret key" prints it; without a server')
    .option('--merge-into <file>', 'put the values into the Secret in this file instead, which is made if need be')
    .addHelpText(
      'after',
      `
Without values, lines of KEY=VALUE are read from standard input.

Examples:
  containr secret seal api -n shop TOKEN > secret.yaml
  pass show shop/db | containr secret seal api -n shop DB_PASSWORD=- --merge-into secret.yaml
  containr secret seal api -n shop --from-env-file .env --key sealing-key.txt`,
    )
    .action(async (name: string, values: string[], flags) => {
      const { sealSecret } = await import('./commands/secret-seal.ts');
      await sealSecret(async () => (await loadClient())(), { name, values, ...flags }, say);
    });

  secret
    .command('key')
    .description('print the public key that values are sealed for; it may be kept anywhere')
    .action(async () => {
      const [{ showSealingKey }, connect] = await Promise.all([import('./commands/secret-key.ts'), loadClient()]);
      await showSealingKey(connect(), say);
    });
}
