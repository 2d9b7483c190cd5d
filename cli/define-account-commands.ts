import { Option, type Command } from 'commander';
import { readLifetime } from './lifetime.ts';
import type { Tools } from './program.ts';

/** The commands about who one is: which server, logins, tokens, the password. */
export function defineAccountCommands(program: Command, { say, loadClient }: Tools): void {
  const contextName = () => program.opts<{ context?: string }>().context;

  program
    .command('login')
    .description('keep a server and a token as a context; token or password are read from standard input, or asked for')
    .argument('<url>', 'such as https://containr.example.com')
    .option('--email <address>', 'log in with the password of this account, which makes a token for 30 days')
    .option('--token-file <file>', 'a file with the token')
    .addHelpText(
      'after',
      `
Examples:
  containr login https://containr.example.com --email ann@example.com
  containr login https://containr.example.com --context home --token-file token`,
    )
    .action(async (url: string, flags: { tokenFile?: string; email?: string }) => {
      const { login } = await import('./commands/login.ts');
      await login(url, { ...flags, context: contextName() }, say);
    });

  program
    .command('password')
    .description('change your password, which ends every login; both are read from standard input, or asked for')
    .action(async () => {
      const [{ changePassword }, connect] = await Promise.all([import('./commands/password.ts'), loadClient()]);
      await changePassword(connect(), say);
    });

  const token = program.command('token').description('make, list and revoke tokens of your own');
  const loadToken = () => Promise.all([import('./commands/token.ts'), loadClient()]);
  token
    .command('create')
    .description('make a token and print it; it is shown this once')
    .argument('<name>', 'what to call it')
    .addOption(
      new Option('--scope <scope>', 'read changes nothing, write does not administer')
        .choices(['read', 'write', 'admin'])
        .default('write'),
    )
    .addOption(new Option('--expires <time>', 'after 12h, 30d or 1y; never without it').argParser(readLifetime))
    .addHelpText('after', '\nExample:\n  containr token create ci --scope write --expires 90d > ci-token')
    .action(async (name: string, flags) => {
      const [{ createToken }, connect] = await loadToken();
      await createToken(connect(), name, flags, say);
    });
  token
    .command('list')
    .description('show your tokens that are valid')
    .option('--all', 'those of everybody; for administrators')
    .action(async (flags: { all?: boolean }) => {
      const [{ listTokens }, connect] = await loadToken();
      await listTokens(connect(), flags, say);
    });
  token
    .command('revoke')
    .description('end a token at once; without a name the one in use, which logs out')
    .argument('[token]', 'its name or id')
    .action(async (name: string | undefined) => {
      const [{ revokeToken }, connect] = await loadToken();
      await revokeToken(connect(), name, say);
    });

  const context = program.command('context').description('the installations that "containr login" keeps');
  context
    .command('list')
    .description('show them; a star marks the current one')
    .action(async () => (await import('./commands/contexts.ts')).listContexts(say));
  context
    .command('use')
    .description('make one the current one')
    .argument('<name>')
    .action(async (name: string) => (await import('./commands/contexts.ts')).switchContext(name, say));
}
