import type { ApiClient } from '../client.ts';
import { kindNamed, readTargets } from '../kind-names.ts';
import type { ApiObject } from '../objects.ts';
import { ageText, alignColumns } from '../render-table.ts';

export interface EventFlags {
  namespace?: string | undefined;
  for?: string | undefined;
  types?: string | undefined;
  watch?: boolean | undefined;
}

/** What happened, oldest first. */
export async function events(client: ApiClient, flags: EventFlags, say: (line: string) => void): Promise<void> {
  const kind = kindNamed('Event');
  const [target] = flags.for === undefined ? [] : readTargets([flags.for]);
  const fields = target && `spec.regarding.kind=${target.kind.kind},spec.regarding.name=${target.name}`;
  const types = flags.types?.split(',').map((type) => type.toLowerCase());
  const wanted = (event: ApiObject): boolean => types?.includes(String(event.spec?.['type']).toLowerCase()) ?? true;
  const query = { namespace: flags.namespace, fields };
  const list = await client.list(kind, query);
  const rows = list.items
    .filter(wanted)
    .sort((a, b) => (lastOf(a) < lastOf(b) ? -1 : 1))
    .map(rowOf);
  if (rows.length === 0 && !flags.watch) process.stderr.write('No events.\n');
  else for (const line of alignColumns([['LAST', 'TYPE', 'REASON', 'OBJECT', 'COUNT', 'MESSAGE'], ...rows])) say(line);
  if (!flags.watch) return;
  const abort = new AbortController();
  for await (const { type, object } of client.watch(kind, {
    ...query,
    since: list.metadata.resourceVersion ?? '',
    signal: abort.signal,
  })) {
    if ((type === 'ADDED' || type === 'MODIFIED') && wanted(object)) say(rowOf(object).join('   '));
  }
}

function lastOf({ spec }: ApiObject): string {
  return String(spec?.['lastTimestamp'] ?? '');
}

function rowOf(event: ApiObject): string[] {
  const { spec = {} } = event;
  const regarding = spec['regarding'];
  const about =
    typeof regarding === 'object' && regarding !== null && 'kind' in regarding && 'name' in regarding
      ? `${String(regarding.kind).toLowerCase()}/${String(regarding.name)}`
      : '';
  return [
    ageText(lastOf(event)),
    String(spec['type']),
    String(spec['reason']),
    about,
    String(spec['count'] ?? 1),
    String(spec['message'] ?? '').split('\n')[0] ?? '',
  ];
}
