import { Option, type Command } from 'commander';
import { namespaceOption, timeoutOption } from './options.ts';
import type { Tools } from './program.ts';

const TWO_HOURS_MS = 7_200_000;

/** The commands that take backups, look at them and bring them back. */
export function defineBackupCommands(program: Command, { say, loadClient }: Tools): void {
  const backup = program.command('backup').description('take, look at and prove backups of databases and volumes');

  backup
    .command('now')
    .description('take a backup now')
    .argument('<source>', 'DATABASE, or volume/NAME')
    .addOption(namespaceOption())
    .option('--name <name>', 'of the backup; its source and the time without one')
    .addOption(
      new Option('--mode <how>', 'while it runs, as the engine writes it out, or with the guest stopped')
        .choices(['snapshot', 'dump', 'stop'])
        .default('snapshot'),
    )
    .option(
      '--verify',
      'restore it into a throwaway guest and query it; as the schedule of the database has it without',
    )
    .option('--no-verify', 'only read it back')
    .option('--protect', 'neither people nor retention delete it before it is unprotected')
    .option('--wait', 'until it was read back, and tell where it lies')
    .addOption(timeoutOption(TWO_HOURS_MS))
    .addHelpText(
      'after',
      `
Examples:
  containr backup now main -n shop --wait
  containr backup now main -n shop --name before-the-upgrade --verify --protect
  containr backup now volume/web-data -n shop`,
    )
    .action(async (word: string, flags) => {
      const [{ backupNow }, connect] = await Promise.all([import('./commands/backup-now.ts'), loadClient()]);
      await backupNow(connect(), word, flags, say);
    });

  backup
    .command('list')
    .description('show backups, newest first; RTO is how long a restore took when it was tried')
    .argument('[source]', 'DATABASE, or volume/NAME')
    .addOption(namespaceOption())
    .option('-A, --all-namespaces', 'of all projects')
    .option('-o, --output <format>', 'table, wide, json, yaml, name or jsonpath={.path}', 'table')
    .option('--no-headers', 'rows only')
    .addHelpText('after', '\nExamples:\n  containr backup list main -n shop\n  containr backup list -A -o wide')
    .action(async (word: string | undefined, flags) => {
      const [{ backupList }, connect] = await Promise.all([import('./commands/backup-list.ts'), loadClient()]);
      await backupList(connect, word, flags, say);
    });

  backup
    .command('verify')
    .description(
      'restore a backup into a throwaway guest, query it and tell how long that took; ends with 1 when it fails',
    )
    .argument('<backup>', 'its name')
    .addOption(namespaceOption())
    .option('--no-wait', 'return at once')
    .addOption(timeoutOption(TWO_HOURS_MS))
    .addHelpText('after', '\nExample:\n  containr backup verify before-the-upgrade -n shop')
    .action(async (word: string, flags) => {
      const [{ backupVerify }, connect] = await Promise.all([import('./commands/backup-verify.ts'), loadClient()]);
      await backupVerify(connect(), word, flags, say);
    });

  for (const [name, isProtected, text] of [
    ['protect', true, 'keep backups from being deleted, by people and by retention'],
    ['unprotect', false, 'let backups be deleted again'],
  ] as const) {
    backup
      .command(name)
      .description(text)
      .argument('<backup...>', 'their names')
      .addOption(namespaceOption())
      .action(async (words: string[], flags) => {
        const [{ protectBackups }, connect] = await Promise.all([import('./commands/backup-protect.ts'), loadClient()]);
        await protectBackups(connect(), words, { ...flags, isProtected }, say);
      });
  }

  program
    .command('restore')
    .description('bring a backup back, in place or beside what is there; what it replaces is kept')
    .argument('<backup>', 'its name')
    .addOption(namespaceOption())
    .option('--as <name>', 'a new database or volume of this name, in place of where it came from')
    .option('--name <name>', 'of the restore; its target and the time without one')
    .option('-y, --yes', 'in place, without asking')
    .option('--confirm <name>', 'the same: the name of what is restored in place, again')
    .option('--wait', 'until it is done')
    .addOption(timeoutOption(TWO_HOURS_MS))
    .addHelpText(
      'after',
      `
In place, a database serves until the restored data were read and queried beside it; then it changes over. What it held
before stays as a volume until that is deleted. Whatever fails, it has that again.

Examples:
  containr restore before-the-upgrade -n shop --as main-copy --wait
  containr restore before-the-upgrade -n shop --confirm main --wait`,
    )
    .action(async (word: string, flags) => {
      const [{ restore }, connect] = await Promise.all([import('./commands/restore.ts'), loadClient()]);
      await restore(connect(), word, flags, say);
    });
}
