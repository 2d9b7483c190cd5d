import { Option, type Command } from 'commander';
import { readDuration } from './duration.ts';
import { namespaceOption, readEventTypes, timeoutOption, wholeNumber } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that only look. */
export function defineReadCommands(program: Command, { say, loadClient }: Tools): void {
  program
    .command('get')
    .description('show objects')
    .argument('<what...>', 'KIND, KIND,KIND, KIND NAME..., KIND/NAME..., or all')
    .addOption(namespaceOption())
    .option('-A, --all-namespaces', 'of all projects')
    .option('-l, --selector <labels>', 'only those with these labels: tier=front,env!=test')
    .option('--field-selector <fields>', 'only those with these fields: status.phase=Failed')
    .option('-o, --output <format>', 'table, wide, json, yaml, name or jsonpath={.path}', 'table')
    .option('-w, --watch', 'go on showing changes')
    .option('--sort-by <column>', 'order by a column, or a path such as {.metadata.name}')
    .option('--no-headers', 'rows only')
    .option('--show-managed-fields', 'with json and yaml: who owns which fields too')
    .addHelpText(
      'after',
      `
Examples:
  containr get services -n shop
  containr get all -A -o wide
  containr get service/web -n shop -o jsonpath='{.status.url}'
  containr get guests -n shop -l containr.dev/service=web -w`,
    )
    .action(async (words: string[], flags) => {
      const [{ get }, connect] = await Promise.all([import('./commands/get.ts'), loadClient()]);
      await get(connect, words, flags, say);
    });

  program
    .command('describe')
    .description('show objects with their conditions, children and events')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespaceOption())
    .addHelpText('after', '\nExample:\n  containr describe service/web -n shop')
    .action(async (words: string[], flags) => {
      const [{ describe }, { readPlacedTargets }, connect] = await Promise.all([
        import('./commands/describe.ts'),
        import('./kind-names.ts'),
        loadClient(),
      ]);
      const targets = readPlacedTargets(words, flags.namespace);
      const client = connect();
      for (const [index, target] of targets.entries()) {
        if (index > 0) say('');
        await describe(client, target, say);
      }
    });

  program
    .command('wait')
    .description('wait until objects are as told; ends with 1 at once when one is stalled')
    .argument('<target...>', 'KIND/NAME')
    .requiredOption('--for <goal>', 'condition=NAME[=VALUE], jsonpath={.path}=VALUE, delete or create')
    .addOption(namespaceOption())
    .addOption(timeoutOption(300_000))
    .addHelpText(
      'after',
      `
Examples:
  containr wait service/web -n shop --for=condition=Ready --timeout 2m
  containr wait service/web -n shop --for=jsonpath='{.status.phase}'=Running
  containr wait guest/web-1-0 -n shop --for=delete`,
    )
    .action(async (words: string[], flags) => {
      const [{ wait }, connect] = await Promise.all([import('./commands/wait.ts'), loadClient()]);
      await wait(connect, words, flags, say);
    });

  program
    .command('logs')
    .description('show what a service, deployment, guest or build printed')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespaceOption())
    .option('-f, --follow', 'go on showing lines as they come')
    .addOption(new Option('--tail <lines>', 'only the newest lines').argParser(wholeNumber(0, 100_000)))
    .addOption(new Option('--since <duration>', 'only lines of the last 5m, 1h, ...').argParser(readDuration))
    .option('--timestamps', 'with the time of each line')
    .option('--prefix', 'with the name of the guest before each line')
    .option('--build', 'of a service: the log of its newest build')
    .option('--previous', 'of the run before the last restart')
    .addHelpText(
      'after',
      `
Examples:
  containr logs service/web -n shop -f --tail 100
  containr logs service/web -n shop --build`,
    )
    .action(async (words: string[], flags) => {
      const [{ logs }, { readPlacedTarget }, connect] = await Promise.all([
        import('./commands/logs.ts'),
        import('./kind-names.ts'),
        loadClient(),
      ]);
      await logs(connect, readPlacedTarget(words, flags.namespace), flags, say);
    });

  program
    .command('events')
    .description('show what happened, oldest first')
    .addOption(namespaceOption())
    .option('--for <target>', 'about KIND/NAME only')
    .addOption(new Option('--types <types>', 'Normal, Warning or both').argParser(readEventTypes))
    .option('-w, --watch', 'go on showing events')
    .addHelpText('after', '\nExample:\n  containr events -n shop --for service/web --types warning --watch')
    .action(async (flags) => {
      const [{ events }, connect] = await Promise.all([import('./commands/events.ts'), loadClient()]);
      await events(connect, flags, say);
    });
}
