import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, kindNames, type KindName, type PlacedTarget } from '../kind-names.ts';
import { backupFacts, statusText } from '../backup-facts.ts';
import { conditionOf, shownName, type ApiObject } from '../objects.ts';
import { belongsTo, isKeptFromBefore, isLeft } from '../relations.ts';
import { treeLines, type TreeNode } from '../tree-lines.ts';
import { plainLine, type Say } from '../text.ts';

/** What may stand below something else; events only tell of it. */
const childKinds = kindNames.filter(({ kind, namespaced }) => namespaced && kind !== 'Event');
/** What has no owner of its own stands below its project. */
const topKinds = new Set(['Service', 'Database', 'RepoSync', 'Secret', 'Volume', 'Backup', 'Restore']);

/** Shows an object and all that belongs to it, down to vmids, volumes and routes. */
export async function tree(client: ApiClient, target: PlacedTarget, say: Say): Promise<void> {
  const root = await client.get(target);
  const namespace = root.kind === 'Project' ? root.metadata.name : target.namespace;
  const all = namespace === undefined ? [] : await everything(client, namespace);
  for (const line of treeLines(nodeOf(root, all))) say(line);
}

async function everything(client: ApiClient, namespace: string): Promise<ApiObject[]> {
  const lists = await Promise.all(childKinds.map((kind) => readable(client, kind, namespace)));
  return lists.flat();
}

/** Kinds that somebody may not list are left out: the rest still helps. */
async function readable(client: ApiClient, kind: KindName, namespace: string): Promise<ApiObject[]> {
  try {
    return (await client.list(kind, { namespace })).items;
  } catch (error) {
    if (error instanceof CliError && (error.exit === 'forbidden' || error.exit === 'notFound')) return [];
    throw error;
  }
}

function nodeOf(object: ApiObject, all: readonly ApiObject[]): TreeNode {
  const children = all.filter((item) =>
    object.kind === 'Project' ? topKinds.has(item.kind) && isLeft(item, all) : belongsTo(item, object),
  );
  return {
    name: shownName(object),
    facts: factsOf(object),
    children: children.toSorted(inOrder).map((child) => nodeOf(child, all)),
  };
}

/** By kind as they are applied, then the newest revision or backup first, then by name. */
function inOrder(a: ApiObject, b: ApiObject): number {
  const byKind = kindNames.indexOf(kindNamed(a.kind)) - kindNames.indexOf(kindNamed(b.kind));
  if (byKind !== 0) return byKind;
  const byRevision = Number(b.spec?.['revision'] ?? 0) - Number(a.spec?.['revision'] ?? 0);
  if (byRevision !== 0) return byRevision;
  const [first, second] = [a, b].map((one) => (isDated(one) ? (one.metadata.creationTimestamp ?? '') : ''));
  if (first !== second) return (first ?? '') < (second ?? '') ? 1 : -1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function isDated({ kind }: ApiObject): boolean {
  return kind === 'Backup' || kind === 'Restore';
}

/** How it stands, and where it is found outside. */
function factsOf(object: ApiObject): string[] {
  const { status = {}, metadata } = object;
  const ready = conditionOf(object, 'Ready');
  const facts = [
    metadata.deletionTimestamp === undefined ? '' : 'being deleted',
    typeof status['phase'] === 'string' ? status['phase'] : (ready?.reason ?? ''),
    ...placeOf(object, status),
    ready?.status === 'True' || ready === undefined ? '' : plainLine(ready.message),
  ];
  return facts.filter((fact) => fact !== '');
}

function placeOf(object: ApiObject, status: Record<string, unknown>): string[] {
  const text = (name: string): string => (status[name] === undefined ? '' : String(status[name]));
  const list = (name: string): string[] => {
    const value = status[name];
    return Array.isArray(value) ? value.map(String) : [];
  };
  switch (object.kind) {
    case 'Guest':
      return [text('vmid') && `vmid ${text('vmid')} on ${text('node')}`, list('addresses')[0] ?? ''];
    case 'Volume':
      return [
        text('volid'),
        text('attachedTo') && `on ${text('attachedTo')}`,
        isKeptFromBefore(object) ? 'kept from before a restore' : '',
      ];
    case 'Database':
      return [text('endpoint')];
    case 'Backup':
      return backupPlace(object);
    case 'Restore':
      return [`of backup/${String(object.spec?.['backup'] ?? '')}`, text('restoreTime') && `in ${text('restoreTime')}`];
    case 'Route':
      return [text('url') || list('hosts').join(', ')];
    case 'Service':
      return [text('url')];
    case 'Build':
      return [text('commit').slice(0, 12)];
    default:
      return [];
  }
}

function backupPlace(backup: ApiObject): string[] {
  const { size, verified, restoreTime } = backupFacts(backup);
  return [size, verified === 'yes' ? `verified in ${restoreTime}` : '', statusText(backup, 'volid')];
}
