import type { CheckedEntry } from './check-manifests.ts';
import type { ApiClient, ApplyOptions } from './client.ts';
import { CliError, Refusal } from './exit.ts';
import { kindNamed, type PlacedTarget } from './kind-names.ts';
import { problemText } from './manifest-files.ts';
import { shownName, type ApiObject } from './objects.ts';

export type Change = 'created' | 'configured' | 'unchanged';

/** What an apply would do to an object. */
export interface Preview {
  change: Change;
  before: ApiObject | undefined;
  /** As the server would store it; as written where its project is yet to be made. */
  after: ApiObject;
}

/**
 * The server's own checks of every object, before anything is written; what each would become. One error for all that it
 * refuses, each with its place.
 */
export async function dryRun(
  client: ApiClient,
  entries: readonly CheckedEntry[],
  options: ApplyOptions,
): Promise<Preview[]> {
  const coming = await newProjects(client, entries);
  const problems: string[] = [];
  const previews: Preview[] = [];
  let first: CliError | undefined;
  for (const entry of entries) {
    const { kind, object } = entry;
    try {
      const before = await client.find(targetOf(entry));
      const after = await client.apply(kind, object, { ...options, dryRun: true });
      previews.push({ change: changeBetween(before, after), before, after });
    } catch (error) {
      if (!(error instanceof CliError) || error.exit === 'server') throw error;
      // The project is in this very set: that it is missing is all that the server found.
      if (error.exit === 'notFound' && coming.has(object.metadata.namespace ?? '')) {
        previews.push({ change: 'created', before: undefined, after: object });
        continue;
      }
      first ??= error;
      problems.push(...refusalLines(entry, error));
    }
  }
  if (!first) return previews;
  throw new CliError(first.exit, problems[0] ?? first.message, [...problems.slice(1), 'Nothing was changed.']);
}

/** What a write did, or would do. */
export function changeBetween(before: ApiObject | undefined, after: ApiObject): Change {
  if (!before) return 'created';
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'configured';
}

/** The object of an entry as the server finds it. */
export function targetOf({ kind, object }: Pick<CheckedEntry, 'kind' | 'object'>): PlacedTarget {
  return { kind, name: object.metadata.name, namespace: kind.namespaced ? object.metadata.namespace : undefined };
}

/** Where an entry stands, what the server said of it, and what to do. */
export function refusalLines({ place, object, lineOf }: CheckedEntry, error: CliError): string[] {
  const name = shownName(object);
  const fields = error instanceof Refusal ? error.fields : [];
  if (fields.length === 0) return [problemText(place, undefined, name, '', error.message)];
  const hint = error.exit === 'conflict' ? '; leave the field out, or take it over with --force-conflicts' : '';
  return fields.map(({ field, message }) => problemText(place, lineOf(field), name, field, `${message}${hint}`));
}

async function newProjects(client: ApiClient, entries: readonly CheckedEntry[]): Promise<Set<string>> {
  const kind = kindNamed('Project');
  const projects = entries.filter((entry) => entry.kind === kind).map(({ object }) => object.metadata.name);
  const missing = new Set<string>();
  for (const name of projects) if (!(await client.find({ kind, name, namespace: undefined }))) missing.add(name);
  return missing;
}
