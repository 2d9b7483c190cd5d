import { checkManifests, type CheckedEntry } from '../check-manifests.ts';
import type { ApiClient } from '../client.ts';
import { changeBetween, dryRun, refusalLines, targetOf } from '../dry-run.ts';
import { CliError } from '../exit.ts';
import { readManifests } from '../manifest-files.ts';
import { shownName } from '../objects.ts';
import { createProgress } from '../progress.ts';
import type { Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';
import { readyGoal } from '../wait-for.ts';

export interface ApplyFlags {
  filename: string[];
  namespace?: string;
  dryRun?: 'server' | 'client';
  wait?: boolean;
  timeout: number;
  forceConflicts?: boolean;
  fieldManager: string;
}

/**
 * Applies every object of the files, or none: all are checked here, then by the server, before the first is written.
 * Answers whether anything is, or would be, other than before.
 */
export async function apply(connect: () => ApiClient, flags: ApplyFlags, say: Say): Promise<'same' | 'changed'> {
  const entries = checkManifests(readManifests(flags.filename), flags.namespace);
  if (flags.dryRun === 'client') {
    for (const { object } of entries) say(`${shownName(object)} valid (client dry run)`);
    return 'same';
  }
  const client = connect();
  const options = { fieldManager: flags.fieldManager, force: flags.forceConflicts };
  const expected = await dryRun(client, entries, options);
  if (flags.dryRun === 'server') {
    entries.forEach(({ object }, index) => say(`${shownName(object)} ${expected[index]} (server dry run)`));
    return expected.every((change) => change === 'unchanged') ? 'same' : 'changed';
  }

  const changed = await write(client, entries, options, say);
  if (flags.wait) {
    await waitForAll(client, entries.map(targetOf), readyGoal, {
      timeoutMs: flags.timeout,
      onChange: createProgress(),
    });
  }
  return changed ? 'changed' : 'same';
}

async function write(
  client: ApiClient,
  entries: readonly CheckedEntry[],
  options: { fieldManager: string; force: boolean | undefined },
  say: Say,
): Promise<boolean> {
  let changed = false;
  for (const [index, entry] of entries.entries()) {
    const { kind, object } = entry;
    try {
      const before = await client.find(targetOf(entry));
      const change = changeBetween(before, await client.apply(kind, object, options));
      changed ||= change !== 'unchanged';
      say(`${shownName(object)} ${change}`);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      throw new CliError(error.exit, refusalLines(entry, error).join(' '), [partText(entries, index)], {
        cause: error,
      });
    }
  }
  return changed;
}

/** The server has accepted all of it a moment ago, so something changed in between: what came of it has to be said. */
function partText(entries: readonly CheckedEntry[], done: number): string {
  const rest = entries.length - done;
  const before = done === 0 ? 'Nothing was applied' : `The ${done} before it were applied, ${rest} were not`;
  return `${before}. Apply again: what is as it should be stays untouched.`;
}
