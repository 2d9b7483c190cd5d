import type { Command, Option } from 'commander';
import type { ApiClient } from './client.ts';
import { exitCodes } from './exit.ts';

type MakeOption = (flags: string, text: string) => Option;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Every command, with its code loaded only when it is used: reading shall be quick. */
export function buildProgram(program: Command, option: MakeOption): Command {
  const context = option('--context <name>', 'the installation to talk to, as kept by "containr login"');
  const namespace = option('-n, --namespace <project>', 'the project');
  const timeout = (ms: number): Option =>
    option('--timeout <duration>', 'how long to wait, such as 90s or 5m')
      .default(ms, `${ms / 1_000}s`)
      .argParser(readDuration);

  program
    .name('containr')
    .description('A platform as a service on Proxmox VE.')
    .addOption(context)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(see: containr --help)');

  async function connect(): Promise<ApiClient> {
    const [{ ApiClient: Client }, { resolveConnection }] = await Promise.all([
      import('./client.ts'),
      import('./context.ts'),
    ]);
    return new Client(resolveConnection(program.opts<{ context?: string }>().context));
  }

  program
    .command('apply')
    .description('create or change what the files say; all of it or nothing')
    .requiredOption('-f, --filename <path...>', 'a file, a folder, or - for standard input')
    .addOption(namespace)
    .addOption(option('--dry-run <where>', 'check only: on the server, or here').choices(['server', 'client']))
    .option('--wait', 'until everything is ready')
    .addOption(timeout(600_000))
    .option('--exit-code', 'end with 1 when something changed')
    .option('--force-conflicts', 'take over fields that another manager owns')
    .option('--field-manager <name>', 'who owns the fields', 'containr-cli')
    .action(async (flags) => {
      const { apply } = await import('./commands/apply.ts');
      const { ApiClient: Client } = await import('./client.ts');
      const { resolveConnection } = await import('./context.ts');
      const client = (): ApiClient => new Client(resolveConnection(program.opts<{ context?: string }>().context));
      const outcome = await apply(client, flags, say);
      if (flags.exitCode && outcome === 'changed') process.exitCode = exitCodes.negative;
    });

  program
    .command('get')
    .description('show objects')
    .argument('<kind...>', 'a kind, KIND NAME..., KIND/NAME..., or all')
    .addOption(namespace)
    .option('-A, --all-namespaces', 'of all projects')
    .option('-l, --selector <labels>', 'only those with these labels: tier=front,env!=test')
    .option('--field-selector <fields>', 'only those with these fields: status.phase=Failed')
    .option('-o, --output <format>', 'table, wide, json, yaml, name or jsonpath={.path}', 'table')
    .option('-w, --watch', 'go on showing changes')
    .option('--sort-by <column>', 'order rows by a column')
    .option('--no-headers', 'rows only')
    .action(async (words: string[], flags) => {
      const [{ get }, client] = await Promise.all([import('./commands/get.ts'), connect()]);
      await get(client, words, flags, say);
    });

  program
    .command('describe')
    .description('show one object with its conditions, children and events')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespace)
    .action(async (words: string[], flags) => {
      const [{ describe }, { readTargets }, client] = await Promise.all([
        import('./commands/describe.ts'),
        import('./kind-names.ts'),
        connect(),
      ]);
      for (const target of readTargets(words)) await describe(client, target, flags.namespace, say);
    });

  program
    .command('wait')
    .description('wait until objects are as told; ends at once when one is stalled')
    .argument('<target...>', 'KIND/NAME')
    .requiredOption('--for <goal>', 'condition=NAME[=VALUE], jsonpath={PATH}=VALUE, delete or create')
    .addOption(namespace)
    .addOption(timeout(300_000))
    .action(async (words: string[], flags) => {
      const [{ waitFor, readGoal }, { readTargets }, client] = await Promise.all([
        import('./wait-for.ts'),
        import('./kind-names.ts'),
        connect(),
      ]);
      const goal = readGoal(flags.for);
      const deadline = Date.now() + flags.timeout;
      for (const { kind, name } of readTargets(words)) {
        await waitFor(
          client,
          { kind, name, namespace: kind.namespaced ? flags.namespace : undefined },
          goal,
          deadline - Date.now(),
        );
        say(`${kind.singular}/${name} condition met`);
      }
    });

  program
    .command('delete')
    .description('delete objects, and wait until they are gone')
    .argument('[target...]', 'KIND/NAME')
    .option('-f, --filename <path...>', 'what these files say')
    .addOption(namespace)
    .option('--no-wait', 'return at once')
    .option('--cascade <how>', 'background, foreground or orphan', 'background')
    .option('--confirm <name>', 'for a project: its name, again')
    .addOption(timeout(300_000))
    .action(async (words: string[], flags) => {
      const [{ remove }, client] = await Promise.all([import('./commands/remove.ts'), connect()]);
      await remove(client, words, flags, say);
    });

  program
    .command('logs')
    .description('show what a service, deployment, guest or build printed')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespace)
    .option('-f, --follow', 'go on showing lines as they come')
    .option('--tail <lines>', 'only the newest lines')
    .addOption(option('--since <duration>', 'only lines of the last 5m, 1h, ...').argParser(readDuration))
    .option('--timestamps', 'with the time of each line')
    .option('--build', "of a service: its newest build's log")
    .option('--previous', 'of the revision before')
    .action(async (words: string[], flags) => {
      const [{ logs }, { readTargets }, client] = await Promise.all([
        import('./commands/logs.ts'),
        import('./kind-names.ts'),
        connect(),
      ]);
      for (const target of readTargets(words)) await logs(client, target, flags, say);
    });

  program
    .command('events')
    .description('show what happened')
    .addOption(namespace)
    .option('--for <target>', 'about KIND/NAME only')
    .option('--types <types>', 'Normal, Warning or both')
    .option('-w, --watch', 'go on showing events')
    .action(async (flags) => {
      const [{ events }, client] = await Promise.all([import('./commands/events.ts'), connect()]);
      await events(client, flags, say);
    });

  program
    .command('reconcile')
    .description('have an object looked at now, and wait until that was done')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespace)
    .addOption(timeout(60_000))
    .action(async (words: string[], flags) => {
      const [{ reconcile }, { readTargets }, client] = await Promise.all([
        import('./commands/reconcile.ts'),
        import('./kind-names.ts'),
        connect(),
      ]);
      for (const target of readTargets(words)) await reconcile(client, target, flags.namespace, flags.timeout, say);
    });

  program
    .command('login')
    .description('keep a server and a token as a context; the token is read from a file or from standard input')
    .argument('<url>', 'such as https://containr.example.com')
    .option('--token-file <file>', 'a file with the token')
    .option('--context <name>', 'what to call it', 'default')
    .action(async (url: string, flags) => {
      const { login } = await import('./commands/login.ts');
      await login(url, flags, say);
    });

  program
    .command('version')
    .description('show the versions of command and server')
    .action(async () => {
      const { version } = await import('./commands/version.ts');
      await version(connect, say);
    });

  program
    .command('server')
    .description('run the controller and the API in this process group, until interrupted')
    .option('--host <address>', 'where to listen')
    .option('--port <number>', 'where to listen')
    .option('--data-dir <folder>', 'everything that is kept')
    .action(async (flags) => {
      const { server } = await import('./commands/server.ts');
      process.exitCode = await server(flags);
    });

  const dev = program
    .command('dev')
    .description('run everything on this machine: a Proxmox sandbox, the database, the controller and the API')
    .option('--port <number>', 'where the API listens; 0 for a free one', '8080')
    .option('--data-dir <folder>', 'everything that is kept; data survives a restart with the same folder', '.containr')
    .addOption(option('--engine <name>', 'what runs guests; lxc where it can').choices(['lxc', 'simulated']))
    .option('--nodes <count>', 'Proxmox nodes in the sandbox', '1')
    .option('--ready-file <file>', 'written once everything is ready')
    .option('--allow-repositories <folder...>', 'folders under which repositories may be plain paths')
    .option('--detach', 'go on in the background once everything is ready')
    .action(async (flags) => {
      const { dev: run } = await import('./commands/dev.ts');
      process.exitCode = await run(flags, say);
    });
  dev
    .command('stop')
    .description('end a detached dev')
    .action(async (_, command: Command) => {
      const { stopDev } = await import('./commands/dev.ts');
      await stopDev(command.optsWithGlobals<{ dataDir: string }>().dataDir, say);
    });

  return program;
}

function readDuration(text: string): number {
  const units: Readonly<Record<string, number>> = {
    ms: 1,
    s: 1_000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
    '': 1_000,
  };
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const scale = units[unit];
  if (amount === '' || scale === undefined) throw new Error(`"${text}" is not a duration such as 90s or 5m.`);
  return Number(amount) * scale;
}
