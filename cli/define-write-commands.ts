import { Option, type Command } from 'commander';
import { inventoryOption, namespaceOption, readFlag, timeoutOption } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that change something on the server. */
export function defineWriteCommands(program: Command, { say, end, outliveReader, loadClient }: Tools): void {
  program
    .command('apply')
    .description('create or change what the files say, or carry out a plan; all of it or nothing')
    .argument('[plan]', 'a file that "containr plan -o" wrote; refused when anything that it was made from has changed')
    .option('-f, --filename <path...>', 'a file, a folder, an https address, or - for standard input')
    .addOption(namespaceOption())
    .addOption(new Option('--dry-run <where>', 'check only: on the server, or here').choices(['server', 'client']))
    .option('--wait', 'until everything is ready')
    .addOption(timeoutOption(600_000))
    .option('--exit-code', 'end with 1 when something changed')
    .option('--force-conflicts', 'take over fields that another manager owns')
    .option('--field-manager <name>', 'who owns the fields', 'containr-cli')
    .addOption(inventoryOption())
    .option('--prune', 'delete what an earlier apply of the inventory made and the files no longer say')
    .option('--prune-data', 'with --prune: projects, databases, volumes and backups too')
    .addHelpText(
      'after',
      `
Examples:
  containr apply -f shop.yaml
  containr apply -f deploy/ --inventory shop --prune --dry-run=server
  containr apply -f deploy/ --dry-run=server --exit-code
  git show HEAD:shop.yaml | containr apply -f - --wait
  containr plan -f deploy/ -o deploy.plan && containr apply deploy.plan`,
    )
    .action(async (file: string | undefined, flags, command: Command) => {
      outliveReader();
      const { runApply } = await import('./run-apply.ts');
      const outcome = await runApply(await loadClient(), { file, flags, command }, say);
      if (flags.exitCode && outcome === 'changed') end('negative');
    });

  program
    .command('plan')
    .description('show what an apply of the files would do on Proxmox, and write it down for "containr apply FILE"')
    .requiredOption('-f, --filename <path...>', 'a file, a folder, an https address, or - for standard input')
    .option('-o, --out <file>', 'write the plan into this file; it holds no values of secrets')
    .addOption(namespaceOption())
    .option('--diff', 'show what changes in the objects too')
    .option('--json', 'for programs')
    .option('--exit-code', 'end with 1 when something would change')
    .option('--force-conflicts', 'take over fields that another manager owns')
    .option('--field-manager <name>', 'who would own the fields', 'containr-cli')
    .addOption(inventoryOption())
    .option('--prune', 'delete what an earlier apply of the inventory made and the files no longer say')
    .option('--prune-data', 'with --prune: projects, databases, volumes and backups too')
    .addHelpText(
      'after',
      `
+ is made, ~ is changed where it is, -/+ is replaced, - is destroyed.

Examples:
  containr plan -f shop.yaml --diff
  containr plan -f deploy/ --inventory shop --prune -o deploy.plan`,
    )
    .action(async (flags) => {
      const [{ plan }, connect] = await Promise.all([import('./commands/plan.ts'), loadClient()]);
      if ((await plan(connect, flags, say)) === 'differs' && flags.exitCode) end('negative');
    });

  program
    .command('diff')
    .description('show what an apply of the files would change; ends with 1 when something would')
    .requiredOption('-f, --filename <path...>', 'a file, a folder, an https address, or - for standard input')
    .addOption(namespaceOption())
    .option('--force-conflicts', 'as if fields that another manager owns were taken over')
    .option('--field-manager <name>', 'who would own the fields', 'containr-cli')
    .addOption(inventoryOption())
    .option('--prune', 'show what would be pruned too')
    .option('--prune-data', 'with --prune: projects, databases, volumes and backups too')
    .addHelpText(
      'after',
      `
Values of secrets are shown as digests, which say whether they differ and nothing else.

Examples:
  containr diff -f shop.yaml
  containr diff -f deploy/ --prune --inventory shop`,
    )
    .action(async (flags) => {
      const [{ diff }, connect] = await Promise.all([import('./commands/diff.ts'), loadClient()]);
      if ((await diff(connect, flags, say)) === 'differs') end('negative');
    });

  program
    .command('delete')
    .description('delete objects, and wait until they are gone')
    .argument('[target...]', 'KIND/NAME')
    .option('-f, --filename <path...>', 'what these files say')
    .addOption(namespaceOption())
    .addOption(new Option('--wait [boolean]', 'until they are gone').default(true).preset(true).argParser(readFlag))
    .option('--no-wait', 'return at once')
    .addOption(
      new Option('--cascade <how>', 'what of it goes first, or stays')
        .choices(['background', 'foreground', 'orphan'])
        .default('background'),
    )
    .addOption(
      new Option('--confirm <name>', 'for a project: its name, again').argParser((name, names: string[] = []) => [
        ...names,
        name,
      ]),
    )
    .option('--ignore-not-found', 'what is gone already is fine')
    .addOption(timeoutOption(300_000))
    .addHelpText(
      'after',
      `
Examples:
  containr delete service/web -n shop
  containr delete -f shop.yaml --confirm shop --ignore-not-found`,
    )
    .action(async (words: string[], flags) => {
      outliveReader();
      const [{ remove }, connect] = await Promise.all([import('./commands/remove.ts'), loadClient()]);
      await remove(connect, words, flags, say);
    });

  program
    .command('reconcile')
    .description('have objects looked at now, and wait until that was done')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespaceOption())
    .addOption(timeoutOption(60_000))
    .addHelpText('after', '\nExample:\n  containr reconcile service/web -n shop')
    .action(async (words: string[], flags) => {
      const [{ reconcile }, { readPlacedTargets }, connect] = await Promise.all([
        import('./commands/reconcile.ts'),
        import('./kind-names.ts'),
        loadClient(),
      ]);
      await reconcile(connect(), readPlacedTargets(words, flags.namespace), flags.timeout, say);
    });
}
