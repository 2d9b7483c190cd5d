import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { readRequests, type GetFlags, type GetRequest } from '../get-request.ts';
import type { ApiTable } from '../objects.ts';
import { readOutput, showObjects, type OutputFormat } from '../output.ts';
import { alignColumns, tableCells } from '../render-table.ts';
import { isPath, sortObjects, sortRows } from '../sort-rows.ts';
import type { Say } from '../text.ts';
import { watchObjects } from '../watch-objects.ts';

/** Shows objects: a table as the server renders it, or the objects themselves. */
export async function get(
  connect: () => ApiClient,
  words: readonly string[],
  flags: GetFlags,
  say: Say,
): Promise<void> {
  const format = readOutput(flags.output);
  const requests = readRequests(words, flags);
  if (flags.watch) return watchOne(connect(), requests, flags, format, say);
  const client = connect();
  if (format.type === 'table') return showTables(client, requests, flags, format.wide, say);
  const found = await Promise.all(requests.map((request) => objectsOf(client, request)));
  const objects = flags.sortBy === undefined ? found.flat() : sortObjects(found.flat(), flags.sortBy);
  const isOne = requests.length === 1 && requests[0]?.names.length === 1;
  await showObjects(objects, { isOne, managedFields: flags.showManagedFields ?? false }, format, say);
}

async function objectsOf(client: ApiClient, { kind, names, namespace, labels, fields }: GetRequest) {
  if (names.length === 0) return (await client.list(kind, { namespace, labels, fields })).items;
  return Promise.all(names.map((name) => client.get({ kind, name, namespace })));
}

async function showTables(
  client: ApiClient,
  requests: readonly GetRequest[],
  flags: GetFlags,
  wide: boolean,
  say: Say,
): Promise<void> {
  const withObjects = flags.sortBy !== undefined && isPath(flags.sortBy);
  const tables = await Promise.all(requests.map((request) => tableOf(client, request, withObjects)));
  const shown = requests.flatMap((request, index) => {
    const table = tables[index];
    return table && table.rows.length > 0 ? [{ request, table }] : [];
  });
  shown.forEach(({ request: { kind }, table }, index) => {
    if (index > 0) say('');
    const sorted = flags.sortBy === undefined ? table : sortRows(table, flags.sortBy);
    const namespaces = Boolean(flags.allNamespaces) && kind.namespaced;
    for (const line of alignColumns(tableCells(sorted, { wide, headers: flags.headers, namespaces }))) say(line);
  });
  if (shown.length > 0) return;
  const kinds = requests.map(({ kind }) => kind.plural).join(', ');
  const namespace = requests.find((request) => request.namespace !== undefined)?.namespace;
  process.stderr.write(`No ${kinds} found${namespace === undefined ? '' : ` in ${namespace}`}.\n`);
}

async function tableOf(
  client: ApiClient,
  { kind, names, ...query }: GetRequest,
  withObjects: boolean,
): Promise<ApiTable | undefined> {
  if (names.length === 0) return client.table(kind, { ...query, withObjects });
  const tables = await Promise.all(
    names.map((name) => client.table(kind, { namespace: query.namespace, name, withObjects })),
  );
  const [first] = tables;
  return first && { ...first, rows: tables.flatMap(({ rows }) => rows) };
}

async function watchOne(
  client: ApiClient,
  requests: readonly GetRequest[],
  flags: GetFlags,
  format: OutputFormat,
  say: Say,
): Promise<void> {
  const [request, second] = requests;
  if (!request || second || request.names.length > 1)
    throw new CliError('usage', '--watch shows one kind, or one object of it.');
  const [name] = request.names;
  // Who watches what is not there has mistyped.
  if (name !== undefined) await client.get({ ...request, name });
  await watchObjects(client, request, flags, format, say);
}
