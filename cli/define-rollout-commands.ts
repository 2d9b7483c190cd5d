import { Option, type Command } from 'commander';
import { readPlacedTarget, readPlacedTargets } from './kind-names.ts';
import { namespaceOption, timeoutOption, wholeNumber } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that move services between revisions and sizes. */
export function defineRolloutCommands(program: Command, { say, loadClient }: Tools): void {
  const load = () => Promise.all([import('./commands/rollout.ts'), loadClient()]);
  const rollout = program.command('rollout').description('look at and steer the rollouts of a service');

  rollout
    .command('status')
    .description('wait until the newest revision serves; ends with 1 at once when it cannot')
    .argument('<target...>', 'service/NAME')
    .addOption(namespaceOption())
    .addOption(timeoutOption(600_000))
    .addHelpText('after', '\nExample:\n  containr rollout status service/web -n shop --timeout 2m')
    .action(async (words: string[], flags) => {
      const target = readPlacedTarget(words, flags.namespace);
      const [{ rolloutStatus }, connect] = await load();
      await rolloutStatus(connect(), target, flags.timeout, say);
    });

  rollout
    .command('history')
    .description('show the revisions that are kept, newest first; a star marks the one that serves')
    .argument('<target...>', 'service/NAME')
    .addOption(namespaceOption())
    .action(async (words: string[], flags) => {
      const target = readPlacedTarget(words, flags.namespace);
      const [{ rolloutHistory }, connect] = await load();
      await rolloutHistory(connect(), target, say);
    });

  rollout
    .command('undo')
    .description('bring an earlier revision back, image and configuration together')
    .argument('<target...>', 'service/NAME')
    .addOption(namespaceOption())
    .addOption(new Option('--to-revision <number>', 'instead of the one before').argParser(wholeNumber(1, 1e9)))
    .addHelpText('after', '\nExample:\n  containr rollout undo service/web -n shop --to-revision 3')
    .action(async (words: string[], flags) => {
      const target = readPlacedTarget(words, flags.namespace);
      const [{ rolloutUndo }, connect] = await load();
      await rolloutUndo(connect(), target, flags, say);
    });

  rollout
    .command('restart')
    .description('roll the service again, from the newest commit of its branch')
    .argument('<target...>', 'service/NAME')
    .addOption(namespaceOption())
    .action(async (words: string[], flags) => {
      const target = readPlacedTarget(words, flags.namespace);
      const [{ rolloutRestart }, connect] = await load();
      await rolloutRestart(connect(), target, say);
    });

  for (const [name, paused, text] of [
    ['pause', true, 'begin no new revision, and hold one in flight where it is'],
    ['resume', false, 'let rollouts go on'],
  ] as const) {
    rollout
      .command(name)
      .description(text)
      .argument('<target...>', 'service/NAME')
      .addOption(namespaceOption())
      .action(async (words: string[], flags) => {
        const target = readPlacedTarget(words, flags.namespace);
        const [{ pauseRollouts }, connect] = await load();
        await pauseRollouts(connect(), target, paused, say);
      });
  }

  program
    .command('scale')
    .description('ask for another number of guests')
    .argument('<target...>', 'service/NAME')
    .addOption(namespaceOption())
    .addOption(new Option('--replicas <number>', 'so many').argParser(wholeNumber(0, 1_000)).makeOptionMandatory())
    .addOption(
      new Option('--current-replicas <number>', 'only when there are so many').argParser(wholeNumber(0, 1_000)),
    )
    .addHelpText('after', '\nExample:\n  containr scale service/web -n shop --replicas 3')
    .action(async (words: string[], flags) => {
      const target = readPlacedTarget(words, flags.namespace);
      const [{ scale }, connect] = await load();
      await scale(connect(), target, { replicas: flags.replicas, current: flags.currentReplicas }, say);
    });

  program
    .command('tree')
    .description('show an object and all that belongs to it, down to vmids, volumes and routes')
    .argument('<target...>', 'KIND/NAME')
    .addOption(namespaceOption())
    .addHelpText('after', '\nExamples:\n  containr tree project/shop\n  containr tree service/web -n shop')
    .action(async (words: string[], flags) => {
      const target = readPlacedTarget(words, flags.namespace);
      const [{ tree }, connect] = await Promise.all([import('./commands/tree.ts'), loadClient()]);
      await tree(connect(), target, say);
    });

  for (const [name, suspended, text] of [
    ['suspend', true, 'stop what objects do; nothing is lost'],
    ['resume', false, 'let what was suspended go on'],
  ] as const) {
    const command = program
      .command(name)
      .description(text)
      .argument(suspended ? '<target...>' : '[target...]', 'KIND/NAME: services, projects, reposyncs')
      .addOption(namespaceOption());
    if (!suspended) {
      command
        .option('--installation', 'end observe-only mode, after showing what is newer than the database')
        .option('--accept', 'with --installation: without asking');
    }
    command.action(async (words: string[], flags) => {
      if (flags.installation === true) {
        const [{ resumeInstallation }, connect] = await Promise.all([
          import('./commands/resume-installation.ts'),
          loadClient(),
        ]);
        return resumeInstallation(connect(), flags, say);
      }
      const targets = readPlacedTargets(words, flags.namespace);
      const [{ suspend }, connect] = await Promise.all([import('./commands/suspend.ts'), loadClient()]);
      await suspend(connect(), targets, suspended, say);
    });
  }
}
