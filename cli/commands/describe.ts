import { stringify } from 'yaml';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, kindNames, type PlacedTarget } from '../kind-names.ts';
import { conditionOf, shownName, type ApiObject } from '../objects.ts';
import { belongsTo, isKeptFromBefore } from '../relations.ts';
import { alignColumns } from '../render-table.ts';
import { summaryOf } from '../summary.ts';
import { ageText, plainLine, type Say } from '../text.ts';

const EVENTS = 10;
const SYSTEM_NAMESPACE = 'containr-system';
const childKinds = kindNames.filter(
  ({ kind, namespaced }) => namespaced && !['Event', 'Secret', 'GitProvider'].includes(kind),
);

/** All that helps to understand one object: what is asked for, how it stands, what belongs to it, what happened last. */
export async function describe(client: ApiClient, target: PlacedTarget, say: Say): Promise<void> {
  const object = await client.get(target);
  const [children, events] = await Promise.all([childLines(client, object), eventLines(client, object)]);
  const head = headOf(object).filter(([, value]) => value !== '');
  for (const line of alignColumns([...head, ...summaryOf(object)])) say(line);
  section('Spec', indent(stringify(object.spec ?? {})), say);
  section('Status', indent(stringify(statusWithoutNoise(object))), say);
  section('Conditions', conditionLines(object), say);
  section('Children', children, say);
  section('Events', events, say);
}

function headOf({ kind, metadata, status }: ApiObject): [string, string][] {
  const pairs = (map: Record<string, string> = {}): string =>
    Object.entries(map)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ');
  const owners = (metadata.ownerReferences ?? []).map((owner) => `${owner.kind.toLowerCase()}/${owner.name}`);
  return [
    ['Name:', metadata.name],
    ['Namespace:', metadata.namespace ?? ''],
    ['Kind:', kind],
    ['Labels:', pairs(metadata.labels)],
    ['Owner:', owners.join(', ')],
    ['Age:', ageText(metadata.creationTimestamp ?? '')],
    ['Deleting:', metadata.deletionTimestamp === undefined ? '' : `for ${ageText(metadata.deletionTimestamp)}`],
    ['Generation:', `${metadata.generation ?? 0} (answered: ${status?.observedGeneration ?? 'none yet'})`],
  ];
}

function section(title: string, lines: readonly string[], say: Say): void {
  say(`${title}:${lines.length === 0 ? ' none' : ''}`);
  for (const line of lines) say(`  ${line}`);
}

function indent(text: string): string[] {
  const trimmed = text.trimEnd();
  return trimmed === '{}' ? [] : trimmed.split('\n');
}

/** Conditions have a section of their own, and a machine's memory is for the controller. */
function statusWithoutNoise({ status = {} }: ApiObject): Record<string, unknown> {
  const { conditions: _, machine: __, ...rest } = status;
  return rest;
}

function conditionLines({ status }: ApiObject): string[] {
  const rows = (status?.conditions ?? []).map(({ type, status: value, reason, message, lastTransitionTime = '' }) => [
    type,
    value,
    ageText(lastTransitionTime),
    reason,
    plainLine(message),
  ]);
  return rows.length === 0 ? [] : alignColumns([['TYPE', 'STATUS', 'SINCE', 'REASON', 'MESSAGE'], ...rows]);
}

/** What the object made or what is kept of it, and what that made in turn; of a project, its services. */
async function childLines(client: ApiClient, object: ApiObject): Promise<string[]> {
  const { kind, metadata } = object;
  if (kind === 'Project') {
    const { items } = await client.list(kindNamed('Service'), { namespace: metadata.name });
    return alignColumns(items.map((item) => childRow(item, 0)));
  }
  const { namespace } = metadata;
  if (namespace === undefined) return [];
  const lists = await Promise.all(childKinds.map((child) => client.list(child, { namespace })));
  const all = lists.flatMap(({ items }) => items);
  const below = (parent: ApiObject, depth: number): string[][] =>
    all
      .filter((item) => belongsTo(item, parent))
      .flatMap((item) => [childRow(item, depth), ...(depth < 3 ? below(item, depth + 1) : [])]);
  return alignColumns(below(object, 0));
}

function childRow(object: ApiObject, depth: number): string[] {
  const ready = conditionOf(object, 'Ready');
  const kept = isKeptFromBefore(object) ? 'Kept from before a restore. ' : '';
  return [
    `${'  '.repeat(depth)}${shownName(object)}`,
    ready?.reason ?? '',
    `${kept}${plainLine(ready?.message ?? '')}`,
  ];
}

async function eventLines(client: ApiClient, { metadata }: ApiObject): Promise<string[]> {
  const rows = (await eventsOf(client, metadata))
    .map(({ spec = {} }) => ({
      last: String(spec['lastTimestamp'] ?? ''),
      type: String(spec['type']),
      reason: String(spec['reason']),
      count: Number(spec['count'] ?? 1),
      message: plainLine(String(spec['message'] ?? '')),
    }))
    .sort((a, b) => (a.last < b.last ? -1 : 1))
    .slice(-EVENTS)
    .map(({ last, type, reason, count, message }) => [
      ageText(last),
      type,
      reason,
      count > 1 ? `x${count}` : '',
      message,
    ]);
  return rows.length === 0 ? [] : alignColumns([['LAST', 'TYPE', 'REASON', 'COUNT', 'MESSAGE'], ...rows]);
}

async function eventsOf(client: ApiClient, { namespace, uid }: ApiObject['metadata']): Promise<ApiObject[]> {
  try {
    const query = { namespace: namespace ?? SYSTEM_NAMESPACE, fields: `spec.regarding.uid=${uid}` };
    return (await client.list(kindNamed('Event'), query)).items;
  } catch (error) {
    // What happens to objects in no project is for administrators; the object itself may still be shown.
    if (namespace === undefined && error instanceof CliError && ['forbidden', 'notFound'].includes(error.exit))
      return [];
    throw error;
  }
}
