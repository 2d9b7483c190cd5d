import { validateManifest } from '../../crds/validate.ts';
import { allKinds } from '../../crds/kinds.ts';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, type KindName } from '../kind-names.ts';
import { readManifests, type ManifestEntry } from '../manifest-files.ts';
import { shownName, type ApiObject } from '../objects.ts';
import { waitFor } from '../wait-for.ts';

export interface ApplyFlags {
  filename: string[];
  namespace?: string | undefined;
  dryRun?: 'server' | 'client' | undefined;
  wait?: boolean | undefined;
  timeout: number;
  exitCode?: boolean | undefined;
  forceConflicts?: boolean | undefined;
  fieldManager: string;
}

interface Item extends ManifestEntry {
  kind: KindName;
}

type Change = 'created' | 'configured' | 'unchanged';

/**
 * Applies every object of the files, or none: all are validated here, then by the server, before the first is written.
 */
export async function apply(
  client: () => ApiClient,
  flags: ApplyFlags,
  say: (line: string) => void,
): Promise<'same' | 'changed'> {
  const items = inOrder(validated(readManifests(flags.filename), flags.namespace));
  if (flags.dryRun === 'client') {
    for (const { object } of items) say(`${shownName(object)} valid (client dry run)`);
    return 'same';
  }
  const server = client();
  const answers = await askServer(server, items, flags);
  if (flags.dryRun === 'server') {
    items.forEach((item, index) => say(`${shownName(item.object)} ${answers[index]} (server dry run)`));
    return answers.every((change) => change === 'unchanged') ? 'same' : 'changed';
  }

  let changed = false;
  const applied: ApiObject[] = [];
  for (const { kind, object } of items) {
    const before = await server.find(kind, object.metadata.name, object.metadata.namespace);
    const after = await server.apply(kind, object, {
      fieldManager: flags.fieldManager,
      ...(flags.forceConflicts && { force: true }),
    });
    const change = changeBetween(before, after);
    changed ||= change !== 'unchanged';
    say(`${shownName(object)} ${change}`);
    applied.push(after);
  }
  if (flags.wait) await waitForAll(server, items, flags.timeout);
  return changed ? 'changed' : 'same';
}

/** Here, without a server: everything that is wrong in any document, each with its place. */
function validated(entries: readonly ManifestEntry[], namespace: string | undefined): Item[] {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  const items = entries.flatMap(({ object, place }) => {
    const where = `${place}, ${object.kind.toLowerCase()}/${object.metadata.name}`;
    const result = validateManifest(object);
    if (!result.ok) {
      problems.push(
        ...result.problems.map(({ path, message }) => `${where}: ${path === '' ? '' : `${path}: `}${message}`),
      );
      return [];
    }
    const kind = kindNamed(object.kind);
    const placed = inNamespace(object, kind, namespace);
    if (kind.namespaced && placed.metadata.namespace === undefined) {
      problems.push(
        `${where}: metadata.namespace: is required; it is the name of a project. Set it, or use --namespace.`,
      );
    }
    const key = `${kind.kind} ${placed.metadata.namespace ?? ''}/${placed.metadata.name}`;
    const before = seen.get(key);
    if (before !== undefined) problems.push(`${where}: is the same object as in ${before}. Keep one.`);
    seen.set(key, place);
    return [{ object: placed, place, kind }];
  });
  if (problems.length > 0)
    throw new CliError('usage', problems[0] ?? '', [...problems.slice(1), 'Nothing was applied.']);
  return items;
}

function inNamespace(object: ApiObject, kind: KindName, namespace: string | undefined): ApiObject {
  if (!kind.namespaced || object.metadata.namespace !== undefined || namespace === undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

/** What others depend on first. */
function inOrder(items: readonly Item[]): Item[] {
  const rank = (item: Item): number => allKinds.findIndex(({ kind }) => kind === item.object.kind);
  return items.toSorted((a, b) => rank(a) - rank(b));
}

/** The server's own checks for all objects, before anything is written. */
async function askServer(client: ApiClient, items: readonly Item[], flags: ApplyFlags): Promise<Change[]> {
  const projects = new Set(
    items.filter(({ kind }) => kind.kind === 'Project').map(({ object }) => object.metadata.name),
  );
  const problems: string[] = [];
  const changes: Change[] = [];
  let exit: CliError | undefined;
  for (const { kind, object, place } of items) {
    try {
      const before = await client.find(kind, object.metadata.name, object.metadata.namespace);
      // A namespace that this very set brings cannot be there yet.
      const isNew =
        kind.namespaced && projects.has(object.metadata.namespace ?? '') && !(await projectExists(client, object));
      if (isNew) {
        changes.push('created');
        continue;
      }
      const after = await client.apply(kind, object, {
        fieldManager: flags.fieldManager,
        dryRun: true,
        ...(flags.forceConflicts && { force: true }),
      });
      changes.push(changeBetween(before, after));
    } catch (error) {
      if (!(error instanceof CliError) || error.exit === 'server') throw error;
      exit ??= error;
      const where = `${place}, ${shownName(object)}`;
      problems.push(
        ...(error.details.length > 0
          ? error.details.map((detail) => `${where}: ${detail}`)
          : [`${where}: ${error.message}`]),
      );
    }
  }
  if (exit) throw new CliError(exit.exit, problems[0] ?? exit.message, [...problems.slice(1), 'Nothing was applied.']);
  return changes;
}

async function projectExists(client: ApiClient, { metadata }: ApiObject): Promise<boolean> {
  return (await client.find(kindNamed('Project'), metadata.namespace ?? '', undefined)) !== undefined;
}

function changeBetween(before: ApiObject | undefined, after: ApiObject): Change {
  if (!before) return 'created';
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'configured';
}

async function waitForAll(client: ApiClient, items: readonly Item[], timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const { kind, object } of items) {
    await waitFor(
      client,
      { kind, name: object.metadata.name, namespace: object.metadata.namespace },
      { type: 'condition', name: 'Ready', status: 'True' },
      deadline - Date.now(),
    );
  }
}
