import type { ApiClient } from '../client.ts';
import { findByPath } from '../../crds/json-path.ts';
import { CliError } from '../exit.ts';
import { kindNamed, kindNames, readTargets, type KindName } from '../kind-names.ts';
import type { ApiObject } from '../objects.ts';
import { alignColumns, renderTable } from '../render-table.ts';

export interface GetFlags {
  namespace?: string | undefined;
  allNamespaces?: boolean | undefined;
  selector?: string | undefined;
  fieldSelector?: string | undefined;
  output: string;
  watch?: boolean | undefined;
  sortBy?: string | undefined;
  headers: boolean;
}

/** Kinds that `get all` shows: what people run. */
const everyday = ['services', 'deployments', 'builds', 'guests'];

/** Shows objects: a table as the server renders it, or the objects themselves. */
export async function get(
  client: ApiClient,
  words: readonly string[],
  flags: GetFlags,
  say: (line: string) => void,
): Promise<void> {
  const requests = readRequests(words);
  for (const [index, { kind, names }] of requests.entries()) {
    const namespace = kind.namespaced && !flags.allNamespaces ? (flags.namespace ?? noNamespace(kind)) : undefined;
    const query = { namespace, labels: flags.selector, fields: flags.fieldSelector };
    if (flags.watch) {
      await watchTable(client, kind, { ...query, names }, flags, say);
      return;
    }
    if (flags.output === 'table' || flags.output === 'wide') {
      if (index > 0) say('');
      await showTable(client, kind, names, query, flags, say, requests.length > 1);
      continue;
    }
    const objects =
      names.length > 0
        ? await Promise.all(names.map((name) => client.get(kind, name, namespace)))
        : (await client.list(kind, query)).items;
    showObjects(objects, names.length === 1, flags.output, say, await yamlWriter(flags.output));
  }
}

function readRequests(words: readonly string[]): { kind: KindName; names: string[] }[] {
  const [first = ''] = words;
  if (first === '')
    throw new CliError('usage', `What shall be shown? Kinds: ${kindNames.map(({ plural }) => plural).join(', ')}.`);
  if (first === 'all') return everyday.map((plural) => ({ kind: kindNamed(plural), names: [] }));
  if (first.includes(',')) return first.split(',').map((word) => ({ kind: kindNamed(word), names: [] }));
  if (words.length === 1 && !first.includes('/')) return [{ kind: kindNamed(first), names: [] }];
  const byKind = new Map<KindName, string[]>();
  for (const { kind, name } of readTargets(words)) byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  return [...byKind].map(([kind, names]) => ({ kind, names }));
}

function noNamespace(kind: KindName): never {
  throw new CliError('usage', `${kind.plural} live in projects. Name one with -n PROJECT, or use -A for all.`);
}

async function showTable(
  client: ApiClient,
  kind: KindName,
  names: readonly string[],
  query: { namespace: string | undefined; labels: string | undefined; fields: string | undefined },
  flags: GetFlags,
  say: (line: string) => void,
  isOneOfSeveral: boolean,
): Promise<void> {
  const tables =
    names.length > 0
      ? await Promise.all(names.map((name) => client.table(kind, { ...query, name })))
      : [await client.table(kind, query)];
  const [first] = tables;
  if (!first) return;
  const table = { ...first, rows: tables.flatMap(({ rows }) => rows) };
  if (table.rows.length === 0) {
    if (!isOneOfSeveral)
      process.stderr.write(
        `No ${kind.plural} found${query.namespace === undefined ? '' : ` in ${query.namespace}`}.\n`,
      );
    return;
  }
  if (flags.sortBy !== undefined) {
    const wanted = flags.sortBy.toLowerCase();
    const column = table.columnDefinitions.findIndex(({ name }) => name.toLowerCase() === wanted);
    if (column < 0)
      throw new CliError(
        'usage',
        `--sort-by=${flags.sortBy}: there is no such column. Columns: ${table.columnDefinitions.map(({ name }) => name).join(', ')}.`,
      );
    table.rows.sort((a, b) =>
      String(a.cells[column] ?? '').localeCompare(String(b.cells[column] ?? ''), 'en', { numeric: true }),
    );
  }
  const wide = flags.output === 'wide';
  for (const line of renderTable(table, {
    wide,
    headers: flags.headers,
    namespaces: Boolean(flags.allNamespaces) && kind.namespaced,
  }))
    say(line);
}

type YamlWriter = ((value: unknown) => string) | undefined;

async function yamlWriter(output: string): Promise<YamlWriter> {
  return output === 'yaml' ? (await import('yaml')).stringify : undefined;
}

function showObjects(
  objects: readonly ApiObject[],
  isOne: boolean,
  output: string,
  say: (line: string) => void,
  toYaml: YamlWriter,
): void {
  const value = isOne ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects };
  if (output === 'json') return say(JSON.stringify(value, null, 2));
  if (toYaml) return say(toYaml(value).trimEnd());
  if (output === 'name') return objects.forEach(({ kind, metadata }) => say(`${kind.toLowerCase()}/${metadata.name}`));
  if (output.startsWith('jsonpath=')) {
    const found = findByPath(output.slice('jsonpath='.length), value);
    if (!found) throw new CliError('usage', `-o ${output}: the path is not understood.`);
    return say(found.map((item) => (typeof item === 'object' ? JSON.stringify(item) : String(item))).join(' '));
  }
  throw new CliError('usage', `-o ${output} is not understood. Use table, wide, json, yaml, name or jsonpath={.path}.`);
}

/** The table once, then a line for each change, until interrupted. */
async function watchTable(
  client: ApiClient,
  kind: KindName,
  query: {
    namespace: string | undefined;
    labels: string | undefined;
    fields: string | undefined;
    names: readonly string[];
  },
  flags: GetFlags,
  say: (line: string) => void,
): Promise<void> {
  const fields = query.names.length === 1 ? `metadata.name=${query.names[0]}` : query.fields;
  const wide = flags.output === 'wide';
  const abort = new AbortController();
  const options = { wide, headers: false, namespaces: Boolean(flags.allNamespaces) && kind.namespaced };
  const first = await client.table(kind, { ...query, fields });
  for (const line of renderTable(first, { ...options, headers: flags.headers })) say(line);
  const { list, version } = {
    list: await client.list(kind, { ...query, fields }),
    version: first.metadata.resourceVersion,
  };
  for await (const event of client.watch(kind, {
    ...query,
    fields,
    since: version ?? list.metadata.resourceVersion ?? '',
    signal: abort.signal,
  })) {
    if (event.type === 'BOOKMARK' || event.type === 'ERROR') continue;
    if (event.type === 'DELETED') {
      say(alignColumns([[event.object.metadata.name, 'deleted']])[0] ?? '');
      continue;
    }
    const row = await client.table(kind, {
      namespace: event.object.metadata.namespace,
      fields: `metadata.name=${event.object.metadata.name}`,
    });
    for (const line of renderTable(row, options)) say(line);
  }
}
