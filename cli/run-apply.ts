import type { Command } from 'commander';
import type { ApiClient } from './client.ts';
import type { ApplyFlags } from './commands/apply.ts';
import { CliError } from './exit.ts';
import type { Say } from './text.ts';

interface ApplyCall {
  /** A plan. */
  file: string | undefined;
  flags: Omit<ApplyFlags, 'filename'> & { filename?: string[] };
  command: Command;
}

/** What goes with a plan; all else stands in it. */
const withPlan = new Set(['wait', 'timeout', 'dryRun', 'exitCode']);

/** Applies files, or carries out a plan. Usage error for both, for neither, and for what a plan says itself. */
export async function runApply(
  connect: () => ApiClient,
  { file, flags, command }: ApplyCall,
  say: Say,
): Promise<'same' | 'changed'> {
  const { filename } = flags;
  if (file === undefined) {
    if (filename === undefined) throw new CliError('usage', 'What shall be applied? Name files with -f, or a plan.');
    const { apply } = await import('./commands/apply.ts');
    return apply(connect, { ...flags, filename }, say);
  }
  const given = command.options.filter(
    (option) => command.getOptionValueSource(option.attributeName()) === 'cli' && !withPlan.has(option.attributeName()),
  );
  if (given.length > 0)
    throw new CliError(
      'usage',
      `A plan is carried out as it was made: leave out ${given.map(({ long }) => long).join(', ')}.`,
    );
  const { applyPlan } = await import('./commands/apply-plan.ts');
  return applyPlan(connect, file, flags, say);
}
