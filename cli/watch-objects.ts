import type { ApiClient } from './client.ts';
import { follow } from './follow.ts';
import type { GetFlags, GetRequest } from './get-request.ts';
import { showObjects, type OutputFormat } from './output.ts';
import { alignColumns, tableCells } from './render-table.ts';
import type { Say } from './text.ts';

/** Shows what is there, then each change, until the process is interrupted. */
export async function watchObjects(
  client: ApiClient,
  request: GetRequest,
  flags: GetFlags,
  format: OutputFormat,
  say: Say,
): Promise<void> {
  const [name] = request.names;
  const query = { ...request, fields: name === undefined ? request.fields : `metadata.name=${name}` };
  const { signal } = new AbortController();
  if (format.type === 'table') return watchTable(client, query, flags, format.wide, say, signal);

  const changes = follow(
    {
      list: (until) => client.list(query.kind, query, until),
      watch: (since, until) => client.watch(query.kind, query, since, until),
    },
    signal,
  );
  const managedFields = flags.showManagedFields ?? false;
  for await (const change of changes) {
    const objects = change.type === 'LIST' ? change.listed.items : [change.object];
    for (const object of objects) await showObjects([object], { isOne: true, managedFields }, format, say);
  }
}

async function watchTable(
  client: ApiClient,
  query: GetRequest,
  flags: GetFlags,
  wide: boolean,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const { kind, namespace, labels, fields } = query;
  const selection = { namespace, labels, fields };
  const form = { wide, headers: flags.headers, namespaces: Boolean(flags.allNamespaces) && kind.namespaced };
  const widths: number[] = [];
  const changes = follow(
    {
      list: (until) => client.table(kind, selection, until),
      watch: (since, until) => client.watchTable(kind, selection, since, until),
    },
    signal,
  );
  for await (const change of changes) {
    if (change.type === 'LIST') {
      for (const line of alignColumns(tableCells(change.listed, form), widths)) say(line);
      continue;
    }
    const [line = ''] = alignColumns(tableCells(change.object, { ...form, headers: false }), widths);
    say(change.type === 'DELETED' ? `${line}   (deleted)` : line);
  }
}
