import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, readTargets, type Target } from '../kind-names.ts';
import { readManifests } from '../manifest-files.ts';
import { waitFor } from '../wait-for.ts';

export interface DeleteFlags {
  filename?: string[] | undefined;
  namespace?: string | undefined;
  wait: boolean;
  cascade: string;
  timeout: number;
  confirm?: string | undefined;
}

const policies: Readonly<Record<string, string>> = {
  background: 'Background',
  foreground: 'Foreground',
  orphan: 'Orphan',
};

/** Asks for objects to go and, unless told otherwise, waits until they are gone. */
export async function remove(
  client: ApiClient,
  words: readonly string[],
  flags: DeleteFlags,
  say: (line: string) => void,
): Promise<void> {
  const policy = policies[flags.cascade];
  if (policy === undefined)
    throw new CliError('usage', `--cascade=${flags.cascade} is not understood. Use background, foreground or orphan.`);
  const targets = flags.filename
    ? fromFiles(flags.filename, flags.namespace)
    : readTargets(words).map((target) => ({ ...target, namespace: flags.namespace }));
  if (targets.length === 0) throw new CliError('usage', 'What shall be deleted? Use KIND/NAME or -f FILE.');
  for (const { kind, name } of targets) {
    if (kind.kind !== 'Project' || flags.confirm === name) continue;
    throw new CliError('usage', `Deleting project/${name} deletes everything in it. If you mean it: --confirm ${name}`);
  }
  const deadline = Date.now() + flags.timeout;
  for (const { kind, name, namespace } of targets) {
    if (kind.namespaced && namespace === undefined)
      throw new CliError('usage', `${kind.plural} live in projects. Name one with -n PROJECT.`);
    await client.delete(kind, name, kind.namespaced ? namespace : undefined, policy);
    if (!flags.wait) say(`${kind.singular}/${name} is being deleted`);
  }
  if (!flags.wait) return;
  for (const { kind, name, namespace } of targets) {
    await waitFor(
      client,
      { kind, name, namespace: kind.namespaced ? namespace : undefined },
      { type: 'delete' },
      deadline - Date.now(),
    );
    say(`${kind.singular}/${name} deleted`);
  }
}

/** Last applied, first removed. */
function fromFiles(
  files: readonly string[],
  namespace: string | undefined,
): (Target & { namespace: string | undefined })[] {
  return readManifests(files)
    .map(({ object }) => ({
      kind: kindNamed(object.kind),
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? namespace,
    }))
    .toReversed();
}
