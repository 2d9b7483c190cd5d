import { checkManifests, type CheckedEntry } from '../check-manifests.ts';
import type { ApiClient } from '../client.ts';
import { changeBetween, dryRun, refusalLines, targetOf } from '../dry-run.ts';
import { CliError } from '../exit.ts';
import {
  abandonedOf,
  recordMember,
  requireFree,
  requireInventory,
  type Abandoned,
  type PruneFlags,
} from '../inventory.ts';
import { loadManifests } from '../load-manifests.ts';
import { shownName } from '../objects.ts';
import { createProgress } from '../progress.ts';
import type { Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';
import { readyGoal } from '../wait-for.ts';

export interface ApplyFlags extends PruneFlags {
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
  requireInventory(flags);
  return applyEntries(connect, checkManifests(await loadManifests(flags.filename), flags.namespace), flags, say);
}

/** The same for what was read and checked already. */
export async function applyEntries(
  connect: () => ApiClient,
  entries: readonly CheckedEntry[],
  flags: ApplyFlags,
  say: Say,
): Promise<'same' | 'changed'> {
  if (flags.dryRun === 'client') {
    for (const { object } of entries) say(`${shownName(object)} valid (client dry run)`);
    return 'same';
  }
  const client = connect();
  const options = { fieldManager: flags.fieldManager, force: flags.forceConflicts };
  const expected = await dryRun(client, entries, options);
  const { inventory } = flags;
  if (inventory !== undefined && !flags.forceConflicts)
    for (const { before } of expected) requireFree(before, inventory);
  if (flags.dryRun === 'server') {
    entries.forEach(({ object }, index) => say(`${shownName(object)} ${expected[index]?.change} (server dry run)`));
    const going = await pruned(client, entries, flags, (abandoned) => {
      say(`${shownName(abandoned.object)} pruned (server dry run)`);
      return Promise.resolve();
    });
    return going === 0 && expected.every(({ change }) => change === 'unchanged') ? 'same' : 'changed';
  }

  const written = await write(client, entries, { ...options, inventory }, say);
  const gone = await pruned(client, entries, flags, async ({ object, target }) => {
    await client.delete(target, 'Background', object.metadata.uid).catch((error: unknown) => {
      // Gone since it was listed, as when its owner went.
      if (!(error instanceof CliError && error.exit === 'notFound')) throw error;
    });
    say(`${shownName(object)} pruned`);
  });
  const changed = written || gone > 0;
  if (flags.wait) {
    await waitForAll(client, entries.map(targetOf), readyGoal, {
      timeoutMs: flags.timeout,
      onChange: createProgress(),
    });
  }
  return changed ? 'changed' : 'same';
}

/** Hands over what the inventory no longer states, and says what stays because of what it holds; how many went. */
async function pruned(
  client: ApiClient,
  entries: readonly CheckedEntry[],
  { prune, pruneData = false, inventory }: ApplyFlags,
  remove: (abandoned: Abandoned) => Promise<void>,
): Promise<number> {
  if (!prune || inventory === undefined) return 0;
  const abandoned = await abandonedOf(client, inventory, { stated: entries.map(targetOf), data: pruneData });
  let count = 0;
  for (const one of abandoned) {
    if (one.kept !== undefined) {
      process.stderr.write(`${shownName(one.object)} is not pruned: ${one.kept}.\n`);
      continue;
    }
    await remove(one);
    count += 1;
  }
  return count;
}

async function write(
  client: ApiClient,
  entries: readonly CheckedEntry[],
  { inventory, ...options }: { fieldManager: string; force: boolean | undefined; inventory: string | undefined },
  say: Say,
): Promise<boolean> {
  let changed = false;
  for (const [index, entry] of entries.entries()) {
    const { kind, object } = entry;
    try {
      const before = await client.find(targetOf(entry));
      const after = await client.apply(kind, object, options);
      if (inventory !== undefined) await recordMember(client, after, inventory);
      const change = changeBetween(before, after);
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
