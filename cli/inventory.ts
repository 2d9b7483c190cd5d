import type { ApiClient } from './client.ts';
import { CliError } from './exit.ts';
import { kindNamed, kindNames, placeOf, type KindName, type PlacedTarget } from './kind-names.ts';
import { shownName, type ApiObject } from './objects.ts';

/** Which set of manifests an object was applied with. */
export const INVENTORY_LABEL = 'containr.dev/inventory';
/** The uid of the object that was recorded: a copy of it under another name carries it too, and is known by that. */
export const INVENTORY_UID = 'containr.dev/inventory-uid';

/** `false` keeps an object, `true` lets one go that holds data. */
const PRUNE_ANNOTATION = 'containr.dev/prune';

/** Owns label and annotation, so that whoever applies the object without an inventory leaves them alone. */
const MANAGER = 'containr-inventory';

/** What a set once applied and no longer states. */
export interface Abandoned {
  object: ApiObject;
  target: PlacedTarget;
  /** Why it stays nevertheless; undefined for what may go. */
  kept: string | undefined;
}

export interface PruneFlags {
  prune?: boolean;
  pruneData?: boolean;
  inventory?: string;
}

/** Usage error for flags of pruning that need one another. */
export function requireInventory({ prune, pruneData, inventory }: PruneFlags): void {
  if (prune && inventory === undefined)
    throw new CliError('usage', 'What is pruned is what an inventory recorded: use --prune with --inventory NAME.');
  if (pruneData && !prune) throw new CliError('usage', 'Use --prune-data with --prune.');
}

/** Notes on an object that it was applied with the inventory, unless it says so already. */
export async function recordMember(client: ApiClient, object: ApiObject, inventory: string): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, uid = '' } = metadata;
  if (metadata.labels?.[INVENTORY_LABEL] === inventory && metadata.annotations?.[INVENTORY_UID] === uid) return;
  const record = {
    ...(apiVersion !== undefined && { apiVersion }),
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: { [INVENTORY_LABEL]: inventory },
      annotations: { [INVENTORY_UID]: uid },
    },
  };
  await client.apply(kindNamed(kind), record, { fieldManager: MANAGER, force: true });
}

/** Throws a conflict when an object belongs to another inventory. */
export function requireFree(before: ApiObject | undefined, inventory: string): void {
  if (!before || !isMember(before)) return;
  const other = before.metadata.labels?.[INVENTORY_LABEL];
  if (other === inventory) return;
  throw new CliError(
    'conflict',
    `${shownName(before)} belongs to the inventory "${other}": both would manage it. Take it out of one of them, or take it over with --force-conflicts. Nothing was changed.`,
  );
}

/** What was applied with the inventory and is not among `stated`, what depends on others first. */
export async function abandonedOf(
  client: ApiClient,
  inventory: string,
  { stated, data }: { stated: readonly PlacedTarget[]; data: boolean },
): Promise<Abandoned[]> {
  const wanted = new Set(stated.map(keyOf));
  const lists = await Promise.all(
    kindNames.filter(({ kind }) => kind !== 'Event').map((kind) => membersOf(client, kind, inventory)),
  );
  return lists
    .toReversed()
    .flat()
    .map((object) => ({ object, target: targetOf(object) }))
    .filter(({ object, target }) => isMember(object) && !wanted.has(keyOf(target)))
    .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    .map((one) => ({ ...one, kept: whyKept(one.object, data) }));
}

/** Kinds that somebody may not list hold nothing that they applied. */
async function membersOf(client: ApiClient, kind: KindName, inventory: string): Promise<ApiObject[]> {
  try {
    return (await client.list(kind, { labels: `${INVENTORY_LABEL}=${inventory}` })).items.map((item) => ({
      ...item,
      kind: kind.kind,
    }));
  } catch (error) {
    if (error instanceof CliError && (error.exit === 'forbidden' || error.exit === 'notFound')) return [];
    throw error;
  }
}

/** Labels are copied with a manifest, and loops may hand them down; only what was recorded itself counts. */
function isMember({ metadata }: ApiObject): boolean {
  return metadata.annotations?.[INVENTORY_UID] === metadata.uid;
}

/** The annotation is the last word on an object, whichever way it is applied. */
function whyKept(object: ApiObject, mayLoseData: boolean): string | undefined {
  const annotation = object.metadata.annotations?.[PRUNE_ANNOTATION];
  if (annotation === 'false') return `its annotation ${PRUNE_ANNOTATION} says "false"`;
  const data = annotation === 'true' || mayLoseData ? undefined : dataIn(object);
  return data && `${data}. --prune-data prunes it all the same`;
}

function dataIn({ kind, spec }: ApiObject): string | undefined {
  if (['Project', 'Database', 'Volume', 'Backup'].includes(kind)) return 'it holds data';
  const volumes = spec?.['volumes'];
  if (kind !== 'Service' || !Array.isArray(volumes)) return undefined;
  return volumes.some((volume) => volume?.retain === false) ? 'it has a volume that would go with it' : undefined;
}

function targetOf({ kind: name, metadata }: ApiObject): PlacedTarget {
  const kind = kindNamed(name);
  return { kind, name: metadata.name, namespace: placeOf(kind, metadata.namespace) };
}

function keyOf({ kind, namespace = '', name }: PlacedTarget): string {
  return `${kind.kind} ${namespace}/${name}`;
}
