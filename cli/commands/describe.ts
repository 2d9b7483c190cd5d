import { stringify } from 'yaml';
import type { ApiClient } from '../client.ts';
import { kindNamed, kindNames, type Target } from '../kind-names.ts';
import type { ApiObject } from '../objects.ts';
import { ageText, alignColumns } from '../render-table.ts';

const EVENTS = 10;
const childKinds = ['Build', 'Deployment', 'Guest'];

/** All that helps to understand one object: what is asked for, how it stands, what belongs to it, what happened last. */
export async function describe(
  client: ApiClient,
  { kind, name }: Target,
  namespace: string | undefined,
  say: (line: string) => void,
): Promise<void> {
  const object = await client.get(kind, name, kind.namespaced ? namespace : undefined);
  const { metadata } = object;
  const head: [string, string][] = [
    ['Name:', metadata.name],
    ['Namespace:', metadata.namespace ?? ''],
    ['Kind:', object.kind],
    [
      'Labels:',
      Object.entries(metadata.labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
    ],
    ['Owner:', (metadata.ownerReferences ?? []).map((owner) => `${owner.kind.toLowerCase()}/${owner.name}`).join(', ')],
    ['Age:', metadata.creationTimestamp === undefined ? '' : ageText(metadata.creationTimestamp)],
    ['Deleting:', metadata.deletionTimestamp === undefined ? '' : `since ${ageText(metadata.deletionTimestamp)}`],
    ['Generation:', `${metadata.generation} (answered: ${object.status?.observedGeneration ?? 'none yet'})`],
  ];
  for (const line of alignColumns(head.filter(([, value]) => value !== ''))) say(line);
  section('Spec', indent(stringify(object.spec ?? {})), say);
  section('Status', indent(stringify(statusWithoutNoise(object))), say);
  section('Conditions', conditionLines(object), say);
  section('Children', await childLines(client, object), say);
  section('Events', await eventLines(client, object), say);
}

function section(title: string, lines: readonly string[], say: (line: string) => void): void {
  say(`${title}:${lines.length === 0 ? ' none' : ''}`);
  for (const line of lines) say(`  ${line}`);
}

function indent(text: string): string[] {
  return text.trimEnd().split('\n');
}

/** Conditions have a section of their own, and a machine's memory is for the controller. */
function statusWithoutNoise({ status = {} }: ApiObject): Record<string, unknown> {
  const { conditions: _, machine: __, ...rest } = status;
  return rest;
}

function conditionLines({ status }: ApiObject): string[] {
  const rows = (status?.conditions ?? []).map(({ type, status: value, reason, message, lastTransitionTime }) => [
    type,
    value,
    lastTransitionTime === undefined ? '' : ageText(lastTransitionTime),
    reason,
    message.split('\n')[0] ?? '',
  ]);
  return rows.length === 0 ? [] : alignColumns([['TYPE', 'STATUS', 'SINCE', 'REASON', 'MESSAGE'], ...rows]);
}

async function childLines(client: ApiClient, { metadata }: ApiObject): Promise<string[]> {
  if (metadata.namespace === undefined) return [];
  const kinds = kindNames.filter(({ kind }) => childKinds.includes(kind));
  const lists = await Promise.all(kinds.map((kind) => client.list(kind, { namespace: metadata.namespace })));
  const children = lists
    .flatMap(({ items }) => items)
    .filter((item) => item.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));
  const rows = children.map((child) => {
    const ready = child.status?.conditions?.find(({ type }) => type === 'Ready');
    return [
      `${child.kind.toLowerCase()}/${child.metadata.name}`,
      ready?.reason ?? '',
      (ready?.message ?? '').split('\n')[0] ?? '',
    ];
  });
  return alignColumns(rows);
}

async function eventLines(client: ApiClient, { metadata }: ApiObject): Promise<string[]> {
  const { items } = await client.list(kindNamed('Event'), {
    namespace: metadata.namespace ?? 'containr-system',
    fields: `spec.regarding.uid=${metadata.uid}`,
  });
  const rows = items
    .map(({ spec = {} }) => ({
      last: String(spec['lastTimestamp'] ?? ''),
      type: String(spec['type']),
      reason: String(spec['reason']),
      count: Number(spec['count'] ?? 1),
      message: String(spec['message'] ?? ''),
    }))
    .sort((a, b) => (a.last < b.last ? -1 : 1))
    .slice(-EVENTS)
    .map(({ last, type, reason, count, message }) => [
      ageText(last),
      type,
      reason,
      count > 1 ? `x${count}` : '',
      message.split('\n')[0] ?? '',
    ]);
  return rows.length === 0 ? [] : alignColumns([['LAST', 'TYPE', 'REASON', 'COUNT', 'MESSAGE'], ...rows]);
}
