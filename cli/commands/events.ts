import type { ApiClient } from '../client.ts';
import { follow } from '../follow.ts';
import { kindNamed, readPlacedTarget } from '../kind-names.ts';
import type { ApiObject } from '../objects.ts';
import { alignColumns } from '../render-table.ts';
import { ageText, plainLine, type Say } from '../text.ts';

export interface EventFlags {
  namespace?: string;
  for?: string;
  types?: ('normal' | 'warning')[];
  watch?: boolean;
}

const head = ['LAST', 'TYPE', 'REASON', 'OBJECT', 'COUNT', 'MESSAGE'];

/** What happened, oldest first; of all projects unless one is named. */
export async function events(connect: () => ApiClient, flags: EventFlags, say: Say): Promise<void> {
  const kind = kindNamed('Event');
  const fields = flags.for === undefined ? undefined : fieldsAbout(flags.for, flags.namespace);
  const query = { namespace: flags.namespace, fields };
  const isWanted = ({ spec }: ApiObject): boolean =>
    flags.types?.some((type) => type === String(spec?.['type']).toLowerCase()) ?? true;
  const client = connect();
  const widths: number[] = [];

  function show(list: readonly ApiObject[]): void {
    const rows = list
      .filter(isWanted)
      .sort((a, b) => (lastOf(a) < lastOf(b) ? -1 : 1))
      .map(rowOf);
    if (rows.length === 0 && !flags.watch) process.stderr.write('No events.\n');
    else for (const line of alignColumns([head, ...rows], widths)) say(line);
  }

  if (!flags.watch) return show((await client.list(kind, query)).items);
  const changes = follow(
    {
      list: (signal) => client.list(kind, query, signal),
      watch: (since, signal) => client.watch(kind, query, since, signal),
    },
    new AbortController().signal,
  );
  for await (const change of changes) {
    if (change.type === 'LIST') show(change.listed.items);
    else if (change.type !== 'DELETED' && isWanted(change.object))
      say(alignColumns([rowOf(change.object)], widths)[0] ?? '');
  }
}

function fieldsAbout(word: string, namespace: string | undefined): string {
  // Events of all projects are shown without a project, so the target needs none either.
  const { kind, name } = readPlacedTarget([word], namespace ?? 'any');
  return `spec.regarding.kind=${kind.kind},spec.regarding.name=${name}`;
}

function lastOf({ spec }: ApiObject): string {
  return String(spec?.['lastTimestamp'] ?? '');
}

function rowOf(event: ApiObject): string[] {
  const { spec = {} } = event;
  return [
    ageText(lastOf(event)),
    String(spec['type']),
    String(spec['reason']),
    aboutText(spec['regarding']),
    String(spec['count'] ?? 1),
    plainLine(String(spec['message'] ?? '')),
  ];
}

function aboutText(regarding: unknown): string {
  if (typeof regarding !== 'object' || regarding === null || !('kind' in regarding) || !('name' in regarding))
    return '';
  return `${String(regarding.kind).toLowerCase()}/${String(regarding.name)}`;
}
