import type { Command } from 'commander';
import { namespaceOption, timeoutOption, wholeNumber } from './options.ts';
import type { Tools } from './program.ts';

/** The commands about what Proxmox has and no object says. */
export function defineDriftCommands(program: Command, { say, end, loadClient }: Tools): void {
  const load = () => Promise.all([import('./commands/drift.ts'), import('./kind-names.ts'), loadClient()]);
  const drift = program.command('drift').description('look at and settle what was changed by hand on Proxmox');

  drift
    .command('list')
    .description('show what is not as declared; ends with 1 when there is any')
    .addOption(namespaceOption())
    .option('-A, --all-namespaces', 'of all projects')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  containr drift list -A')
    .action(async (flags) => {
      const [{ driftList }, , connect] = await load();
      if (await driftList(connect(), flags, say)) end('negative');
    });

  drift
    .command('correct')
    .description('put back what is declared, also where drift is only reported')
    .argument('<target...>', 'service/NAME or guest/NAME')
    .addOption(namespaceOption())
    .addOption(timeoutOption(120_000))
    .addHelpText('after', '\nExample:\n  containr drift correct service/web -n shop')
    .action(async (words: string[], flags) => {
      const [{ driftCorrect }, { readPlacedTarget }, connect] = await load();
      await driftCorrect(connect(), readPlacedTarget(words, flags.namespace), flags.timeout, say);
    });

  drift
    .command('accept')
    .description('declare what was found: memory and cores become those of the service')
    .argument('<target...>', 'service/NAME or guest/NAME')
    .addOption(namespaceOption())
    .addHelpText('after', '\nExample:\n  containr drift accept guest/web-r3-0 -n shop')
    .action(async (words: string[], flags) => {
      const [{ driftAccept }, { readPlacedTarget }, connect] = await load();
      await driftAccept(connect(), readPlacedTarget(words, flags.namespace), say);
    });

  program
    .command('orphans')
    .description('show guests on Proxmox that Containr made and that belong to no object; for administrators')
    .option('--json', 'for programs')
    .action(async (flags) => {
      const [{ orphans }, connect] = await Promise.all([import('./commands/orphans.ts'), loadClient()]);
      await orphans(connect(), flags, say);
    });

  program
    .command('adopt')
    .description('have an object take over a guest that belongs to none, as it is; for administrators')
    .argument('<vmid>', 'as "containr orphans" shows it', wholeNumber(100, 999_999_999))
    .option('--as <target>', 'volume/NAME or guest/NAME; without it, what the guest says that it was made for')
    .option('--cluster <name>', 'where several clusters have a guest of this vmid')
    .addOption(namespaceOption())
    .addOption(timeoutOption(120_000))
    .addHelpText('after', '\nExamples:\n  containr adopt 20017\n  containr adopt 20017 --as volume/old-data')
    .action(async (vmid: number, flags) => {
      const [{ adopt }, connect] = await Promise.all([import('./commands/adopt.ts'), loadClient()]);
      await adopt(connect(), vmid, flags, say);
    });
}
