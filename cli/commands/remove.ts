import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, kindNames, placeOf, readPlacedTargets, targetName, type PlacedTarget } from '../kind-names.ts';
import { loadManifests } from '../load-manifests.ts';
import { createProgress } from '../progress.ts';
import type { Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';

export interface DeleteFlags {
  filename?: string[];
  namespace?: string;
  wait: boolean;
  cascade: 'background' | 'foreground' | 'orphan';
  timeout: number;
  confirm?: string[];
  ignoreNotFound?: boolean;
}

const policies = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

/** Asks for objects to go and, unless told otherwise, waits until they are gone. What is gone already is said at the end. */
export async function remove(
  connect: () => ApiClient,
  words: readonly string[],
  flags: DeleteFlags,
  say: Say,
): Promise<void> {
  const targets = await readDeletions(words, flags);
  guardProjects(targets, flags.confirm ?? []);
  const client = connect();
  const going = new Map<PlacedTarget, string | undefined>();
  const missing: string[] = [];
  for (const target of targets) {
    const found = await client.find(target);
    if (found && (await isDeleting(client, target, policies[flags.cascade]))) {
      going.set(target, found.metadata.uid);
      if (!flags.wait) say(`${targetName(target)} is being deleted`);
    } else {
      missing.push(targetName(target));
    }
  }
  if (flags.wait) {
    await waitForAll(
      client,
      [...going.keys()],
      (target) => ({ type: 'delete', uid: going.get(target) }),
      { timeoutMs: flags.timeout, onChange: createProgress() },
      (target) => say(`${targetName(target)} deleted`),
    );
  }
  if (missing.length > 0 && !flags.ignoreNotFound) {
    const verb = missing.length === 1 ? 'does' : 'do';
    throw new CliError('notFound', `${missing.join(', ')} ${verb} not exist; nothing is left to delete there.`);
  }
}

async function readDeletions(words: readonly string[], { filename, namespace }: DeleteFlags): Promise<PlacedTarget[]> {
  if (filename && words.length > 0) throw new CliError('usage', 'Use KIND/NAME or -f FILE, not both.');
  if (filename) return fromFiles(filename, namespace);
  if (words.length === 0) throw new CliError('usage', 'What shall be deleted? Use KIND/NAME or -f FILE.');
  return readPlacedTargets(words, namespace);
}

/** Last applied, first removed. */
async function fromFiles(files: readonly string[], namespace: string | undefined): Promise<PlacedTarget[]> {
  return (await loadManifests(files))
    .map(({ object: { kind: name, metadata } }) => {
      const kind = kindNamed(name);
      return { kind, name: metadata.name, namespace: placeOf(kind, metadata.namespace ?? namespace) };
    })
    .sort((a, b) => kindNames.indexOf(b.kind) - kindNames.indexOf(a.kind));
}

function guardProjects(targets: readonly PlacedTarget[], confirmed: readonly string[]): void {
  for (const { kind, name } of targets) {
    if (kind.kind !== 'Project' || confirmed.includes(name)) continue;
    throw new CliError('usage', `Deleting project/${name} deletes everything in it. If you mean it: --confirm ${name}`);
  }
}

/** False when it went in the moment since it was seen. */
async function isDeleting(client: ApiClient, target: PlacedTarget, policy: string): Promise<boolean> {
  try {
    await client.delete(target, policy);
    return true;
  } catch (error) {
    if (error instanceof CliError && error.exit === 'notFound') return false;
    throw error;
  }
}
